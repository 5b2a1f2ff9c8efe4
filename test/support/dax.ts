// Persistent memory for tests, which write over it: only where the environment names some, as `npm run test:dax` does in its
// machine. Elsewhere these tests are left out, and say so.

import { readFileSync, statSync } from 'node:fs';
import { describeFiles } from './pools';
import { skipTest } from './disk';

/** The device that most tests use. */
export const DAX_DEVICE = process.env['VMEM_TEST_DAX_DEVICE'];
/** All there are, of several alignments. */
export const DAX_DEVICES = (process.env['VMEM_TEST_DAX_DEVICES'] ?? DAX_DEVICE ?? '')
  .split(':')
  .filter(Boolean);
/** A directory of a file system with DAX. */
export const DAX_DIR = process.env['VMEM_TEST_DAX_DIR'];
/** The block device that it is on. */
export const DAX_BLOCK_DEVICE = process.env['VMEM_TEST_DAX_BLOCK_DEVICE'];

type Variable = 'DEVICE' | 'DEVICES' | 'DIR' | 'BLOCK_DEVICE';

/** A block of tests for each place that the variable of the environment names. */
export function describeDax(title: string, variable: Variable, tests: (place: string) => void): void {
  const places = (process.env[`VMEM_TEST_DAX_${variable}`] ?? '').split(':').filter(Boolean);
  if (places.length === 0) {
    describe(title, () => skipTest(title, `VMEM_TEST_DAX_${variable} names nothing`));
  }
  for (const place of places) {
    describeFiles(`${title}: ${place}`, () => {
      tests(place);
    });
  }
}

export interface DeviceFacts {
  readonly size: number;
  readonly alignment: number;
  /** The folder of sysfs. */
  readonly sysfs: string;
}

/** What sysfs says of a DAX device. */
export function factsOf(device: string): DeviceFacts {
  const { rdev } = statSync(device);
  const sysfs = `/sys/dev/char/${rdev >>> 8}:${rdev & 0xff}`;
  const number = (name: string): number => Number(readFileSync(`${sysfs}/${name}`, 'utf8'));
  return { size: number('size'), alignment: number('align'), sysfs };
}

export interface Mapping {
  readonly start: number;
  readonly bytes: number;
  /** As proc(5) abbreviates them: `sf` is MAP_SYNC. */
  readonly flags: readonly string[];
}

/** This process' mappings of a file or device, by the beginning of its path. */
export function mappingsOf(path: string): Mapping[] {
  const found: Mapping[] = [];
  let isMine = false;
  let start = 0;
  let bytes = 0;
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    const [, from, to, name] = /^([0-9a-f]+)-([0-9a-f]+) (?:\S+ +){4}(.*)$/.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      isMine = name?.startsWith(path);
      start = Number.parseInt(from, 16);
      bytes = Number.parseInt(to, 16) - start;
    } else if (isMine && line.startsWith('VmFlags:')) {
      found.push({ start, bytes, flags: line.slice('VmFlags:'.length).trim().split(' ') });
    }
  }
  return found;
}
