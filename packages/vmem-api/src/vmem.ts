// A pool: a heap, and the memory that it is in.

import {
  Heap,
  VmemError,
  describe,
  type CheckReport,
  type HeapStats,
  type TypedArrayConstructor,
} from '@vmem-ts/allocator';
import { sharedMemory } from './backends/anonymous';
import type { BackendName, PoolMemory } from './backends/backend';
import { backendNamed, chooseBackend, type BackendChoice } from './backends/choose';
import { threadHost } from './native';
import { asVmemError } from './pool/failures';
import { handleFields, type VmemHandle } from './pool/handle';
import { PAGE_SIZE, VMEM_MIN_POOL, poolSize } from './pool/limits';
import { statsText } from './pool/stats-text';
import { cString, wideString } from './pool/strings';

export interface VmemOptions {
  /** Where the memory comes from; default `auto`: an overlay, or anonymous memory where the addon is missing. */
  readonly backend?: BackendChoice;
  /** Threads that can be attached at once, 1 to 254; default 254. */
  readonly threads?: number;
  /** Bytes that a thread may cache of one size class, 64 to 1 MiB; default 1/4096 of the pool, 4 to 32 KiB. */
  readonly cacheBytes?: number;
}

const CALLERS_MEMORY = { zeroed: false, vanishes: false, release: (): void => undefined };

/** Memory that `createInRegion` takes. */
export type VmemRegion = SharedArrayBuffer | ArrayBuffer | ArrayBufferView;

/**
 * A memory pool in a file, shared by threads: libvmem(3) for TypeScript.
 *
 * Pointers are byte offsets from the start of the pool, valid in every thread; 0 is NULL. `malloc`, `calloc`, `realloc`,
 * `alignedAlloc`, `strdup` and `wcsdup` return 0 when memory is out. Everything else that goes wrong is a `VmemError`:
 * EINVAL for an argument that makes no sense, EBADPTR for a number that points to no block of this pool, EDOUBLEFREE for a
 * block that is not live any more, ECLOSED after `detach` here or `delete` in any thread, ECORRUPT where the pool's own
 * data contradict each other.
 */
export class Vmem implements Disposable {
  private constructor(
    private readonly heap: Heap,
    private readonly memory: PoolMemory,
  ) {}

  /**
   * Makes a pool in a file without a name in the directory `dir`. The file's space is really allocated; it is free again
   * after `delete`, or when the process ends, however it ends. The calling thread is attached. vmem_create(3)
   *
   * @param size bytes, at least 14 MiB; rounded up to whole pages
   * @throws VmemError EINVAL: arguments; ENOENT, ENOTDIR, EACCES, EROFS, EMFILE: `dir`; ENOSPC: no room for the file;
   *   ENOTSUP: the backend, or a pool of this size, is not to be had in this runtime
   */
  static create(dir: string, size: number, options: VmemOptions = {}): Vmem {
    if (typeof dir !== 'string' || dir === '' || dir.includes('\0')) {
      throw new VmemError('EINVAL', `dir: expected the path of a directory, got ${describe(dir)}`);
    }
    const bytes = poolSize(size);
    const { backend = 'auto', ...heapOptions } = requireOptions(options);
    const source = chooseBackend(backend);
    const memory = failingAs(`no pool of ${bytes} bytes can be made in '${dir}'`, () =>
      source.create(dir, bytes),
    );
    return Vmem.inMemory(memory, heapOptions);
  }

