// Every state of `lock.pml`, and every mutation of it.

import { checkModel } from './check-model';

checkModel('lock');
