// The programs ported from C, as their user runs them: what they print, and how they end.

import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { listFiles, ROOT } from '../rules/repository';
import { testOnTmpfs } from '../support/disk';

/** This file runs from test/dist/examples. */
const COMPILED = resolve(__dirname, '../../../examples/dist');

interface Run {
  readonly status: number | null;
  readonly lines: readonly string[];
  /** Without the runtime's warning that there is no addon. */
  readonly errors: readonly string[];
}

function run(program: string, ...args: string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(COMPILED, `${program}.js`), ...args], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');
  const errors = linesOf(stderr).filter((line) => !/^\(node:|^\(Use `node/.test(line));
  return { status, lines: linesOf(stdout), errors };
}

/** What each program prints: all of it for those of libvmem, what follows on the place for those of memkind. */
const PROGRAMS: Record<string, (string | RegExp)[]> = {
  'from-c/libvmem-manpage': ['hello, world'],
  'from-c/libart/main': [
    /^inserted: 13759 leaf, \d+ node4, \d+ node16, \d+ node48, 1 node256; as in the Map$/,
    /^changed: 13759 leaf, .*; as in the Map$/,
    /^deleted: 1785 leaf, .*; as in the Map$/,
    'emptied: 0 leaf, 0 node4, 0 node16, 0 node48, 0 node256; as in the Map',
    'no block is left',
  ],
  'from-c/memkind/pmem-malloc': [
    'Hello world from the first block.',
    'Hello world from the second block.',
    'Hello world from the third block.',
    'The memory was allocated and released.',
  ],
  'from-c/memkind/pmem-malloc-unlimited': [
    'two blocks of 33554432 bytes',
    'The memory was allocated and released.',
  ],
  'from-c/memkind/pmem-kinds': ['12 kinds were created and destroyed.'],
  'from-c/memkind/pmem-config': ['The kind and its configuration were created and destroyed.'],
  'from-c/memkind/pmem-alignment': [
    'blocks of 32 bytes are 32 apart',
    'aligned to 64 they are 64 apart',
    'The memory was allocated with an alignment.',
  ],
  'from-c/memkind/pmem-usable-size': [
    '32 bytes: 32',
    '31 bytes: 32',
    '33 bytes: 40',
    '5242880 bytes: 5242880',
    '5242881 bytes: 5246976',
    'The real sizes were read.',
  ],
  'from-c/memkind/pmem-detect-kind': [
    '1000 blocks of 512 bytes, of MEMKIND_DEFAULT and of the file by turns',
    '500 of them were found to be of the file, and have room for 2048 bytes now',
  ],
  'from-c/memkind/pmem-free-with-unknown-kind': [
    'Hello world from ordinary memory, block 10.',
    'Hello world from ordinary memory, block 40.',
    'Hello world from the file, block 80.',
    '100 blocks were released.',
  ],
  'from-c/memkind/pmem-multithreads': ['10 threads have allocated memory of their kinds.'],
};

const NAMES = Object.keys(PROGRAMS);
const DAX = / is( not)? in persistent memory \(DAX\)$/;

test('every program is tried, and listed with its command', () => {
  const programs = listFiles(ROOT, 'examples/from-c').filter((path) =>
    readFileSync(join(ROOT, path), 'utf8').includes('\nvoid run('),
  );
  expect(programs.map((path) => path.slice('examples/'.length, -'.ts'.length)).sort()).toEqual(NAMES.sort());
  const commands = readFileSync(join(ROOT, 'examples/README.md'), 'utf8').match(
    /(?<=dist\/)[\w/-]+(?=\.js)/g,
  );
  expect(commands).toEqual(expect.arrayContaining(NAMES));
});

test.each(NAMES)('%s', (name) => {
  const { status, lines, errors } = run(name, '--dir', tmpdir());
  expect({ status, errors }).toEqual({ status: 0, errors: [] });
  const isOfMemkind = name.includes('/pmem-');
  if (isOfMemkind)
    expect(lines.slice(0, 3)).toEqual([
      expect.any(String),
      /* and the place */ expect.stringContaining(realpathSync(tmpdir())),
      expect.stringMatching(DAX),
    ]);
  const own = isOfMemkind ? lines.slice(3).filter((line) => !DAX.test(line)) : lines;
  const expected = PROGRAMS[name].map((line) =>
    typeof line === 'string' ? line : (expect.stringMatching(line) as string),
  );
  expect(own).toEqual(expected);
});

test('the tree takes as many words as it is told', () => {
  const { status, lines } = run('from-c/libart/main', '--dir', tmpdir(), '300');
  expect(status).toBe(0);
  expect(lines[0]).toMatch(/^inserted: \d{3} leaf, .*; as in the Map$/);
});

test('the unlimited kind takes as many bytes as it is told', () => {
  const { status, lines } = run('from-c/memkind/pmem-malloc-unlimited', '--dir', tmpdir(), '3000001');
  expect(status).toBe(0);
  expect(lines).toContain('two blocks of 1500001 bytes');
});

describe('what can’t be done ends with status 1 and a line that says why', () => {
  test.each([
    ['from-c/libart/main', '0'],
    ['from-c/libart/main', 'many'],
    ['from-c/memkind/pmem-malloc-unlimited', '-1'],
  ])('%s with %s', (name, argument) => {
    const { status, errors } = run(name, '--dir', tmpdir(), '--', argument);
    expect({ status, errors }).toEqual({ status: 1, errors: [`expected a number above 0, got ${argument}`] });
  });

  if (process.env['VMEM_TEST_WITHOUT_ADDON'] === '1') return;

  test.each(NAMES)('%s in a directory that does not exist', (name) => {
    const { status, errors } = run(name, '--dir', '/no/such/directory');
    expect({ status, errors }).toEqual({
      status: 1,
      errors: [expect.stringContaining('/no/such/directory')],
    });
  });

  test.each(NAMES)('%s where there can be no files', (name) => {
    const { status, errors } = run(name, '--dir', '/proc');
    expect(status).toBe(1);
    expect(errors.join('\n')).toMatch(/^vmem_create: .*'\/proc'|^<memkind> .*\(E[A-Z]+\)/);
  });

  test.each(NAMES)('%s on a device that is no persistent memory', (name) => {
    const { status, errors } = run(name, '--dir', '/dev/null');
    expect(status).toBe(1);
    expect(errors.join('\n')).toMatch(
      /'\/dev\/null' is no DAX device|\(ENODEV\)|\/dev\/null is a device, which has one kind at a time/,
    );
  });

  test('an option that there is not', () => {
    const { status, errors } = run('from-c/libvmem-manpage', '--directory', '/tmp');
    expect(status).toBe(1);
    expect(errors.join('\n')).toContain('--directory');
  });

  testOnTmpfs('size=16m', 'a tree that does not fit', ({ dir }) => {
    const { status, errors } = run('from-c/libart/main', '--dir', dir);
    expect({ status, errors }).toEqual({
      status: 1,
      errors: [expect.stringMatching(/^vmem_create: .*ENOSPC/)],
    });
  });
});
