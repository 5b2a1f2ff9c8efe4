// File systems of the tests' own. Mounting takes root: elsewhere the tests that need it are skipped, and say so.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { usedBytes } from './disk-usage';

export { availableBytes, usedBytes } from './disk-usage';

export interface Disk {
  readonly dir: string;
  /** Bytes that files use. */
  used(): number;
}

interface MountedDisk extends Disk {
  unmount(): void;
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Mounts at `dir`; what it needs it has in `home`. */
type Mount = (dir: string, home: string) => void;

const tmpfs =
  (options: string): Mount =>
  (dir) => {
    run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', dir);
  };

/** ext4 in a file, without a share that is for root alone. */
const ext4 =
  (mebibytes: number, options: string): Mount =>
  (dir, home) => {
    const image = join(home, 'image');
    writeFileSync(image, '');
    truncateSync(image, mebibytes * 2 ** 20);
    run('mkfs.ext4', '-q', '-F', '-b', '4096', '-m', '0', image);
    run('mount', '-o', `loop${options}`, image, dir);
  };

function mount(at: Mount): MountedDisk {
  const home = mkdtempSync(join(tmpdir(), 'vmem-test-disk-'));
  const dir = join(home, 'mnt');
  mkdirSync(dir);
  try {
    at(dir, home);
  } catch (error) {
    rmSync(home, { recursive: true });
    throw error;
  }
  return {
    dir,
    used: () => usedBytes(dir),
    unmount() {
      run('umount', '-l', dir);
      rmdirSync(dir);
      rmSync(home, { recursive: true });
    },
  };
}

const reasons = new Map<string, string>();

/** Why such a disk can't be mounted; empty if it can. */
function reasonNotToMount(kind: string, at: Mount): string {
  const known = reasons.get(kind);
  if (known !== undefined) return known;
  let reason = '';
  try {
    mount(at).unmount();
  } catch (error) {
    reason = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
  }
  reasons.set(kind, reason);
  return reason;
}

type OnDisk = (disk: Disk) => void | Promise<void>;
type Define = (title: string, test: () => Promise<void>) => void;

function defineOn(define: Define, kind: string, sample: Mount, at: Mount, title: string, test: OnDisk): void {
  const reason = reasonNotToMount(kind, sample);
  if (reason !== '') {
    skipTest(title, `no ${kind} can be mounted: ${reason}`);
    return;
  }
  define(title, async () => {
    const disk = mount(at);
    try {
      await test(disk);
    } finally {
      disk.unmount();
    }
  });
}

const onTmpfs =
  (define: Define) =>
  (options: string, title: string, test: OnDisk): void => {
    defineOn(define, 'tmpfs', tmpfs('size=1m'), tmpfs(options), title, test);
  };

/** A test with a tmpfs of its own, skipped with the reason printed where none can be mounted. */
export const testOnTmpfs = Object.assign(onTmpfs(it), { failing: onTmpfs(it.failing) });

/** The same with an ext4. `options` are those of mount(8), each behind a comma. */
export function testOnExt4(mebibytes: number, title: string, test: OnDisk, options = ''): void {
  defineOn(it, 'ext4', ext4(8, ''), ext4(mebibytes, options), title, test);
}

/** Leaves a test out and says why. */
export function skipTest(title: string, reason: string): void {
  process.stdout.write(`skipped: ${title}: ${reason}\n`);
  it.skip(`${title} (${reason})`, () => {});
}
