// Every state of `slots.pml`, and every mutation of it.

import { checkModel } from './check-model';

checkModel('slots');
