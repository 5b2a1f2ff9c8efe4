// For platforms without the native helper: each thread maps the same unnamed file by the package mmap-io. The
// threads share the memory, but not as a SharedArrayBuffer.
//
// Deleting gives the file's storage back and leaves a file that is one hole, since nothing here can put other memory
// in the place of a mapping, let alone of another thread's. Its pages read as zeros, but touching one takes storage
// again, on tmpfs also by reading; and if the disk is full by then, the kernel ends the process (SIGBUS). So a thread
// must not touch a deleted pool's memory; `delete` sees to it that the pool's own methods don't in the thread that
// called it, but in others malloc looks at its cache before it knows.
//
// Descriptors belong to the thread that opened them: Node closes them with a worker, by number, whatever the number
// means by then. So no other thread may close the file. When one has deleted the pool, the empty file stays open until
// the thread that made it calls `delete` or `detach`, drops its Vmem, or ends.

import { closeSync, constants, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { threadId } from 'node:worker_threads';
import { VmemError } from '@vmem-ts/allocator';
import type { Backend, FileShare, PoolMemory } from './backend';
import { requireFile } from './share';

/** What is used of the package; sizes and offsets are 32-bit integers in it. */
interface MmapIo {
  map(size: number, protection: number, flags: number, fd: number): Buffer;
  advise(buffer: Buffer, offset: number, length: number, advice: number): void;
  readonly PROT_READ: number;
  readonly PROT_WRITE: number;
  readonly MAP_SHARED: number;
}

const NAME = 'mmap-io';

const MAX_SIZE = 2 ** 31 - 4096;
/** madvise(2), Linux: gives the file's storage back, the range reads as zeros. */
const MADV_REMOVE = 9;
const ALLOCATION_STEP = 1 << 20;

let loaded: MmapIo | { readonly reason: string } | undefined;

function load(): MmapIo | { readonly reason: string } {
  try {
    const module = createRequire(__filename)('mmap-io') as MmapIo | { default: MmapIo };
    return 'default' in module ? module.default : module;
  } catch (error) {
    return { reason: (error as Partial<Error>).message ?? String(error) };
  }
}

function mmapIo(): MmapIo {
  loaded ??= load();
  if ('reason' in loaded) throw new VmemError('ENOTSUP', `mmap-io can't be loaded: ${loaded.reason}`);
  return loaded;
}

export const mmapIoBackend: Backend = {
  unavailable() {
    loaded ??= load();
    return 'reason' in loaded ? `the optional package mmap-io can't be loaded: ${loaded.reason}` : undefined;
  },

  create(dir, size, maxSize = size) {
    if (maxSize > size) {
      throw new VmemError('ENOTSUP', 'maxSize: a pool of the backend mmap-io does not grow');
    }
    if (size > MAX_SIZE) {
      throw new VmemError('ENOTSUP', `size: the backend mmap-io maps at most ${MAX_SIZE} bytes, got ${size}`);
    }
    // a name that somebody has already is refused by O_EXCL
    const name = `.vmem-${process.pid}-${threadId}-${Math.random().toString(36).slice(2)}`;
    const path = join(dir, name);
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      rmSync(path);
      // writing is the only way to have storage allocated from here: touching a page without it is SIGBUS
      const zeros = Buffer.alloc(ALLOCATION_STEP);
      for (let at = 0; at < size;) at += writeSync(fd, zeros, 0, Math.min(zeros.length, size - at), at);
      return map({ byteOffset: 0, size, fd, file: look(fd)!.id }, true);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  },

  attach(share) {
    const named = requireFile(NAME, share);
    const { fd, file, size } = named;
    const found = look(fd);
    // A descriptor is closed, or means another file, after the pool was deleted or the thread that made it has ended.
    if (found?.id !== file) {
      throw new VmemError(
        'ECLOSED',
        `the pool's file is not open any more: descriptor ${fd} is not that of ${file}`,
      );
    }
    if (!found.hasStorage) throw new VmemError('ECLOSED', 'the pool of this handle was deleted');
    if (found.size !== size) {
      throw new VmemError(
        'EINVAL',
        `handle: the pool's file has ${found.size} bytes, the handle says ${size}`,
      );
    }
    return map(named, false);
  },
};

interface OpenFile {
  /** Tells files that exist at the same time apart, also from those of an overlay, which may not be punched. */
  readonly id: string;
  readonly size: number;
  readonly hasStorage: boolean;
}

/** What is behind a descriptor; undefined if nothing is. */
function look(fd: number): OpenFile | undefined {
  try {
    const { dev, ino, size, blocks } = fstatSync(fd, { bigint: true });
    return {
      id: `${NAME} ${dev.toString(16)}:${ino.toString(16)}`,
      size: Number(size),
      hasStorage: blocks > 0n,
    };
  } catch {
    return undefined;
  }
}

function map(share: FileShare, isOwner: boolean): PoolMemory {
  const { size, fd, file } = share;
  const module = mmapIo();
  const bytes = mapFile(module, size, fd);
  let isOpen = isOwner;
  return {
    backend: NAME,
    buffer: bytes.buffer,
    byteOffset: bytes.byteOffset,
    size,
    fd,
    file,
    zeroed: true,
    vanishes: true,
    release() {
      try {
        if (process.platform !== 'linux') throw new VmemError('ENOTSUP', 'other systems have other numbers');
        module.advise(bytes, 0, size, MADV_REMOVE);
      } catch {
        // where a file can't have holes, the space is free when the last thread has dropped its mapping
        bytes.fill(0);
      }
    },
    leave() {
      if (!isOpen) return;
      isOpen = false;
      if (look(fd)?.id !== file) {
        throw new VmemError(
          'EBADF',
          `descriptor ${fd}, that of the pool's file, was closed by somebody else`,
        );
      }
      closeSync(fd);
    },
  };
}

function mapFile(module: MmapIo, size: number, fd: number): Buffer {
  try {
    return module.map(size, module.PROT_READ | module.PROT_WRITE, module.MAP_SHARED, fd);
  } catch (cause) {
    // the package has the errno's number at the end of its message, and nowhere else
    const { message = '' } = cause as Partial<Error>;
    const errno = Number(/\d+$/.exec(message)?.[0] ?? 0);
    const code = errno > 0 ? getSystemErrorName(-errno) : 'EIO';
    throw new VmemError(code, `mmap-io can't map ${size} bytes of descriptor ${fd}: ${message}`, { cause });
  }
}
