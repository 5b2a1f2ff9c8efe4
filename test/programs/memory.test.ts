// The memory of buffers is that of the pool's file, and no longer anonymous memory.

import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { POOL, REGISTER, environment } from '../preload/preloaded';

const PROGRAM = resolve(__dirname, '../../../bench/dist/preload/memory.js');
const MEBIBYTES = 40;

interface Resident {
  readonly anonymous: number;
  readonly pool: number;
}

function residentMebibytes(options: readonly string[]): Resident {
  const args = [...options, PROGRAM, String(MEBIBYTES)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: environment(POOL),
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return JSON.parse(stdout) as Resident;
}

test('what /proc/self/smaps says is resident moves from anonymous memory to the pool', () => {
  const without = residentMebibytes([]);
  const under = residentMebibytes(['--require', REGISTER]);
  expect(without.pool).toBe(0);
  expect(under.pool).toBeGreaterThanOrEqual(MEBIBYTES);
  expect(without.anonymous - under.anonymous).toBeGreaterThan(MEBIBYTES * 0.8);
});
