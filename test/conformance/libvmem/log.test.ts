// VMEM_LOG_LEVEL and VMEM_LOG_FILE, each in a process of its own, since they are read once.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { script } from './forms';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vmem-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

interface Run {
  readonly pid: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script that does some of everything, in so many threads, with these variables. */
function run(variables: Record<string, string>, threads = 1): Run {
  const env = { ...process.env };
  delete env['VMEM_LOG_LEVEL'];
  delete env['VMEM_LOG_FILE'];
  const { pid, status, signal, stdout, stderr } = spawnSync(
    process.execPath,
    [script('logged.js'), String(threads)],
    { encoding: 'utf8', cwd: dir, env: { ...env, ...variables } },
  );
  expect({ status, signal }).toEqual({ status: 0, signal: null });
  return { pid, stdout, stderr };
}

const LINE = /^<libvmem>: <([1-4])> \[thread \d+, (\w+)\] \S.*$/;

/** How many lines of each level, and of which functions; the statistics, which have no level, are left out. */
function linesIn(text: string): { level: number; name: string; line: string }[] {
  return text
    .replace(/___ Begin [^]*?--- End vmem statistics ---\n/g, '')
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, level, name = ''] = LINE.exec(line) ?? [];
      expect([line, level]).not.toEqual([line, undefined]);
      return { level: Number(level), name, line };
    });
}

const STATS = 'Begin vmem statistics';

describe('VMEM_LOG_LEVEL', () => {
  it.each([undefined, '', '0', '-1', '-7', 'off', 'x4', ' '])('%j: statistics alone', (level) => {
    const { stdout, stderr } = run(level === undefined ? {} : { VMEM_LOG_LEVEL: level });
    expect(stdout).toBe('');
    expect(linesIn(stderr)).toEqual([]);
    expect(stderr).toContain(STATS);
  });

  it('1: the details of errors, too, with each problem that a check has found', () => {
    const lines = linesIn(run({ VMEM_LOG_LEVEL: '1' }).stderr);
    expect(lines.every(({ level }) => level === 1)).toBe(true);
    const names = new Set(lines.map(({ name }) => name));
    expect([...names].sort()).toEqual([
      'libvmem',
      'vmem_check',
      'vmem_check_version',
      'vmem_create',
      'vmem_free',
      'vmem_malloc',
    ]);
    const found = lines.filter(({ name }) => name === 'vmem_check');
    expect(found.length).toBeGreaterThan(1);
    for (const { line } of found) expect(line).toMatch(/\] \[[A-Z]+-\d+\] /);
    expect(lines.find(({ name }) => name === 'vmem_create')!.line).toContain('no\\nsuch');
  });

  it('2: a trace of what is done to pools, too', () => {
    const lines = linesIn(run({ VMEM_LOG_LEVEL: '2' }).stderr);
    expect(Math.max(...lines.map(({ level }) => level))).toBe(2);
    const names = lines.filter(({ level }) => level === 2).map(({ name }) => name);
    expect([...new Set(names)].sort()).toEqual([
      'vmem_attach',
      'vmem_check',
      'vmem_create',
      'vmem_create_in_region',
      'vmem_delete',
      'vmem_detach',
      'vmem_stats_print',
    ]);
    expect(lines.map(({ line }) => line).join('\n')).toMatch(/vmem_delete\] pool \d+ \(a region\)/);
  });

  const ALL_CALLS = [
    'vmem_aligned_alloc',
    'vmem_calloc',
    'vmem_check_version',
    'vmem_free',
    'vmem_malloc',
    'vmem_malloc_usable_size',
    'vmem_realloc',
    'vmem_set_funcs',
    'vmem_strdup',
    'vmem_wcsdup',
  ];

  it('3: every call, too, with its arguments', () => {
    const lines = linesIn(run({ VMEM_LOG_LEVEL: '3' }).stderr);
    const calls = lines.filter(({ level }) => level === 3);
    expect([...new Set(calls.map(({ name }) => name))].sort()).toEqual(ALL_CALLS);
    expect(Math.max(...lines.map(({ level }) => level))).toBe(3);
    expect(calls.some(({ line }) => /vmem_malloc\] pool \d+ \(.*\), 100$/.test(line))).toBe(true);
    expect(calls.some(({ line }) => /vmem_malloc\] NULL, 1$/.test(line))).toBe(true);
  });

  it.each(['4', '5', '99', '4abc'])('%s: everything, what calls return, too', (level) => {
    const lines = linesIn(run({ VMEM_LOG_LEVEL: level }).stderr);
    const results = lines.filter((line) => line.level === 4);
    expect([...new Set(results.map(({ name }) => name))].sort()).toEqual(
      ALL_CALLS.filter((name) => !/free|set_funcs|version/.test(name)),
    );
    for (const { line } of results) expect(line).toMatch(/returns \d+$/);
  });

  it('changes nothing else', () => {
    const outcomes = (level: string): unknown => {
      const { stdout } = run({ VMEM_LOG_LEVEL: level, VMEM_LOG_FILE: 'log', LOGGED_OUTCOMES: '1' });
      return JSON.parse(stdout);
    };
    expect(outcomes('4')).toEqual(outcomes('0'));
  });
});

