// scripts/setup.mjs in a small checkout of its own: one TypeScript project, an addon whose build writes a file, and a
// Rust toolchain that only says its version.

import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

// compilers run here, which take their time on a busy machine
jest.setTimeout(300_000);

const ROOT = resolve(__dirname, '../../..');
const COMPILED = 'compiling TypeScript';
const BUILT = 'building the addon';

let checkout: string;
/** On the PATH of every set-up: Rust, and what is there without it. */
let tools: string;
let basics: string;

function write(path: string, content: unknown): void {
  mkdirSync(dirname(join(checkout, path)), { recursive: true });
  writeFileSync(join(checkout, path), typeof content === 'string' ? content : JSON.stringify(content));
}

function installTool(name: string, output: string): void {
  mkdirSync(tools, { recursive: true });
  writeFileSync(join(tools, name), `#!/bin/sh\necho '${output}'\n`);
  chmodSync(join(tools, name), 0o755);
}

/** Makes what setup itself calls available in a folder that certainly has no Rust in it. */
function linkBasics(): void {
  const folders = [dirname(process.execPath), ...(process.env['PATH'] ?? '').split(delimiter)];
  mkdirSync(basics);
  for (const name of ['node', 'npm', 'sh']) {
    const folder = folders.find((candidate) => existsSync(join(candidate, name)));
    if (folder === undefined) throw new Error(`there is no ${name} on the PATH`);
    symlinkSync(join(folder, name), join(basics, name));
  }
}

interface Outcome {
  status: number | null;
  said: string;
}