  /**
   * Makes a pool in the caller's memory, whose contents are lost. `delete` leaves the memory to the caller. Other threads
   * can attach if it is a SharedArrayBuffer, or a view on one. vmem_create_in_region(3)
   *
   * @param region at least 14 MiB; a view begins at a multiple of 4096
   * @throws VmemError EINVAL
   */
  static createInRegion(region: VmemRegion, options: Omit<VmemOptions, 'backend'> = {}): Vmem {
    const heapOptions = requireOptions(options);
    const view = ArrayBuffer.isView(region) ? region : undefined;
    const buffer = view?.buffer ?? region;
    if (!(buffer instanceof SharedArrayBuffer) && !(buffer instanceof ArrayBuffer)) {
      throw new VmemError('EINVAL', 'region: expected a SharedArrayBuffer, an ArrayBuffer or a view');
    }
    const byteOffset = view?.byteOffset ?? 0;
    const size = view?.byteLength ?? buffer.byteLength;
    if (byteOffset % PAGE_SIZE !== 0) {
      throw new VmemError(
        'EINVAL',
        `region: expected an offset that is a multiple of ${PAGE_SIZE}, got ${byteOffset}`,
      );
    }
    if (size < VMEM_MIN_POOL) {
      throw new VmemError('EINVAL', `region: expected at least ${VMEM_MIN_POOL} bytes (14 MiB), got ${size}`);
    }
    const memory: PoolMemory = {
      backend: 'region',
      buffer,
      byteOffset,
      size,
      fd: -1,
      ...CALLERS_MEMORY,
    };
    return Vmem.inMemory(memory, heapOptions);
  }

  /**
   * Attaches the calling thread to the pool whose `handle` came from another one.
   *
   * @throws VmemError EINVAL: no handle; ECLOSED: its pool was deleted; EAGAIN: as many threads are attached as the pool
   *   was made for; ENOMEM: no room for this thread's cache
   */
  static attach(handle: VmemHandle): Vmem {
    const share = handleFields(handle);
    const memory =
      share.backend === 'region'
        ? sharedMemory('region', share, CALLERS_MEMORY)
        : failingAs('the pool cannot be attached to', () => backendNamed(share.backend).attach(share));
    const { buffer, byteOffset, size } = memory;
    return new Vmem(Heap.attach({ buffer, byteOffset, size, id: share.id }, hostOption()), memory);
  }

  private static inMemory(memory: PoolMemory, options: Omit<VmemOptions, 'backend'>): Vmem {
    const { buffer, byteOffset, size } = memory;
    try {
      const region = new Uint8Array(buffer, byteOffset, size);
      return new Vmem(Heap.create(region, { ...options, zeroed: memory.zeroed, ...hostOption() }), memory);
    } catch (error) {
      memory.release();
      throw asVmemError(error, `no heap can be made in ${size} bytes`);
    }
  }

  /**
   * For another thread's `attach`; can be posted.
   * @throws VmemError ENOTSUP if the pool is in an ArrayBuffer, which threads can't share
   */
  get handle(): VmemHandle {
    const { backend, buffer, byteOffset, size, fd } = this.memory;
    const { id } = this.heap.handle;
    if (buffer instanceof SharedArrayBuffer) return { backend, buffer, byteOffset, size, fd, id };
    if (backend === 'region') {
      throw new VmemError(
        'ENOTSUP',
        'the pool is in an ArrayBuffer, which threads do not share; use a SharedArrayBuffer',
      );
    }
    return { backend, byteOffset, size, fd, id };
  }

  /** Where the pool's memory comes from. */
  get backend(): BackendName {
    return this.memory.backend;
  }

  /** The memory that the pool lies in. Block `ptr` begins at `byteOffset + ptr`. */
  get buffer(): SharedArrayBuffer | ArrayBuffer {
    return this.memory.buffer;
  }

  /** Where in `buffer` the pool begins, in bytes. */
  get byteOffset(): number {
    return this.memory.byteOffset;
  }

  /** Bytes of the pool, the heap's own data included. */
  get size(): number {
    return this.memory.size;
  }

  /** Pointer to a new block of at least `size` bytes, contents undefined; 0 when memory is out. vmem_malloc(3) */
  malloc(size: number): number {
    return this.heap.malloc(size);
  }

  /** Pointer to a new block of `count * size` zero bytes; 0 when memory is out. vmem_calloc(3) */
  calloc(count: number, size: number): number {
    return this.heap.calloc(count, size);
  }

  /**
   * Changes the size of a block, in place where possible; contents are kept up to the smaller size. Returns its pointer,
   * or 0 when memory is out (the old block stays). realloc(0, n) is malloc(n); realloc(ptr, 0) is free(ptr) and returns
   * 0. vmem_realloc(3)
   */
  realloc(ptr: number, size: number): number {
    return this.heap.realloc(ptr, size);
  }

