// The main job and the examples on persistent memory, as their user runs them.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describeDax } from '../support/dax';
import { listFiles, ROOT } from '../rules/repository';

/** This file runs from test/dist/dax. */
const COMPILED = resolve(__dirname, '../../../examples/dist');

function run(program: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(COMPILED, `${program}.js`), ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

interface Report {
  readonly ok: boolean;
  readonly top: readonly { readonly word: string; readonly count: number }[];
  readonly pool: { readonly info: { readonly dax: boolean; readonly kind: string } };
}

const SEVERAL_KINDS = ['memkind/pmem-kinds', 'memkind/pmem-multithreads'];
const PROGRAMS = listFiles(ROOT, 'examples/from-c')
  .map((path) => path.slice('examples/from-c/'.length, -'.ts'.length))
  .filter((name) => /^(libart\/main|libvmem-manpage|memkind\/pmem-[\w-]+)$/.test(name));

function testPrograms(place: string, isDevice: boolean): void {
  it('serves the main job', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmem-test-dax-'));
    try {
      for (let i = 0; i < 6; i++)
        writeFileSync(join(folder, `${i}.txt`), 'one two two three three three '.repeat(5000));
      const args = ['--json', '--threads', '2', '--top', '3', '--dir', place, folder];
      const { status, stdout, stderr } = run('word-count/main', ...args);
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(JSON.parse(stdout) as Report).toMatchObject({
        ok: true,
        top: [
          { word: 'three', count: 90_000 },
          { word: 'two', count: 60_000 },
          { word: 'one', count: 30_000 },
        ],
        pool: { info: { dax: true, kind: isDevice ? 'device' : 'file' } },
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(PROGRAMS)('serves %s', (name) => {
    const rest = name === 'libart/main' ? ['300'] : [];
    const { status, stdout, stderr } = run(`from-c/${name}`, '--dir', place, ...rest);
    if (isDevice && SEVERAL_KINDS.includes(name)) {
      expect([status, stderr]).toEqual([1, expect.stringContaining('one kind at a time')]);
      return;
    }
    expect([status, stderr]).toEqual([0, '']);
    if (name.startsWith('memkind/')) expect(stdout).toContain(`${place} is in persistent memory (DAX)`);
  });
}

test('there are programs to try', () => {
  expect(PROGRAMS.length).toBeGreaterThan(10);
});

describeDax('a device', 'DEVICE', (device) => {
  testPrograms(device, true);
});

describeDax('a directory', 'DIR', (dir) => {
  testPrograms(dir, false);
});
