// VMMALLOC_LOG_LEVEL, VMMALLOC_LOG_FILE and VMMALLOC_LOG_STATS.

import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram, type Run, type Variables } from './program';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vmem-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** Runs a program that does some of everything in so many threads. */
function run(variables: Variables, threads = 1): Run {
  const done = runProgram('logged', [threads], variables, { cwd: dir });
  expect(done).toMatchObject({ status: 0, signal: null });
  return done;
}

interface Line {
  readonly level: number;
  readonly name: string;
  readonly text: string;
}

function linesIn(log: string): Line[] {
  const lines = log.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [, level, name = '', text = ''] =
      /^<libvmmalloc>: <([1-4])> \[thread \d+, (\w+)\] (\S.*)$/.exec(line) ?? [];
    expect([line, level]).not.toEqual([line, undefined]);
    return { level: Number(level), name, text };
  });
}

const namesOf = (lines: readonly Line[], level: number): string[] =>
  [...new Set(lines.filter((line) => line.level === level).map(({ name }) => name))].sort();

const SUMMARY = '=========    vmem pool   ========';

describe('VMMALLOC_LOG_LEVEL', () => {
  it.each([undefined, '', '0', '-1', 'off'])('%j: nothing', (level) => {
    expect(run({ VMMALLOC_LOG_LEVEL: level }).stderr).toBe('');
  });

  it('1: the details of errors', () => {
    const lines = linesIn(run({ VMMALLOC_LOG_LEVEL: '1' }).stderr);
    expect(namesOf(lines, 1)).toEqual(['free', 'libvmmalloc', 'malloc']);
    expect(lines.every(({ level }) => level === 1)).toBe(true);
  });

  it('2: the pool that is made, too', () => {
    const lines = linesIn(run({ VMMALLOC_LOG_LEVEL: '2' }, 2).stderr);
    expect(lines.filter(({ level }) => level > 1)).toEqual([
      {
        level: 2,
        name: 'libvmmalloc_create',
        text: expect.stringMatching(/^a pool of 16777216 bytes in "/) as string,
      },
    ]);
  });

  it('3: what threads do about it, too', () => {
    const lines = linesIn(run({ VMMALLOC_LOG_LEVEL: '3' }, 2).stderr);
    expect(namesOf(lines, 3)).toEqual(['libvmmalloc_attach', 'libvmmalloc_create']);
    expect(namesOf(lines, 4)).toEqual([]);
  });

  it.each(['4', '5', '4abc'])('%s: every call about a block, too, with what it asks for', (level) => {
    const lines = linesIn(run({ VMMALLOC_LOG_LEVEL: level }).stderr).filter((line) => line.level === 4);
    const texts = lines.map(({ name, text }) => `${name} ${text.replace(/0x[\da-f]+/, 'P')}`);
    expect(texts).toEqual([
      'malloc size 4321',
      'calloc nmemb 2, size 50',
      'realloc ptr P, size 5000',
      'posix_memalign alignment 64  size 100',
      'aligned_alloc alignment 128  size 200',
      'memalign boundary 256  size 300',
      'valloc size 400',
      'pvalloc size 500',
      'malloc_usable_size ptr P',
      'free ptr P',
      'free ptr P',
      'malloc size 1099511627776',
      'malloc size "a\\nb"',
      'cfree ptr P',
    ]);
  });

  it('is that of the process, whatever environment a worker has', () => {
    const variables = { VMMALLOC_LOG_LEVEL: '4' };
    const { stderr } = runProgram('sharing', ['a worker has an environment of its own'], variables);
    expect(stderr).toContain('[thread 1, malloc] size 100\n');
  });

  it('changes nothing else', () => {
    const outcomes = (level: string): string =>
      run({ VMMALLOC_LOG_LEVEL: level, VMMALLOC_LOG_FILE: 'log' }).stdout;
    expect(outcomes('4')).toBe(outcomes('0'));
  });
});

test('vmmalloc_malloc_hooks', () => {
  const { stderr } = run({ VMMALLOC_LOG_LEVEL: '4' });
  for (const [name, text] of [
    ['malloc', 'size 4321'],
    ['calloc', 'nmemb 2, size 50'],
    ['memalign', 'boundary 256  size 300'],
  ]) {
    expect(stderr).toMatch(new RegExp(`^<libvmmalloc>: <4> \\[.* ${name}\\] ${text}$`, 'm'));
  }
});

describe('VMMALLOC_LOG_FILE', () => {
  it('gets all of the log, of all threads', () => {
    expect(run({ VMMALLOC_LOG_LEVEL: '3', VMMALLOC_LOG_FILE: 'log' }, 3).stderr).toBe('');
    const text = readFileSync(join(dir, 'log'), 'utf8');
    expect(linesIn(text).length).toBeGreaterThan(3);
    expect(new Set(text.match(/thread \d+/g)).size).toBe(3);
  });

  it('has the process id appended if it ends in -', () => {
    const { pid, stderr } = run({ VMMALLOC_LOG_LEVEL: '4', VMMALLOC_LOG_FILE: 'log-' }, 2);
    expect(stderr).toBe('');
    expect(readdirSync(dir)).toEqual([`log-${pid}`]);
  });

  it('that is full is no reason to fail', () => {
    if (!existsSync('/dev/full')) return;
    const variables = { VMMALLOC_LOG_LEVEL: '4', VMMALLOC_LOG_FILE: '/dev/full', VMMALLOC_LOG_STATS: '1' };
    expect(run(variables).stderr).toBe('');
  });
});

describe('VMMALLOC_LOG_STATS', () => {
  it.each(['0', '2', '', 'yes'])('%j: none', (value) => {
    expect(run({ VMMALLOC_LOG_STATS: value }).stderr).toBe('');
  });

  it.each([1, 3])('1: a summary when the process ends, once, with %i threads', (threads) => {
    const { stderr } = run({ VMMALLOC_LOG_STATS: '1' }, threads);
    expect(stderr.split(SUMMARY)).toHaveLength(2);
    expect(stderr).toMatch(/^\n=+ {4}vmem pool {3}=+\n___ Begin vmem statistics ___\nAllocated: \d+, /);
    expect(stderr).toMatch(
      /Merged arenas stats:\n.*\n(.*\n)*large: +blocks +bytes\n.*\n--- End vmem statistics ---\n$/,
    );
    expect(stderr).not.toMatch(/^bins:|^arenas\[|^Backend/m);
    const [, live] = /Allocated: (\d+)/.exec(stderr)!;
    expect(Number(live)).toBeGreaterThan(threads * 5000);
  });

  it('goes where the log goes', () => {
    const { stdout, stderr } = run({ VMMALLOC_LOG_STATS: '1', VMMALLOC_LOG_FILE: 'log' });
    expect(stdout).toMatch(/^\[.*\]\n$/);
    expect(stderr).toBe('');
    expect(readFileSync(join(dir, 'log'), 'utf8')).toContain(SUMMARY);
  });

  it.each([
    ['throw', 1],
    ['exit', 3],
  ])('is printed by a program that ends by %s, too', (way, status) => {
    const done = runProgram('logged', [1, way], { VMMALLOC_LOG_STATS: '1' });
    expect(done.status).toBe(status);
    expect(done.stderr.split(SUMMARY)).toHaveLength(2);
  });

  it('is no first use', () => {
    const variables = { VMMALLOC_LOG_STATS: '1', VMMALLOC_POOL_DIR: undefined };
    expect(runProgram('sharing', ['nobody uses it'], variables)).toMatchObject({ status: 0, stderr: '' });
  });
});
