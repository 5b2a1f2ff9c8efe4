// The forms in which C's own tests of libvmem run: a pool in a temporary file, one in a region of the caller's, and where the
// environment names some, one on a DAX device.

import { resolve } from 'node:path';
import {
  VMEM_MIN_POOL,
  vmem_create,
  vmem_create_in_region,
  vmem_free,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';
import { DAX_DEVICES } from '../../support/dax';
import { POOL_DIR, describeFiles, tracked } from '../../support/pools';
import { errorName } from './outcomes';

export { bytesAt, errorName, outcome, wordsAt } from './outcomes';

export interface Form {
  readonly name: 'temp file' | 'region' | 'device';
  /** A pool that is deleted when the test ends; default VMEM_MIN_POOL. */
  create(size?: number): VMEM;
}

const FORMS: Form[] = [
  { name: 'temp file', create: (size = VMEM_MIN_POOL) => made(vmem_create(POOL_DIR, size)) },
  {
    name: 'region',
    create: (size = VMEM_MIN_POOL) => made(vmem_create_in_region(new SharedArrayBuffer(size), size)),
  },
];

if (DAX_DEVICES.length > 0) FORMS.push({ name: 'device', create: (size = 0) => made(createOnDevice(size)) });

/** On the first device that is free: each has one pool at a time. */
function createOnDevice(size: number): VMEM | null {
  for (const device of DAX_DEVICES) {
    const vmp = vmem_create(device, size);
    if (vmp !== null || errorName() !== 'EBUSY') return vmp;
  }
  return null;
}

function made(vmp: VMEM | null): VMEM {
  if (vmp === null) throw new Error(`no pool: ${errorName()}`);
  return tracked(vmp);
}

/** A block of tests for each form; that in files is left out where the addon can't be built. */
export function describeEachForm(title: string, tests: (form: Form) => void): void {
  for (const form of FORMS) {
    (form.name === 'region' ? describe : describeFiles)(`${title} (${form.name})`, () => {
      tests(form);
    });
  }
}

/** Nothing is live, and all is in order. */
export function expectEmptyAndWhole(vmp: VMEM): void {
  expect(vmp.checkReport()).toMatchObject({ result: 1, problems: [] });
  expect(vmp.stats()).toMatchObject({ live: 0, liveBlocks: 0 });
}

export function freeAll(vmp: VMEM, pointers: Iterable<number>): void {
  for (const ptr of pointers) vmem_free(vmp, ptr);
}

/** A script of this folder's workers, for a thread or a process. */
export const script = (name: string): string => resolve(__dirname, 'workers', name);
