import { testSubject } from './every-death';

testSubject('many blocks');
