import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as helper from '@vmem-ts/mmap-helper';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';

interface Circumstances {
  /** Contents of the addon's file; none if left out. */
  addon?: string;
  /** Code that runs before the package is loaded. */
  before?: string;
}

/** What `script` prints about `helper`, a copy of the compiled package. */
function runInCopy(script: string, { addon, before = '' }: Circumstances = {}): unknown {
  const copy = mkdtempSync(path.join(tmpdir(), 'vmem-no-addon-'));
  try {
    const dist = path.dirname(require.resolve('@vmem-ts/mmap-helper'));
    cpSync(dist, path.join(copy, 'dist'), { recursive: true });
    if (addon !== undefined) {
      mkdirSync(path.join(copy, 'native'));
      writeFileSync(path.join(copy, 'native', `vmem-mmap-helper.linux-${process.arch}-gnu.node`), addon);
    }
    const prelude = `${before} const helper = require(${JSON.stringify(path.join(copy, 'dist', 'index.js'))});`;
    const child = spawnSync(process.execPath, ['-e', prelude + script], { encoding: 'utf8' });
    expect(child.stderr).toBe('');
    return JSON.parse(child.stdout);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

const TELL_ERROR = `
  const error = helper.loadError();
  console.log(JSON.stringify({ isError: error instanceof Error, code: error.code, message: error.message }));
`;

describe('a package without its addon', () => {
  it('can be imported and says why the addon is not there', () => {
    const told = runInCopy(TELL_ERROR) as { message: string };
    expect(told).toMatchObject({ isError: true, code: 'ERR_NO_ADDON' });
    expect(told.message).toContain('npm run build:native');
  });

  it('says why the addon does not load', () => {
    const told = runInCopy(TELL_ERROR, { addon: 'not a library' }) as { message: string };
    expect(told).toMatchObject({ isError: true, code: 'ERR_NO_ADDON' });
    expect(told.message).toMatch(/linux-\w+-gnu\.node: .*(invalid ELF header|file too short)/);
  });

  it('says which platform it needs', () => {
    const told = runInCopy('console.log(JSON.stringify(helper.loadError().message));', {
      before: "Object.defineProperty(process, 'platform', { value: 'darwin' });",
    });
    expect(told).toBe('@vmem-ts/mmap-helper works on Linux only; this is darwin');
  });

  it('throws that error from every function, whatever it is called with', () => {
    const results = runInCopy(`
      const buffer = new SharedArrayBuffer(8192, { maxByteLength: 8192 });
      const word = { byteOffset: 0, op: 'store', value: 0 };
      const calls = {
        pageSize: [], openUnnamedFile: ['/tmp'], openFile: ['/tmp/x'], lockFile: [3], closeFile: [3], allocateFile: [3, 0, 1],
        punchHole: [3, 0, 1], fileInfo: [3], reserve: [4096], alignedOffset: [buffer, 4096],
        addressAlignment: [buffer, 0, 4096],
        overlayFile: [buffer, 0, 4096, 3, 0, 'shared'], dropMapping: [buffer, 0, 4096],
        freeFileSpace: [buffer, 0, 4096], mapFile: [3, 0, 1, 'shared'], advise: [buffer, 0, 4096, 'normal'],
        sync: [buffer, 0, 4096, true], threadIdentity: [], isThreadAlive: [{ pid: 1, tid: 1, startTime: 1 }],
        onThreadDeath: [buffer, [word]], threadBarrier: [], mayMap: [2],
        cancelThreadDeaths: [buffer, 0, 4096], canLendShared: [], collectGarbage: [], isLent: [new ArrayBuffer(8)],
        detachBuffer: [new ArrayBuffer(8)], openLending: [buffer, 0, 4096, { byteOffset: 0, length: 64 }],
        openMemoryFile: [], adoptFile: [3], privatePages: [buffer, 0, 4096],
      };
      const codes = {};
      for (const [name, call] of Object.entries(helper)) {
        if (name === 'loadError' || name === 'MmapError') continue;
        try { call(...calls[name]); codes[name] = 'no throw'; }
        catch (error) { codes[name] = error === helper.loadError() ? 'that error' : String(error); }
      }
      console.log(JSON.stringify(codes));
    `) as Record<string, string>;
    expect(Object.keys(results).length).toBeGreaterThan(15);
    expect(new Set(Object.values(results))).toEqual(new Set(['that error']));
  });
});

describeWithAddon('a package with its addon', () => {
  it('has no load error', () => {
    expect(helper.loadError()).toBeNull();
    expect(helper.pageSize()).toBeGreaterThanOrEqual(4096);
    expect(thrownBy(() => helper.openUnnamedFile(''))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });
});
