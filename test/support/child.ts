// Scripts of test/pools/workers in processes of their own, for what might end a process.

import { spawnSync } from 'node:child_process';
import { scriptPath } from './worker';

/**
 * What the script prints, read as JSON. The process must end by itself, without a signal and with status 0.
 * @param limits options of the shell's ulimit, such as `-n 64`; they hold for the process
 */
export function resultOfChild<T>(name: string, args: readonly string[], limits: readonly string[] = []): T {
  const commands = [...limits.map((limit) => `ulimit ${limit}`), 'exec "$@"'].join(' && ');
  const child = spawnSync('sh', ['-c', commands, 'sh', process.execPath, scriptPath(name), ...args], {
    encoding: 'utf8',
    timeout: 100_000,
    maxBuffer: 2 ** 26,
  });
  const { status, signal, stderr } = child;
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: '' });
  return JSON.parse(child.stdout) as T;
}
