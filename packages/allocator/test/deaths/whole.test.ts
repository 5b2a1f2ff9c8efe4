import { testSubject } from './every-death';

testSubject('the whole heap');
