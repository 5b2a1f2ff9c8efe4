// libvmmalloc's names cost nothing besides the class Vmem, and its log nothing while it is off; see libvmem's inlining test.

import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vmmalloc from '@vmem-ts/vmem-api/vmmalloc';

/** V8's report on what it did with the functions that a hot caller calls. */
function inlining(level: string): string {
  const script = join(__dirname, '..', 'workers', 'hot-vmmalloc-caller.js');
  const flags = ['--trace-turbo-inlining', '--no-concurrent-recompilation', script];
  const env = {
    ...process.env,
    VMMALLOC_POOL_DIR: tmpdir(),
    VMMALLOC_POOL_SIZE: String(vmmalloc.VMMALLOC_MIN_POOL),
    VMMALLOC_LOG_LEVEL: level,
    VMMALLOC_LOG_FILE: '/dev/null',
  };
  return execFileSync(process.execPath, flags, { encoding: 'utf8', maxBuffer: 1 << 28, env });
}

const TRACES = ['logAllocation', 'logFree'];
const considered = (name: string): RegExp => new RegExp(`<SharedFunctionInfo ${name}>.* for inlining`);

test('malloc and free, and those of the heap below them, are inlined, and no log is in the way', () => {
  const report = inlining('0');
  const timesInlined = (name: string): number =>
    report.match(
      new RegExp(`^Inlining .*<SharedFunctionInfo ${name}>.* into .*<SharedFunctionInfo hotCaller>`, 'gm'),
    )?.length ?? 0;
  // once each time that V8 compiles the loop: libvmmalloc's, the pool's, the heap's
  const compiled = timesInlined('processPool') / 2;
  expect(compiled).toBeGreaterThan(0);
  expect({ malloc: timesInlined('malloc'), free: timesInlined('free') }).toEqual({
    malloc: 3 * compiled,
    free: 3 * compiled,
  });
  for (const name of TRACES) expect(report).not.toMatch(considered(name));
});

test('a log that is on is in the way', () => {
  const report = inlining('4');
  for (const name of TRACES) expect(report).toMatch(considered(name));
});

test('all names are plain properties', () => {
  const accessors = Object.entries(Object.getOwnPropertyDescriptors(vmmalloc)).filter(([, { get }]) => get);
  expect(accessors).toEqual([]);
});
