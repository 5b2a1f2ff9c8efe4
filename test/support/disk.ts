// File systems of the tests' own. Mounting takes root: elsewhere the tests that need it are skipped, and say so.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, rmdirSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Disk {
  readonly dir: string;
  /** Bytes that files use. */
  used(): number;
}

interface MountedDisk extends Disk {
  unmount(): void;
}

/** Bytes in use on the file system of `dir`. */
export function usedBytes(dir: string): number {
  const { blocks, bfree, bsize } = statfsSync(dir);
  return (blocks - bfree) * bsize;
}

/** Bytes that are left to anyone on the file system of `dir`. */
export function availableBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
}

function mount(options: string): MountedDisk {
  const home = mkdtempSync(join(tmpdir(), 'vmem-test-disk-'));
  const dir = join(home, 'mnt');
  mkdirSync(dir);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  } catch (error) {
    rmSync(home, { recursive: true });
    throw error;
  }
  return {
    dir,
    used: () => usedBytes(dir),
    unmount() {
      execFileSync('umount', ['-l', dir]);
      rmdirSync(dir);
      rmdirSync(home);
    },
  };
}

let reason: string | undefined;

function reasonNotToMount(): string {
  if (reason !== undefined) return reason;
  try {
    mount('size=1m').unmount();
    reason = '';
  } catch (error) {
    reason = error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error);
  }
  return reason;
}

type TestOnDisk = (options: string, title: string, test: (disk: Disk) => void | Promise<void>) => void;

function onTmpfs(define: (title: string, test: () => Promise<void>) => void): TestOnDisk {
  return (options, title, test) => {
    const reason = reasonNotToMount();
    if (reason !== '') {
      skipTest(title, `no tmpfs can be mounted: ${reason}`);
      return;
    }
    define(title, async () => {
      const disk = mount(options);
      try {
        await test(disk);
      } finally {
        disk.unmount();
      }
    });
  };
}

/** A test with a tmpfs of its own, skipped with the reason printed where none can be mounted. */
export const testOnTmpfs = Object.assign(onTmpfs(it), { failing: onTmpfs(it.failing) });

/** Leaves a test out and says why. */
export function skipTest(title: string, reason: string): void {
  process.stdout.write(`skipped: ${title}: ${reason}\n`);
  it.skip(`${title} (${reason})`, () => {});
}
