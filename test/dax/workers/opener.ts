// Another program that wants the place: makes a pool there and prints how that went, and whether calloc gave zeros only.

import { Vmem } from '@vmem-ts/vmem-api';
import { failureOf } from '../../support/thrown';

const [, , place = '', bytes = '0'] = process.argv;
let isZero = true;
const failure = failureOf(() => {
  const pool = Vmem.create(place, 16 * 2 ** 20 + 2 * Number(bytes));
  const block = pool.view(Uint8Array, pool.calloc(1, Number(bytes) + 1), Number(bytes));
  isZero = Buffer.from(block.buffer, block.byteOffset, block.length).equals(Buffer.alloc(block.length));
  pool.delete();
});
process.stdout.write(JSON.stringify({ failure, isZero }));