  /** Gives a block back, by its pointer or by the view of `alloc`. free(0) does nothing. vmem_free(3) */
  free(ptr: number | ArrayBufferView): void {
    this.heap.free(ptr);
  }

  /**
   * Pointer to a new block at a multiple of `alignment`, a power of two; 0 when memory is out. The offset from the pool's
   * start is what is aligned; the start itself is at a page. vmem_aligned_alloc(3)
   */
  alignedAlloc(alignment: number, size: number): number {
    return this.heap.alignedAlloc(alignment, size);
  }

  /** A copy of `text` in UTF-8, ended by a NUL; 0 when memory is out. vmem_strdup(3) */
  strdup(text: string): number {
    return this.duplicate(cString, requireText(text), 1);
  }

  /** A copy of `text` as 32-bit code points, ended by a zero; 0 when memory is out. vmem_wcsdup(3) */
  wcsdup(text: string): number {
    return this.duplicate(wideString, requireText(text), 2);
  }

  /** Bytes that the block at `ptr` has room for; 0 for NULL. vmem_malloc_usable_size(3) */
  usableSize(ptr: number): number {
    return this.heap.usableSize(ptr);
  }

  /**
   * A view of `length` elements on a new block, contents undefined; `free` takes it.
   * @throws VmemError ENOMEM when memory is out
   */
  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number): T {
    return this.heap.alloc(Type, length);
  }

  /** A view of `length` elements on the block at `ptr`. @throws VmemError EINVAL if the block is too short */
  view<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, ptr: number, length: number): T {
    return this.heap.view(Type, ptr, length);
  }

  /** 1: the pool is consistent; 0: it is not; -1: it could not be checked. vmem_check(3) */
  check(): 1 | 0 | -1 {
    return this.heap.check();
  }

  /** `check`, with all that was found. */
  checkReport(): CheckReport {
    return this.heap.checkReport();
  }

  /** Figures of the pool; blocks in the caches of other threads are approximate while these run. */
  stats(): HeapStats {
    return this.heap.stats();
  }

  /**
   * Writes the statistics to stderr. vmem_stats_print(3)
   * @param omit letters of parts to leave out: `g` general, `m` totals, `a` threads, `b` size classes, `l` large blocks
   */
  statsPrint(omit = ''): void {
    requireText(omit);
    process.stderr.write(statsText({ backend: this.backend, stats: this.stats() }, omit));
  }

  /** This thread is done with the pool: what it has cached goes back. Blocks stay live for the others. */
  detach(): void {
    this.heap.detach();
  }

  /**
   * Ends the pool for all threads and gives its file's space back at once. Views on it stay accessible and read zeros, or
   * for a pool without a file what was there; every other use of the pool, in any thread, throws ECLOSED. Deleting a pool
   * again does nothing. vmem_delete(3)
   */
  delete(): void {
    if (this.heap.close(this.memory.vanishes)) this.memory.release();
  }

  [Symbol.dispose](): void {
    this.delete();
  }

  /** @param least bytes that a UTF-16 unit takes at least: what can't fit is not encoded at all */
  private duplicate(encode: (text: string) => Uint8Array, text: string, least: number): number {
    if (text.length * least >= this.size) return this.heap.malloc(this.size);
    const bytes = encode(text);
    const ptr = this.heap.malloc(bytes.length);
    if (ptr !== 0) new Uint8Array(this.buffer, this.byteOffset + ptr, bytes.length).set(bytes);
    return ptr;
  }
}

function requireText(text: unknown): string {
  if (typeof text === 'string') return text;
  throw new VmemError('EINVAL', `expected a string, got ${describe(text)}`);
}

function requireOptions<T extends object>(options: T): T {
  if (typeof options === 'object' && (options as T | null) !== null) return options;
  throw new VmemError('EINVAL', `options: expected an object, got ${describe(options)}`);
}

function hostOption(): { host?: ReturnType<typeof threadHost> & object } {
  const host = threadHost();
  return host === undefined ? {} : { host };
}

function failingAs<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asVmemError(error, what);
  }
}
