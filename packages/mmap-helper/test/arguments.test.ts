import { spawnSync } from 'node:child_process';
import { describeWithAddon } from './support/with-addon.js';
import { workerScript } from './support/worker.js';
import type { HostileCall } from './workers/hostile-caller.js';

/** In a process of its own: what these tests must rule out is that it dies. */
function callAll(table: string): HostileCall[] {
  const child = spawnSync(process.execPath, [workerScript('hostile-caller'), table], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  expect({ signal: child.signal, status: child.status, stderr: child.stderr }).toEqual({
    signal: null,
    status: 0,
    stderr: '',
  });
  return JSON.parse(child.stdout) as HostileCall[];
}

describeWithAddon('every function', () => {
  it.each(['values', 'buffers', 'descriptors', 'objects'])(
    'answers hostile %s with an error, and the process and its memory survive',
    (table) => {
      const calls = callAll(table);
      expect(calls.length).toBeGreaterThan(50);
      const wrong = calls.filter(({ error, code }) => error === 'none' || code === undefined);
      expect(wrong).toEqual([]);
    },
  );

  it('answers the wrong type with a TypeError, the wrong number with a RangeError', () => {
    for (const { call, value, error, code } of callAll('values')) {
      if (/^(NaN|-1|1\.5|Infinity|2\^53)$/.test(value) && error === 'RangeError') {
        expect(code).toBe('ERR_OUT_OF_RANGE');
      } else if (/^(null|undefined|an object|a symbol|a bigint|a function|true)$/.test(value)) {
        expect({ call, value, error, code }).toEqual({
          call,
          value,
          error: 'TypeError',
          code: 'ERR_INVALID_ARG_TYPE',
        });
      }
    }
  });
});
