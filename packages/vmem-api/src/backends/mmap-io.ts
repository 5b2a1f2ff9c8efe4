// For platforms without the native helper: each thread maps the same unnamed file by the package mmap-io. The
// threads share the memory, but not as a SharedArrayBuffer.

import { closeSync, constants, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { VmemError } from '@vmem-ts/allocator';
import type { Backend, PoolMemory } from './backend';

/** What is used of the package; sizes and offsets are 32-bit integers in it. */
interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number): Buffer;
  advise(buffer: Buffer, offset: number, length: number, advice: number): void;
  readonly PROT_READ: number;
  readonly PROT_WRITE: number;
  readonly MAP_SHARED: number;
}

const MAX_SIZE = 2 ** 31 - 4096;
/** madvise(2): gives the file's storage back, the range reads as zeros. */
const MADV_REMOVE = 9;
const ALLOCATION_STEP = 1 << 20;

let loaded: MmapIo | Error | undefined;

function load(): MmapIo | Error {
  try {
    const module = createRequire(__filename)('mmap-io') as MmapIo | { default: MmapIo };
    return 'default' in module ? module.default : module;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function mmapIo(): MmapIo {
  loaded ??= load();
  if (loaded instanceof Error) throw loaded;
  return loaded;
}

export const mmapIoBackend: Backend = {
  unavailable() {
    loaded ??= load();
    return loaded instanceof Error
      ? `the optional package mmap-io can't be loaded: ${loaded.message}`
      : undefined;
  },

  create(dir, size) {
    if (size > MAX_SIZE) {
      throw new VmemError('ENOTSUP', `size: the backend mmap-io maps at most ${MAX_SIZE} bytes, got ${size}`);
    }
    const path = join(dir, `.vmem-${randomUUID()}`);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      rmSync(path);
      // writing is the only way to have storage allocated from here: touching a page without it is SIGBUS
      const zeros = Buffer.alloc(ALLOCATION_STEP);
      for (let at = 0; at < size;) at += writeSync(fd, zeros, 0, Math.min(zeros.length, size - at), at);
      return map(size, fd, true);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  },

  attach({ size, fd }) {
    const length = fstatSync(fd).size;
    if (size > MAX_SIZE || length < size) {
      throw new VmemError(
        'EINVAL',
        `handle: file descriptor ${fd} has ${length} bytes, the handle names ${size}`,
      );
    }
    return map(size, fd, false);
  },
};

function map(size: number, fd: number, owner: boolean): PoolMemory {
  const module = mmapIo();
  const bytes = module.map(size, module.PROT_READ | module.PROT_WRITE, module.MAP_SHARED, fd);
  return {
    backend: 'mmap-io',
    buffer: bytes.buffer,
    byteOffset: bytes.byteOffset,
    size,
    fd,
    zeroed: true,
    vanishes: true,
    release() {
      mmapIo().advise(bytes, 0, size, MADV_REMOVE);
      // a descriptor belongs to the thread that opened it: Node closes it with that thread
      if (owner) closeSync(fd);
    },
  };
}