function setUp(purpose: string, environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const path = [tools, basics].join(delimiter);
  const child = spawn(process.execPath, ['scripts/setup.mjs', '--for', purpose], {
    cwd: checkout,
    env: { ...process.env, VMEM_TEST_WITHOUT_ADDON: undefined, PATH: path, ...environment },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((done) => child.on('close', (status) => done({ status, said })));
}

async function setUpWell(): Promise<string> {
  const { status, said } = await setUp('test');
  expect({ status, said }).toEqual({ status: 0, said });
  return said;
}

beforeEach(async () => {
  checkout = mkdtempSync(join(tmpdir(), 'vmem-ts-setup-'));
  tools = join(checkout, 'tools');
  basics = join(checkout, 'basics');
  linkBasics();
  cpSync(join(ROOT, 'scripts'), join(checkout, 'scripts'), { recursive: true });
  const root = { name: 'small', version: '1.0.0', workspaces: ['packages/*'] };
  const helper = {
    name: 'helper',
    version: '1.0.0',
    scripts: { 'build:native': 'echo built > helper.node' },
  };
  write('package.json', root);
  write('packages/mmap-helper/package.json', helper);
  write('packages/mmap-helper/src/lib.rs', 'fn main() {}');
  write('package-lock.json', { lockfileVersion: 3, packages: { '': root, 'packages/mmap-helper': helper } });
  write('node_modules/.package-lock.json', { packages: {} });
  symlinkSync(join(ROOT, 'node_modules/typescript'), join(checkout, 'node_modules/typescript'), 'junction');
  write('tsconfig.base.json', {});
  write('tsconfig.json', { files: [], references: [{ path: 'part' }] });
  const compilerOptions = { composite: true, rootDir: 'src', outDir: 'dist', types: [], lib: ['ES2022'] };
  write('part/tsconfig.json', { compilerOptions, include: ['src'] });
  write('part/src/one.ts', 'export const one = 1;');
  write('part/src/two.ts', 'export const two = 2;');
  installTool('cargo', 'cargo 1');
  installTool('rustc', 'rustc 1');
  const said = await setUpWell();
  expect(said).toContain(COMPILED);
  expect(said).toContain(BUILT);
});

afterEach(() => rmSync(checkout, { recursive: true, force: true }));

function outputs(): string[] {
  return readdirSync(join(checkout, 'part/dist')).filter((name) => name.endsWith('.js'));
}

test('nothing is done and nothing is said when nothing changed', async () => {
  expect(outputs()).toEqual(['one.js', 'two.js']);
  expect(await setUpWell()).toBe('');
});

test('a changed, an added and a deleted source are noticed, and a deleted one leaves nothing behind', async () => {
  write('part/src/one.ts', 'export const one = 11;');
  expect(await setUpWell()).toContain(COMPILED);
  write('part/src/three.ts', 'export const three = 3;');
  expect(await setUpWell()).toContain(COMPILED);
  rmSync(join(checkout, 'part/src/two.ts'));
  expect(await setUpWell()).toContain(COMPILED);
  expect(outputs()).toEqual(['one.js', 'three.js']);
  expect(await setUpWell()).toBe('');
});

test('a deleted output comes back', async () => {
  rmSync(join(checkout, 'part/dist/one.js'));
  await setUpWell();
  expect(outputs()).toEqual(['one.js', 'two.js']);
});

test('an error of the compiler is shown with what to do, again and again until it is corrected', async () => {
  write('part/src/two.ts', "export const two: number = 'two';");
  for (let attempt = 0; attempt < 2; attempt++) {
    const { status, said } = await setUp('test');
    expect(status).toBe(1);
    expect(said).toContain('part/src/two.ts(1,14): error');
    expect(said.trimEnd().split('\n').at(-1)).toContain('Correct the errors above');
  }
  write('part/src/two.ts', 'export const two = 2;');
  await setUpWell();
});

test('the addon is built again when a source, the compiler or the addon itself changed', async () => {
  write('packages/mmap-helper/src/lib.rs', 'fn main() { }');
  expect(await setUpWell()).toContain(BUILT);
  installTool('rustc', 'rustc 2');
  expect(await setUpWell()).toContain(BUILT);
  rmSync(join(checkout, 'packages/mmap-helper/helper.node'));
  expect(await setUpWell()).toContain(BUILT);
  expect(await setUpWell()).toBe('');
});

test('an addon that is built needs no Rust', async () => {
  rmSync(tools, { recursive: true });
  expect(await setUpWell()).toBe('');
});

test('without Rust and without the addon, start says so in a line and tests insist unless told not to', async () => {
  rmSync(tools, { recursive: true });
  rmSync(join(checkout, 'packages/mmap-helper/helper.node'));
  const start = await setUp('start');
  expect(start.status).toBe(0);
  expect(start.said.match(/.*cargo.*anonymous backend.*\n/)?.[0]).toBe(start.said);
  expect((await setUp('test')).status).toBe(1);
  expect((await setUp('test', { VMEM_TEST_WITHOUT_ADDON: '1' })).status).toBe(0);
});

test('an addon that fails to build stops tests, but not start, which does not try again', async () => {
  installTool('cargo', 'cargo 2');
  const helper = { name: 'helper', version: '1.0.0', scripts: { 'build:native': 'echo no linker; exit 3' } };
  write('packages/mmap-helper/package.json', helper);
  for (const [purpose, status, tried] of [
    ['test', 1, true],
    ['start', 0, true],
    ['start', 0, false],
  ] as const) {
    const outcome = await setUp(purpose);
    expect(outcome.status).toBe(status);
    expect(outcome.said.includes('no linker')).toBe(tried);
  }
});

test('of two at once one works and the other waits for it', async () => {
  write('part/src/three.ts', 'export const three = 3;');
  const outcomes = await Promise.all([setUp('test'), setUp('test')]);
  expect(outcomes.map(({ status }) => status)).toEqual([0, 0]);
  expect(outcomes.filter(({ said }) => said.includes(COMPILED))).toHaveLength(1);
  expect(existsSync(join(checkout, '.setup/lock'))).toBe(false);
});

test('the lock of a process that is gone is taken over', async () => {
  const gone = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
  write('.setup/lock/owner', `${hostname()} ${gone}`);
  write('part/src/three.ts', 'export const three = 3;');
  expect(await setUpWell()).toContain(COMPILED);
});

test('an unknown purpose is refused', async () => {
  const { status, said } = await setUp('tests');
  expect(status).toBe(1);
  expect(said).toBe("setup: --for takes one of start, test, build, not 'tests'\n");
});
