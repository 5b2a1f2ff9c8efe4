import { testSubject } from './every-death';

testSubject('storage');
testSubject('storage that is given back at once');
