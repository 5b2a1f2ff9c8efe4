// The snapshot example as its user runs it.

import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { testOnTmpfs } from '../support/disk';
import { describeFiles } from '../support/pools';

/** This file runs from test/dist/examples. */
const PROGRAM = resolve(__dirname, '../../../examples/dist/snapshot/main.js');

function run(...args: string[]): { status: number | null; lines: string[]; errors: string[] } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, '--accounts', '3000', ...args], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  return { status, lines: linesOf(stdout), errors: linesOf(stderr) };
}

const left = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('vmem-snapshot-'));

describeFiles('the snapshot example', () => {
  test.each(['1', '2', '3'])('saves what is consistent, again and again, in mode %s', (mode) => {
    const before = left();
    const { status, lines, errors } = run('--mode', mode, '--snapshots', '3');
    expect({ status, errors }).toEqual({ status: 0, errors: [] });
    expect(lines).toHaveLength(4);
    for (const [i, line] of lines.slice(0, 3).entries()) {
      const [, round] =
        /^snapshot (\d): 3000 accounts saved \(.*\), the balances add up to 3000000; \d+ transfers meanwhile;/.exec(
          line,
        ) ?? [];
      expect(round).toBe(String(i + 1));
    }
    expect(lines[3]).toMatch(/^3 snapshots, [1-9]\d* transfers; the pool is consistent, no block is left$/);
    expect(left()).toEqual(before);
  });

  // the threads are stopped inside a transfer at the latest when they allocate
  test('finds out when the threads were not stopped', () => {
    const { status, errors } = run('--careless', '--snapshots', '50');
    expect(status).toBe(1);
    expect(errors.join('\n')).toMatch(
      /^snapshot: .*: the balances add up to \d+, expected 3000000$|is not whole/m,
    );
  });

  test.each([['--accounts', '0'], ['--mode', '4'], ['--threads', 'x'], ['--nothing'], ['more']])(
    'is refused %s %s',
    (...args) => {
      const { status, errors } = run(...args);
      expect({ status, count: errors.length }).toEqual({ status: 1, count: 1 });
    },
  );

  test('is of no use in a directory that does not exist', () => {
    const { status, errors } = run('--dir', '/no/such/directory');
    expect({ status, errors }).toEqual({ status: 1, errors: [expect.stringMatching(/^snapshot: .*ENOENT/)] });
  });

  testOnTmpfs('size=24m', 'says when there is no room for a copy, and does without in mode 3', ({ dir }) => {
    const { status, errors } = run('--dir', dir, '--mode', '2', '--snapshots', '1');
    expect({ status, errors }).toEqual({ status: 1, errors: [expect.stringMatching(/^snapshot: .*ENOSPC/)] });
    expect(run('--dir', dir, '--mode', '3', '--snapshots', '2')).toMatchObject({ status: 0, errors: [] });
    expect(readdirSync(dir)).toEqual([]);
  });
});
