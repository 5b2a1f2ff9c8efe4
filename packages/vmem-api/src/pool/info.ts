// What a pool's memory really is, as the kernel tells it now.

import { readFileSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BackendName, PoolMemory } from '../backends/backend';
import { fileOf, lostFile } from '../backends/pool-file';
import { addressAlignment, loadError } from '../native';
import { PAGE_SIZE } from './limits';

/** What a pool's memory is. The same in every thread. */
export interface PoolInfo {
  readonly backend: BackendName;
  /** A file without a name, a DAX device, plain shared memory, or memory of the caller's. */
  readonly kind: 'file' | 'device' | 'anonymous' | 'caller';
  /** Of the device, or of the directory that the file was made in; undefined where there is neither. */
  readonly path: string | undefined;
  /** The file system's name, such as `ext4`; undefined where there is no file. */
  readonly fileSystem: string | undefined;
  /**
   * True if loads and stores reach persistent memory itself (DAX); false if they reach RAM, which the kernel writes to the file
   * at some time. Undefined where it can't be told: for files, without the addon.
   */
  readonly dax: boolean | undefined;
  /** True if the file is mapped with MAP_SYNC: what is flushed from the CPU's caches stays, whatever happens then. */
  readonly sync: boolean;
  /** True if nobody else can have a pool there meanwhile: a device is locked. */
  readonly exclusive: boolean;
  /** Bytes of the pool; of one that grows, what it can grow to. */
  readonly size: number;
  /** Bytes of the device. More than `size` if it is larger than what a pool can have in this runtime. */
  readonly deviceSize: number | undefined;
  /** What mappings of the file or device begin at, and are, multiples of. */
  readonly alignment: number;
  /**
   * The largest power of two, up to 1 GiB, that the address of the pool's first byte is a multiple of. From 2 MiB on the
   * system can use huge pages. Undefined without the addon.
   */
  readonly baseAlignment: number | undefined;
}

const KINDS: Readonly<Record<BackendName, PoolInfo['kind']>> = {
  overlay: 'file',
  'mmap-io': 'file',
  anonymous: 'anonymous',
  region: 'caller',
};

const GIB = 2 ** 30;

/** @throws VmemError EBADF if the pool's descriptor is not that of its file any more; EIO, ESTALE: the file system can't tell */
export function poolInfo(memory: PoolMemory): PoolInfo {
  const { backend, size, sync = false } = memory;
  const common = { backend, size, sync, baseAlignment: baseAlignmentOf(memory) };
  const unknown = { path: undefined, fileSystem: undefined, exclusive: false, deviceSize: undefined };
  if (memory.fd === -1) {
    return { ...common, ...unknown, kind: KINDS[backend], dax: false, alignment: PAGE_SIZE };
  }
  const { fd, file } = memory;
  const told = fdInfo(fd);
  const link = ifAny(() => readlinkSync(`/proc/self/fd/${fd}`));
  if (loadError() !== null) {
    const named = { path: link && dirname(link), fileSystem: fileSystemOf(told) };
    return { ...common, ...unknown, ...named, kind: 'file', dax: undefined, alignment: PAGE_SIZE };
  }
  const found = fileOf(fd);
  // the ids of the backend mmap-io have its name in front
  if (found === undefined || (found.id !== file && `${backend} ${found.id}` !== file)) throw lostFile(memory);
  const { isCharDevice, isDax, alignment, fsType } = found;
  return {
    ...common,
    kind: isCharDevice ? 'device' : 'file',
    path: link && (isCharDevice ? link : dirname(link)),
    fileSystem: isCharDevice ? undefined : (fileSystemOf(told) ?? `0x${fsType.toString(16)}`),
    // kernels before 5.8 don't tell that a file is on DAX, but give MAP_SYNC to no other one
    dax: isDax || sync,
    exclusive: /^lock:.*\bFLOCK\b.*\bWRITE\b/m.test(told),
    deviceSize: isCharDevice ? found.size : undefined,
    alignment,
  };
}

function baseAlignmentOf({ buffer, byteOffset }: PoolMemory): number | undefined {
  // a caller's buffer may have been transferred
  return loadError() === null ? ifAny(() => addressAlignment(buffer, byteOffset, GIB)) : undefined;
}

/** What proc(5) tells of a descriptor: the mount that its file is on, and locks. */
const fdInfo = (fd: number): string => ifAny(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? '';

/** The name in /proc/self/mountinfo: one magic number stands for ext2, ext3 and ext4. */
function fileSystemOf(told: string): string | undefined {
  const mount = /^mnt_id:\s*(\d+)$/m.exec(told)?.[1];
  const mounts = ifAny(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  const line = mounts.split('\n').find((each) => each.startsWith(`${mount} `));
  return line === undefined ? undefined : / - (\S+)/.exec(line)?.[1];
}

function ifAny<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
