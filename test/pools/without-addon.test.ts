// Pools where the native addon can't be loaded: a copy of the packages without it.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const PACKAGES = ['allocator', 'mmap-helper', 'vmem-api'];
let home: string;

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'vmem-test-without-addon-'));
  mkdirSync(join(home, 'node_modules/@vmem-ts'), { recursive: true });
  for (const name of PACKAGES) {
    const source = dirname(require.resolve(`@vmem-ts/${name}/package.json`));
    for (const part of ['package.json', 'dist']) {
      cpSync(join(source, part), join(home, name, part), { recursive: true });
    }
    symlinkSync(join(home, name), join(home, 'node_modules/@vmem-ts', name));
  }
});

afterAll(() => {
  rmSync(home, { recursive: true });
});

interface Run {
  readonly said: unknown;
  readonly warnings: string[];
}

/** Runs code in a process of its own; `say` prints its answer. */
function run(code: string): Run {
  const prelude =
    "const { Vmem, VMEM_MIN_POOL } = require('@vmem-ts/vmem-api'); const say = (value) => console.log(JSON.stringify(value));";
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', prelude + code], {
    cwd: home,
    encoding: 'utf8',
  });
  expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
  return {
    said: JSON.parse(stdout),
    warnings: stderr.split('\n').filter((line) => line.includes('Warning')),
  };
}

it('a pool is in anonymous memory, with one warning however many there are', () => {
  const { said, warnings } = run(`
    const pools = [1, 2, 3].map(() => Vmem.create('.', VMEM_MIN_POOL));
    const view = pools[0].alloc(Uint8Array, 1000).fill(1);
    say({ backend: pools[0].backend, fd: pools[0].handle.fd, sum: view.reduce((a, b) => a + b), check: pools[0].check() });
  `);
  expect(said).toEqual({ backend: 'anonymous', fd: -1, sum: 1000, check: 1 });
  expect(warnings).toEqual([expect.stringMatching(/VmemWarning: pools are in anonymous memory.*addon/)]);
  expect(readdirSync(home).sort()).toEqual([...PACKAGES, 'node_modules'].sort());
});

it('nobody is warned who asks for anonymous memory', () => {
  const { said, warnings } = run(
    `say(Vmem.create('.', VMEM_MIN_POOL, { backend: 'anonymous' }).malloc(8) > 0);`,
  );
  expect(said).toBe(true);
  expect(warnings).toEqual([]);
});

it('an overlay that is asked for by name is ENOTSUP, with the reason', () => {
  const { said } = run(`
    try { Vmem.create('.', VMEM_MIN_POOL, { backend: 'overlay' }); say('none'); }
    catch ({ name, code, message }) { say({ name, code, message }); }
  `);
  expect(said).toMatchObject({
    name: 'VmemError',
    code: 'ENOTSUP',
    message: expect.stringMatching(/overlay.*addon.*build it/) as string,
  });
});

it('threads share such a pool, and are deleted from it', () => {
  const { said } = run(`
    const { Worker } = require('node:worker_threads');
    const pool = Vmem.create('.', VMEM_MIN_POOL, { backend: 'anonymous' });
    const ptr = pool.malloc(64);
    const code = \`
      const { Vmem } = require('@vmem-ts/vmem-api');
      const { workerData, parentPort } = require('node:worker_threads');
      const pool = Vmem.attach(workerData.handle);
      pool.free(workerData.ptr);
      for (let i = 0; i < 100000; i++) pool.free(pool.malloc(i % 5000));
      pool.detach();
      parentPort.postMessage('done');\`;
    const worker = new Worker(code, { eval: true, workerData: { handle: pool.handle, ptr } });
    worker.on('exit', () => {
      const { liveBlocks, threads } = pool.stats();
      const check = pool.check();
      pool.delete();
      let closed;
      try { pool.malloc(1); } catch ({ code }) { closed = code; }
      say({ liveBlocks, threads, check, closed });
    });
  `);
  expect(said).toEqual({ liveBlocks: 0, threads: 1, check: 1, closed: 'ECLOSED' });
});
