/*
 * A file system that is quickly full. Mounting one takes root: elsewhere the tests that need it are skipped, and say so.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, rmdirSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface SmallDisk {
  readonly dir: string;
  /** Bytes of storage that nobody uses. */
  freeBytes(): number;
}

export type DiskKind = 'tmpfs' | 'ext4';

function mount(kind: DiskKind, mebibytes: number): SmallDisk & { unmount(): void } {
  const home = mkdtempSync(path.join(tmpdir(), 'vmem-small-disk-'));
  const dir = path.join(home, 'mnt');
  const image = path.join(home, 'image');
  try {
    run('mkdir', dir);
    if (kind === 'tmpfs') {
      run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', dir);
    } else {
      writeFileSync(image, '');
      truncateSync(image, mebibytes * 2 ** 20);
      run('mkfs.ext4', '-q', '-F', '-b', '4096', image);
      run('mount', '-o', 'loop', image, dir);
    }
  } catch (error) {
    rmSync(home, { recursive: true });
    throw error;
  }
  return {
    dir,
    freeBytes() {
      const { bfree, bsize } = statfsSync(dir);
      return bfree * bsize;
    },
    unmount() {
      run('umount', '-l', dir);
      rmSync(image, { force: true });
      rmdirSync(dir);
      rmdirSync(home);
    },
  };
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
}

function reasonNotTo(kind: DiskKind): string | undefined {
  try {
    mount(kind, 8).unmount();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/** A test with a mounted disk of its own, skipped with the reason printed where none can be mounted. */
export function testOnSmallDisk(
  kind: DiskKind,
  mebibytes: number,
  title: string,
  test: (disk: SmallDisk) => void | Promise<void>,
): void {
  const reason = reasonNotTo(kind);
  if (reason !== undefined) {
    it.skip(`${title} (no ${kind} can be mounted: ${reason})`, () => {});
    console.warn(`skipped: ${title}: no ${kind} can be mounted: ${reason}`);
    return;
  }
  it(title, async () => {
    const disk = mount(kind, mebibytes);
    try {
      await test(disk);
    } finally {
      disk.unmount();
    }
  });
}
