import { testSubject } from './every-death';

testSubject('blocks of whole pages');
