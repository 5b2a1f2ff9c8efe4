// Every state of `sections.pml`, and every mutation of it.

import { checkModel } from './check-model';

checkModel('sections');
