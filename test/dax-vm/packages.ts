// The Debian packages that the machine is made with.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Skip, outputOf, step } from './report';

/** A program of each package. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'qemu-system-x86': 'qemu-system-x86_64',
  'busybox-static': 'busybox',
  ndctl: 'ndctl',
  e2fsprogs: 'mkfs.ext4',
  kmod: 'modprobe',
  'xz-utils': 'xz',
};

/** A program's path; undefined if there is none. Those for root may be missing in the PATH of others. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export function program(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Skip(`there is no ${name}`);
  return path;
}

function missing(): string[] {
  return Object.entries(PROGRAMS)
    .filter(([, name]) => findProgram(name) === undefined)
    .map(([packageName]) => packageName);
}

/** @throws Skip if some are missing and can't be installed */
export async function requirePackages(install: boolean): Promise<void> {
  const names = missing();
  if (names.length === 0) return;
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  if (!install) throw new Skip(`packages are missing: ${command}, or run this with --install as root`);
  if (findProgram('apt-get') === undefined) throw new Skip(`no apt-get here to install ${names.join(', ')}`);
  if (process.getuid?.() !== 0) throw new Skip(`only root can install ${names.join(', ')}`);
  try {
    await step(command, async () => {
      await outputOf('apt-get', ['update', '-q']);
      await outputOf('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names]);
    });
  } catch (error) {
    throw new Skip(`packages can't be installed: ${(error as Error).message}`);
  }
  const left = missing();
  if (left.length > 0) throw new Skip(`packages that were installed lack their programs: ${left.join(', ')}`);
}
