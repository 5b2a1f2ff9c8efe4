// No argument makes a function throw, or run code of the argument's, with the log on or off.

import { spawnSync } from 'node:child_process';
import { script } from './forms';

it.each(['0', '4'])('every function takes any value for any argument: level %s', (level) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script('any-caller.js')], {
    encoding: 'utf8',
    env: { ...process.env, VMEM_LOG_LEVEL: level, VMEM_LOG_FILE: '/dev/null' },
    maxBuffer: 2 ** 26,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const { calls, odd } = JSON.parse(stdout) as { calls: number; odd: string[] };
  expect(odd).toEqual([]);
  expect(calls).toBeGreaterThan(500);
});
