// When and how libvmmalloc refuses to start, and that it says nothing otherwise.

import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { POOL_DIR, describeFiles } from '../../support/pools';
import { runProgram, type Run, type Variables } from './program';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(POOL_DIR, 'vmem-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** The process ended with a failure, at the first use, and its last words were these. */
function expectRefusal({ status, signal, stdout, stderr }: Run, message: string | RegExp): void {
  expect(stdout).toBe('');
  expect({ status, signal }).not.toEqual({ status: 0, signal: null });
  // a worker can't end the process otherwise
  expect([null, 'SIGABRT']).toContain(signal);
  const told = stderr.split('\n').filter((line) => line.startsWith('Error (libvmmalloc): '));
  expect(told).toEqual([typeof message === 'string' ? message : expect.stringMatching(message)]);
}

const MINIMUM = 14 * 2 ** 20;
const tooSmall = (bytes: number): string =>
  `Error (libvmmalloc): VMMALLOC_POOL_SIZE value is less than minimum (${bytes} < ${MINIMUM})`;
const notSpecified = (name: string): string =>
  `Error (libvmmalloc): environment variable ${name} not specified`;
const incorrect = (name: string, value: string): string =>
  `Error (libvmmalloc): incorrect ${name} value (${value})`;

const REFUSED: [string, Variables, string | RegExp][] = [
  ['no VMMALLOC_POOL_SIZE', { VMMALLOC_POOL_SIZE: undefined }, notSpecified('VMMALLOC_POOL_SIZE')],
  ['no VMMALLOC_POOL_DIR', { VMMALLOC_POOL_DIR: undefined }, notSpecified('VMMALLOC_POOL_DIR')],
  [
    'neither',
    { VMMALLOC_POOL_DIR: undefined, VMMALLOC_POOL_SIZE: undefined },
    notSpecified('VMMALLOC_POOL_DIR'),
  ],
  ['a size of 1 MiB', { VMMALLOC_POOL_SIZE: '1048576' }, tooSmall(1048576)],
  ['a byte too few', { VMMALLOC_POOL_SIZE: String(MINIMUM - 1) }, tooSmall(MINIMUM - 1)],
  ['a size that is no number', { VMMALLOC_POOL_SIZE: 'much' }, tooSmall(0)],
  [
    'a negative size',
    { VMMALLOC_POOL_SIZE: '-16777216' },
    'Error (libvmmalloc): negative VMMALLOC_POOL_SIZE',
  ],
  [
    'more than any pool has',
    { VMMALLOC_POOL_SIZE: '1000000000000000' },
    /: vmem pool creation failed: .*bytes/,
  ],
  [
    'a directory that there is not',
    { VMMALLOC_POOL_DIR: '/no/such/directory' },
    'Error (libvmmalloc): vmem pool creation failed: No such file or directory',
  ],
  [
    'an empty name',
    { VMMALLOC_POOL_DIR: '' },
    'Error (libvmmalloc): vmem pool creation failed: No such file or directory',
  ],
  ['VMMALLOC_FORK=4', { VMMALLOC_FORK: '4' }, incorrect('VMMALLOC_FORK', '4')],
  ['VMMALLOC_FORK=-1', { VMMALLOC_FORK: '-1' }, incorrect('VMMALLOC_FORK', '-1')],
  ['VMMALLOC_FORK=on', { VMMALLOC_FORK: 'on' }, incorrect('VMMALLOC_FORK', 'on')],
  ['VMMALLOC_MIN_SIZE=small', { VMMALLOC_MIN_SIZE: 'small' }, incorrect('VMMALLOC_MIN_SIZE', 'small')],
  ['VMMALLOC_FALLBACK=2', { VMMALLOC_FALLBACK: '2' }, incorrect('VMMALLOC_FALLBACK', '2')],
];

describe('vmmalloc_init', () => {
  describe.each(['main', 'worker'])('first used in a thread of kind: %s', (where) => {
    it.each(REFUSED)('refuses %s', (_, variables, message) => {
      expectRefusal(runProgram('init', [where], variables), message);
    });

    it('is silent', () => {
      expect(runProgram('init', [where])).toMatchObject({ status: 0, stdout: 'DONE', stderr: '' });
    });

    it.each([
      ['', 1],
      ['d', 2],
      ['l', 2],
    ])('shows malloc size 4321 at level 4, binding %j', (library, times) => {
      const log = join(dir, 'log');
      const variables = { VMMALLOC_LOG_LEVEL: '4', VMMALLOC_LOG_FILE: log };
      expect(runProgram('init', [where, library], variables)).toMatchObject({ status: 0, stderr: '' });
      const lines = readFileSync(log, 'utf8').split('\n');
      const shown = lines.filter((line) => /^<libvmmalloc>: <4> \[.* malloc\] size 4321$/.test(line));
      expect(shown).toHaveLength(times);
    });

    it.each(['d', 'l'])('is silent to a library that is loaded later, binding %j', (library) => {
      expect(runProgram('init', [where, library])).toMatchObject({ status: 0, stdout: 'DONE', stderr: '' });
    });

    it('tells at level 4, in the log file, what it refuses, and the reason on stderr', () => {
      const log = join(dir, 'log');
      const variables = { VMMALLOC_LOG_LEVEL: '4', VMMALLOC_LOG_FILE: log, VMMALLOC_POOL_DIR: '/no/such' };
      const message = 'Error (libvmmalloc): vmem pool creation failed: No such file or directory';
      expectRefusal(runProgram('init', [where], variables), message);
      const text = readFileSync(log, 'utf8');
      expect(text).toContain(`libvmmalloc] ${message}\n`);
      expect(text).toMatch(/<1> \[.*libvmmalloc_create\] .*'\/no\/such'/);
    });
  });

  it('ends the main thread with status 1', () => {
    expect(runProgram('init', [], { VMMALLOC_POOL_DIR: undefined })).toMatchObject({
      status: 1,
      signal: null,
    });
  });

  it.each(['0', '1', '2', '3'])('takes VMMALLOC_FORK=%s', (mode) => {
    expect(runProgram('init', [], { VMMALLOC_FORK: mode })).toMatchObject({ status: 0, stderr: '' });
  });
});

describeFiles('vmmalloc_init', () => {
  it('refuses a directory that no file can be made in', () => {
    const run = runProgram('init', [], { VMMALLOC_POOL_DIR: '/proc' });
    expectRefusal(run, /^Error \(libvmmalloc\): vmem pool creation failed: [A-Z]/);
  });

  it('refuses a file', () => {
    writeFileSync(join(dir, 'file'), '');
    const run = runProgram('init', [], { VMMALLOC_POOL_DIR: join(dir, 'file') });
    expectRefusal(run, 'Error (libvmmalloc): vmem pool creation failed: Not a directory');
  });

  it('refuses a directory that the user may not write to', () => {
    const isRoot = process.getuid?.() === 0;
    chmodSync(dir, isRoot ? 0o700 : 0o500);
    const run = runProgram('init', [isRoot ? 'nobody' : 'main'], { VMMALLOC_POOL_DIR: dir });
    chmodSync(dir, 0o700);
    expectRefusal(run, 'Error (libvmmalloc): vmem pool creation failed: Permission denied');
  });

  it('leaves nothing in the directory', () => {
    expect(runProgram('init', [], { VMMALLOC_POOL_DIR: dir })).toMatchObject({ status: 0, stderr: '' });
    expect(readdirSync(dir)).toEqual([]);
  });
});
