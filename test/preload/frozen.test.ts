// Node.js freezes the built-in objects (--frozen-intrinsics) before what `--import` names is run, and after `--require`.

import { spawnSync } from 'node:child_process';
import { MIB, POOL_DIR, describeFiles } from '../support/pools';
import { REGISTER } from './preloaded';

const COUNT = "console.log(require('@vmem-ts/vmem-api/vmmalloc').pool().stats().liveBlocks > 0)";
const run = (how: string): { status: number | null; stdout: string; stderr: string } => {
  const code = `globalThis.kept = new ArrayBuffer(${MIB}); ${COUNT}`;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VMMALLOC_'));
  const pool = { VMMALLOC_POOL_DIR: POOL_DIR, VMMALLOC_POOL_SIZE: String(64 * MIB) };
  const env = { ...Object.fromEntries(inherited), ...pool };
  const flags = ['--frozen-intrinsics', how, REGISTER, '-e', code];
  return spawnSync(process.execPath, flags, { encoding: 'utf8', env, cwd: __dirname, timeout: 100_000 });
};

describeFiles('the preload in a program whose built-in objects are frozen', () => {
  test('replaces them where it is loaded by --require', () => {
    expect(run('--require')).toMatchObject({ status: 0, stdout: 'true\n' });
  });

  test('says so, and ends the process, where it is loaded by --import', () => {
    const { status, stdout, stderr } = run('--import');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^Error \(libvmmalloc\): .*frozen already: load the preload by --require/m);
  });
});
