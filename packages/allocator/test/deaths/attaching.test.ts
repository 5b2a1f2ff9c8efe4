import { testSubject } from './every-death';

testSubject('attaching');
testSubject('attaching where the heap must grow');