describe('VMEM_LOG_FILE', () => {
  it('gets all of the log, of all threads, line by line, for its owner to read', () => {
    const { stdout, stderr } = run({ VMEM_LOG_LEVEL: '3', VMEM_LOG_FILE: 'log' }, 3);
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    expect(readdirSync(dir)).toEqual(['log']);
    expect(statSync(join(dir, 'log')).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(dir, 'log'), 'utf8');
    expect(text.match(new RegExp(STATS, 'g'))).toHaveLength(3);
    const threads = new Set(linesIn(text).map(({ line }) => /thread \d+/.exec(line)?.[0]));
    expect(threads.size).toBe(3);
  });

  it('gets statistics at level 0, and is appended to', () => {
    for (let runs = 1; runs <= 2; runs++) {
      const { stderr } = run({ VMEM_LOG_FILE: join(dir, 'log') });
      expect(stderr).toBe('');
      const text = readFileSync(join(dir, 'log'), 'utf8');
      expect(text.match(new RegExp(STATS, 'g'))).toHaveLength(runs);
      expect(linesIn(text)).toEqual([]);
    }
  });

  it('has the process id appended if it ends in -', () => {
    const { pid, stderr } = run({ VMEM_LOG_LEVEL: '2', VMEM_LOG_FILE: 'log-' }, 2);
    expect(stderr).toBe('');
    expect(readdirSync(dir)).toEqual([`log-${pid}`]);
    expect(linesIn(readFileSync(join(dir, `log-${pid}`), 'utf8')).length).toBeGreaterThan(10);
  });

  it('is stderr if it is empty', () => {
    expect(run({ VMEM_LOG_FILE: '' }).stderr).toContain(STATS);
    expect(readdirSync(dir)).toEqual([]);
  });

  it.each(['none/log', '.'])(
    'that is %j, which can’t be opened, is told once, and stderr has the log',
    (file) => {
      const { stderr } = run({ VMEM_LOG_LEVEL: '1', VMEM_LOG_FILE: file });
      const [warning, ...rest] = stderr.split('\n');
      expect(warning).toMatch(/^libvmem: VMEM_LOG_FILE: E(NOENT|ISDIR): .*stderr/);
      expect(stderr.match(/VMEM_LOG_FILE/g)).toHaveLength(1);
      expect(linesIn(rest.join('\n')).length).toBeGreaterThan(3);
      expect(stderr).toContain(STATS);
    },
  );

  it('that is full is no reason to fail', () => {
    if (!existsSync('/dev/full')) return;
    expect(run({ VMEM_LOG_LEVEL: '4', VMEM_LOG_FILE: '/dev/full' })).toMatchObject({
      stdout: '',
      stderr: '',
    });
  });

  it('is not needed where a print function is set', () => {
    const { stdout, stderr } = run({ VMEM_LOG_LEVEL: '2', VMEM_LOG_FILE: 'log', LOGGED_PRINT: '1' });
    expect(stderr).toBe('');
    expect(stdout).toContain(STATS);
    expect(linesIn(stdout).some(({ name }) => name === 'vmem_delete')).toBe(true);
    // what came before it was set
    expect(linesIn(readFileSync(join(dir, 'log'), 'utf8')).map(({ name }) => name)).toEqual(['libvmem']);
  });
});
