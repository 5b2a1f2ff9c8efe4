// Makes a pool where nothing tells threads apart.

import { Vmem, VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { thrownBy } from '../../support/thrown';

const { code, message } = thrownBy(() => Vmem.create(process.argv[2], VMEM_MIN_POOL));
process.stdout.write(JSON.stringify({ code, message }));
