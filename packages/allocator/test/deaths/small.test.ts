import { testSubject } from './every-death';

testSubject('blocks of slabs');
