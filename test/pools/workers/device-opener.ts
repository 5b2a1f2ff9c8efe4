// Prints what comes of a pool on a device.

import { Vmem } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

process.stdout.write(failureOf(() => Vmem.create(process.argv[2] ?? '', 2 ** 24)));
