// The word count as its user runs it: a process of its own, judged by what it prints and how it ends.

import { spawn, type SpawnOptions } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { MAX_THREADS, createPool } from '@vmem-ts/examples/word-count/pool';
import { wordsOf } from '@vmem-ts/examples/word-count/tokenizer';
import { VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { testOnTmpfs } from '../support/disk';

/** This file runs from test/dist/examples. */
const PROGRAM = resolve(__dirname, '../../../examples/dist/word-count/main.js');

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** Lines, without the runtime's warning that there is no addon. */
  readonly errors: readonly string[];
}

function run(
  args: readonly string[],
  options: SpawnOptions = {},
  onOutput?: (kill: () => void) => void,
): Promise<Run> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    timeout: 100_000,
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
    onOutput?.(() => child.kill('SIGINT'));
  });
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => {
      const errors = stderr.split('\n').filter((line) => line !== '' && !/^\(node:|^\(Use `node/.test(line));
      resolve({ status, stdout, errors });
    });
  });
}

interface Report {
  ok: boolean;
  problems: string[];
  input: { files: number; bytes: number; words: number; distinctWords: number };
  top: { word: string; count: number }[];
  threads: number;
  pool: { backend: string; check: { result: number }; blocksLeft: number; stats: { size: number } };
}

const parse = (stdout: string): Report => JSON.parse(stdout) as Report;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vmem-test-word-count-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function put(path: string, content: string | Buffer): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  return file;
}

const TEXTS: Record<string, string | Buffer> = {
  'a.md': "The the THE café Café CAFÉ naïve; ΣΑΣ σας 漢字 漢字 don't x1 İstanbul\r\n",
  'deep/er/b.txt': 'the\tend\0end\u{feff}end 🦊the🦊',
  'code.ts': 'const the = the_end ?? `${theEnd}`;',
  'code.js': '',
  'broken.txt': Buffer.from([
    0xff, 0x74, 0x68, 0x65, 0xc3, 0x20, 0xe2, 0x82, 0x74, 0x68, 0x65, 0xed, 0xa0, 0x80,
  ]),
  'long.md': `${'abc '.repeat(400_000)}${'x'.repeat(1_200_000)}é ${'Ünder '.repeat(200_000)}`,
};
const IGNORED = { 'picture.png': 'the the', 'folder.md/notes': 'the the' };

function expectedCounts(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of Object.values(TEXTS)) {
    for (const word of wordsOf(text.toString())) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

describe('a folder of known text', () => {
  beforeEach(() => {
    for (const [path, text] of Object.entries({ ...TEXTS, ...IGNORED })) put(path, text);
    symlinkSync('.', join(folder, 'loop'));
    symlinkSync('a.md', join(folder, 'link.md'));
  });

  test.each(['1', '4'])('is counted exactly, by %s threads', async (threads) => {
    const { status, stdout, errors } = await run(['--json', '--threads', threads, '--top', '1000', folder]);
    expect(errors).toEqual([]);
    expect(status).toBe(0);
    const report = parse(stdout);
    const expected = expectedCounts();
    expect(new Map(report.top.map(({ word, count }) => [word, count]))).toEqual(expected);
    expect(report).toMatchObject({
      ok: true,
      problems: [],
      threads: Number(threads),
      input: {
        files: Object.keys(TEXTS).length,
        bytes: Object.values(TEXTS).reduce((sum, text) => sum + Buffer.byteLength(text), 0),
        words: [...expected.values()].reduce((sum, count) => sum + count, 0),
        distinctWords: expected.size,
      },
      pool: { check: { result: 1 }, blocksLeft: 0 },
    });
    const counts = report.top.map(({ count }) => count);
    expect(counts).toEqual(counts.toSorted((a, b) => b - a));
  });

  test('is reported in tables', async () => {
    const { status, stdout, errors } = await run([folder, '--top', '3']);
    expect(errors).toEqual([]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/│ 1 .*abc │ +400,000 │/);
    expect(stdout).toMatch(/backend .*(overlay|anonymous)/);
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(
      'Both ways agree on every word and every count, and the pool is consistent.',
    );
  });

  test('files that are named are read whatever their names', async () => {
    const args = ['--json', join(folder, 'picture.png'), join(folder, 'code.ts')];
    const { status, stdout } = await run([...args, '--size', '15MiB', '--dir', folder]);
    expect(status).toBe(0);
    expect(parse(stdout)).toMatchObject({ input: { files: 2 }, pool: { stats: { size: 15 * 2 ** 20 } } });
  });

  test('no text at all is no failure', async () => {
    const { status, stdout } = await run(['--json', join(folder, 'code.js')]);
    expect(status).toBe(0);
    expect(parse(stdout)).toMatchObject({
      ok: true,
      input: { files: 1, words: 0, distinctWords: 0 },
      top: [],
    });
  });
});

test('--help tells all options', async () => {
  const { status, stdout } = await run(['--help']);
  expect(status).toBe(0);
  for (const flag of ['--threads', '--size', '--dir', '--top', '--json', '--help'])
    expect(stdout).toContain(flag);
});

test('a pool serves as many threads as --threads allows, and no more', () => {
  createPool(tmpdir(), VMEM_MIN_POOL, MAX_THREADS).delete();
  expect(() => createPool(tmpdir(), VMEM_MIN_POOL, MAX_THREADS + 1)).toThrow(/threads: expected/);
});

describe('a wrong command line ends with status 2 and one line', () => {
  test.each([
    ['--threads', '0'],
    ['--threads', 'many'],
    ['--threads', '1.5'],
    ['--threads', String(MAX_THREADS + 1)],
    ['--threads', '1000'],
    ['--threads'],
    ['--size', '1KiB'],
    ['--size', '64 parsecs'],
    ['--size', '17GiB'],
    ['--top', '-1'],
    ['--top', 'NaN'],
    ['--colour'],
    ['--json=yes'],
  ])('%s %s', async (...args) => {
    const { status, stdout, errors } = await run(args.filter((arg) => arg !== undefined));
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(errors).toEqual([expect.stringMatching(/^word-count: .*; see --help$/)]);
    expect(errors[0]).toContain(args[0]?.split('=')[0]);
  });
});

describe('what cannot be done ends with status 1 and one line that names it', () => {
  async function expectFailure(
    args: readonly string[],
    line: RegExp,
    options: SpawnOptions = {},
  ): Promise<void> {
    const { status, errors } = await run(args, options);
    expect(errors).toEqual([expect.stringMatching(line)]);
    expect(status).toBe(1);
  }

  test('a file that does not exist', async () => {
    await expectFailure(
      [join(folder, 'gone.txt')],
      /^word-count: .*gone\.txt: cannot be read: it does not exist$/,
    );
  });

  test('a folder without text', async () => {
    put('picture.png', '');
    await expectFailure(
      [folder],
      /^word-count: no \.md, .* file in .*: name files or folders that hold some$/,
    );
  });

  test('something that is neither a file nor a folder', async () => {
    await expectFailure(
      ['/dev/null'],
      /^word-count: \/dev\/null: cannot be read: it is neither a file nor a folder$/,
    );
  });

  (process.platform === 'linux' ? test : test.skip)('a file that cannot be read', async () => {
    await expectFailure(
      ['/proc/self/mem'],
      /^word-count: \/proc\/self\/mem: cannot be read: input\/output error$/,
    );
  });

  test('a --dir that does not exist', async () => {
    const dir = join(folder, 'no', 'such');
    await expectFailure(
      ['--dir', dir, put('a.txt', 'a')],
      /^word-count: --dir: .*no\/such: it does not exist; name/,
    );
  });

  const addonTest = process.env['VMEM_TEST_WITHOUT_ADDON'] === '1' ? test.skip : test;

  addonTest('a --dir that is a file', async () => {
    const file = put('a.txt', 'a');
    await expectFailure(
      ['--dir', file, file],
      /^word-count: no pool of .* can be made in .*a\.txt: it is not a folder;/,
    );
  });

  addonTest('a --dir that is a device, and no persistent memory', async () => {
    await expectFailure(
      ['--dir', '/dev/null', put('a.txt', 'a')],
      /^word-count: '\/dev\/null' is no DAX device/,
    );
  });

  addonTest('a --dir whose file system takes no files', async () => {
    await expectFailure(
      ['--dir', '/proc', put('a.txt', 'a')],
      /^word-count: no pool of .* can be made in \/proc: its file system takes no new files; name another/,
    );
  });

  if (process.env['VMEM_TEST_WITHOUT_ADDON'] !== '1') {
    testOnTmpfs('size=16m', 'a disk that is too small', async ({ dir }) => {
      const line =
        /^word-count: no pool of 64 MiB can be made in .*: no space is left on .*; try a smaller --size/;
      await expectFailure(['--dir', dir, '--size', '64MiB', put('a.txt', 'a')], line);
    });
  }

  describe('with a pool that is too small', () => {
    const FULL =
      /^word-count: out of memory: the pool of 14 MiB is full \(check\(\) finds it consistent\); try --size \d+(\.\d+)?[MG]iB$/;

    beforeEach(() => {
      const words = (from: number): string =>
        Array.from({ length: 100_000 }, (_, i) => `word${from + i}`).join(' ');
      for (let file = 0; file < 5; file++) put(`${file}.txt`, words(file * 100_000));
    });

    test.each(['1', '4'])('and %s threads', async (threads) => {
      await expectFailure(['--size', '14MiB', '--threads', threads, folder], FULL);
    });

    test('as JSON, too', async () => {
      const { status, stdout } = await run(['--json', '--size', '14MiB', folder]);
      expect(status).toBe(1);
      expect(parse(stdout)).toEqual({
        ok: false,
        problems: [expect.stringContaining('finds it consistent')],
      });
    });

    test('the size that it names is enough, and so is the default', async () => {
      const { errors } = await run(['--size', '14MiB', folder]);
      const [, size = ''] = /--size (\S+)$/.exec(errors[0] ?? '') ?? [];
      expect(await run(['--size', size, folder])).toMatchObject({ status: 0 });
      expect(await run([folder])).toMatchObject({ status: 0 });
    });
  });

  // Loaded into the program and its workers before anything else.
  const FAULTS: [string, string, RegExp][] = [
    ['throws', `throw new Error('planted\\nfault')`, /^word-count: worker \d broke down: planted fault$/],
    ['exits', 'process.exit(3)', /^word-count: worker \d ended with exit code 3 before its work was done$/],
    [
      'runs out of memory',
      'for (const all = [];;) all.push(new Array(1e5).fill({}))',
      /worker \d broke down: .*memory/,
    ],
  ];

  test.each(FAULTS)('a worker that %s', async (_, fault, line) => {
    const preload = put(
      'preload.cjs',
      `const fs = require('node:fs');
       const { isMainThread, threadId } = require('node:worker_threads');
       const { readSync } = fs;
       let reads = 0;
       const fail = () => { ${fault} };
       fs.readSync = (...args) => {
         if (!isMainThread && ++reads > 2) fail();
         return readSync(...args);
       };`,
    );
    for (let i = 0; i < 20; i++) cpSync(PROGRAM, join(folder, `${i}.js`));
    await expectFailure([folder], line, {
      env: { ...process.env, NODE_OPTIONS: `--require ${preload} --max-old-space-size=100` },
    });
  });

  test('files that change meanwhile', async () => {
    const preload = put(
      'preload.cjs',
      `const fs = require('node:fs');
       const { isMainThread } = require('node:worker_threads');
       const { readSync } = fs;
       if (!isMainThread) fs.readSync = (fd, buffer, offset, length, position) => position > 2 ? 0 : readSync(fd, buffer, offset, Math.min(length, 3), position);`,
    );
    const options = { env: { ...process.env, NODE_OPTIONS: `--require ${preload}` } };
    await expectFailure(
      [put('a.txt', 'some text')],
      /^word-count: files changed while they were counted/,
      options,
    );
  });
});

test('an interrupted run ends at once and cleanly', async () => {
  const begun = performance.now();
  let killed = 0;
  const { status, errors } = await run([], {}, (kill) => {
    // once: a signal that arrives when Node has already taken its handlers down ends any program
    if (killed > 0) return;
    killed = performance.now();
    kill();
  });
  expect(errors).toEqual(['word-count: interrupted']);
  expect(status).toBe(130);
  expect(killed).toBeGreaterThan(begun);
  expect(performance.now() - killed).toBeLessThan(10_000);
});
