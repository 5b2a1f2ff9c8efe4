// The pool's file: of the size that was asked for as long as the process lives, and gone with it.

import { MIB, describeFiles } from '../../support/pools';
import { testOnTmpfs } from '../../support/disk';
import { outputOf, runProgram } from './program';

interface Used {
  readonly start: number;
  readonly full: number;
  readonly freed: number;
}

describeFiles('the pool’s file', () => {
  testOnTmpfs('size=64m', 'never grows or shrinks', (disk) => {
    const variables = { VMMALLOC_POOL_DIR: disk.dir };
    const { start, full, freed } = JSON.parse(outputOf('filler', [disk.dir], variables)) as Used;
    expect(start).toBeGreaterThanOrEqual(16 * MIB);
    expect({ full, freed }).toEqual({ full: start, freed: start });
    expect(disk.used()).toBeLessThan(MIB);
  });

  testOnTmpfs('size=64m', 'is gone when the process is killed', (disk) => {
    const { signal } = runProgram('filler', [disk.dir, 'SIGKILL'], { VMMALLOC_POOL_DIR: disk.dir });
    expect(signal).toBe('SIGKILL');
    expect(disk.used()).toBeLessThan(MIB);
  });

  testOnTmpfs('size=8m', 'takes what the directory has not', (disk) => {
    const { status, stderr } = runProgram('filler', [disk.dir], { VMMALLOC_POOL_DIR: disk.dir });
    expect(status).toBe(1);
    expect(stderr).toBe('Error (libvmmalloc): vmem pool creation failed: No space left on device\n');
    expect(disk.used()).toBeLessThan(MIB);
  });
});
