// A pool: a heap, and the memory that it is in.

import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';
import {
  Heap,
  VmemError,
  describe,
  type CheckReport,
  type HeapStats,
  type LiveBlock,
  type PointerArray,
  type TypedArrayConstructor,
} from '@vmem-ts/allocator';
import type { BackendName, PoolMemory } from './backends/backend';
import { backendNamed, chooseBackend } from './backends/choose';
import { isDevice } from './backends/dax-device';
import { lostFile, poolFile } from './backends/pool-file';
import { attachRegion, regionMemory } from './backends/region';
import { adoptInherited } from './fork/adopt';
import { thaw } from './fork/freeze';
import { requireProgram, splitForkOptions, type ForkedPools, type PoolForkOptions } from './fork/options';
import { prepareFork } from './fork/prepare';
import { isShared, placeOf } from './pool/buffers';
import { closedHeap } from './pool/closed-heap';
import { requireDirectory } from './pool/directory';
import { stopWatching, watchForDrop } from './pool/dropped';
import { failingAs } from './pool/failures';
import { poolInfo, type PoolInfo } from './pool/info';
import { handleFields, type VmemHandle } from './pool/handle';
import { poolSize } from './pool/limits';
import { readOptions, type PoolOptions, type VmemOptions } from './pool/options';
import { statsText } from './pool/stats-text';
import { cString, requireText, wideString } from './pool/strings';
import { surroundings, type PoolParts } from './pool/surroundings';
import { asViewOf, isBuiltIn, standInFor } from './pool/view-types';

/** What only this module's code can call the constructor with. */
const KEY = Symbol('Vmem');

/** Whether it is a Vmem itself: no proxy of one, nor an heir. Runs no code of the value's. */
export let isVmem: (value: unknown) => value is Vmem;

/** What a pool is made of. */
export let partsOf: (pool: Vmem) => PoolParts;

/** Taken before anybody puts something else in its place that calls `Vmem#fork`. */
const startProcess = fork;

/** How a process is started with pools. */
export type VmemForkOptions = ForkOptions & PoolForkOptions & ForkedPools<Vmem>;

/** What `inherited` has given. */
const inheritedPools = new Map<string, Vmem>();

/** A view on no heap's memory. */
const STRANGER = new Uint8Array(0);

/** Memory that `createInRegion` takes. */
export type VmemRegion = SharedArrayBuffer | ArrayBuffer | ArrayBufferView;

/**
 * A memory pool in a file, shared by threads: libvmem(3) for TypeScript.
 *
 * Pointers are byte offsets from the start of the pool, valid in every thread; 0 is NULL. `malloc`, `calloc`, `realloc`,
 * `alignedAlloc`, `strdup` and `wcsdup` return 0 when memory is out. Everything else that goes wrong is a `VmemError`:
 * EINVAL for an argument that makes no sense, EBADPTR for a number that points to no block of this pool, EDOUBLEFREE for a
 * block that is not live any more, ECLOSED after `detach` here or `delete` in any thread, EBADF where the pool needs more
 * storage and somebody else has closed its file's descriptor, ECORRUPT where the pool's own data contradict each other. Which
 * of EDOUBLEFREE and EBADPTR a pointer to a freed block gets depends on what has become of its memory since, and it gets
 * neither once a block begins there again. Only what accessors of the caller's own objects throw comes through as it is.
 *
 * Blocks of up to 16 KiB begin at multiples of the largest power of two that divides their usable size, at least of 8, so that
 * every kind of typed array fits, and at most of 4096; larger ones at multiples of 4096. `alignedAlloc` gives more.
 *
 * A `Vmem` that is dropped without `detach` or `delete` is detached when it is garbage-collected; the pool lives on, and its
 * file and descriptor with it, until the process ends. `delete` gives them back.
 */
export class Vmem implements Disposable {
  private readonly heap: Heap;
  /** Undefined after `delete`: what is left of the pool must not keep its addresses. */
  private memory: PoolMemory | undefined;
  private readonly place: Readonly<Pick<PoolMemory, 'backend' | 'byteOffset' | 'size'>>;
  private isDetached = false;
  readonly #isVmem = true;

  static {
    isVmem = (value): value is Vmem => typeof value === 'object' && value !== null && #isVmem in value;
    partsOf = (pool) => ({ heap: pool.heap, memory: pool.requireMemory() });
  }

  private constructor(key: symbol, heap: Heap, memory: PoolMemory) {
    if (key !== KEY) {
      throw new VmemError('EINVAL', 'a Vmem is made by Vmem.create, Vmem.createInRegion or Vmem.attach');
    }
    const { backend, byteOffset, size } = memory;
    this.heap = heap;
    this.memory = memory;
    this.place = { backend, byteOffset, size };
    watchForDrop(this, { heap, memory });
  }

  /**
   * Makes a pool in a file without a name in the directory `dir`. The file's space is really allocated; it is free again
   * after `delete`, or when the process ends, however it ends. The calling thread is attached. vmem_create(3)
   *
   * `dir` may also be the path of a DAX device: then all of it is the pool, `size` does not matter, and nobody else has a pool
   * there until this one is deleted. A device gives no pages back before that. What was written stays on it. On a file system
   * with DAX the file is mapped with MAP_SYNC where that is to be had. `info` tells what the pool got.
   *
   * The backend `anonymous`, also where `auto` falls back to it, has no file: it makes nothing of `dir`, and doesn't
   * notice that there is no such directory.
   *
   * @param size bytes, at least 14 MiB; rounded up to whole pages. With `maxSize`, what the pool begins with
   * @throws VmemError EINVAL: arguments; ENOENT, ENOTDIR, EACCES, EROFS, EMFILE: `dir`; ENOSPC, EDQUOT, EFBIG: no room for
   *   the file; EBUSY, ENODEV, EIO: a device that is in use, is no DAX device, or does not tell its size or alignment; ENOMEM: no
   *   room for it among the process' addresses or mappings; ENOTSUP: the backend, or a pool of this size, is not to be had in
   *   this runtime; EOPNOTSUPP: there is no /proc of the process' own, by which threads are told apart
   */
  static create(dir: string, size: number, options: VmemOptions = {}): Vmem {
    requireDirectory(dir);
    const { backend, maxSize, wholeDevice, heap } = readOptions(options);
    const source = chooseBackend(backend);
    if (source.createOnDevice !== undefined && isDevice(dir)) {
      const limit = maxSize === undefined ? undefined : poolSize(maxSize, 'maxSize');
      const memory = failingAs(`no pool can be made on the device '${dir}'`, () =>
        source.createOnDevice!(dir, { limit, whole: wholeDevice }),
      );
      return Vmem.inMemory(memory, heap);
    }
    const bytes = poolSize(size);
    const most = maxSize === undefined ? bytes : poolSize(maxSize, 'maxSize');
    if (most < bytes) {
      throw new VmemError(
        'EINVAL',
        `maxSize: expected at least the pool's size of ${bytes} bytes, got ${most}`,
      );
    }
    const memory = failingAs(`no pool of ${bytes} bytes can be made in '${dir}'`, () =>
      source.create(dir, bytes, most),
    );
    return Vmem.inMemory(memory, { ...heap, size: bytes });
  }

  /**
   * Makes a pool in the caller's memory, whose contents are lost. `delete` leaves the memory to the caller, who may use it
   * for something else as soon as no other thread is inside a call of the pool. Other threads can attach if it is a
   * SharedArrayBuffer, or a view on one. vmem_create_in_region(3)
   *
   * @param region at least 14 MiB; a view begins at a multiple of 4096
   * @throws VmemError EINVAL
   */
  static createInRegion(
    region: VmemRegion,
    options: Omit<VmemOptions, 'backend' | 'maxSize' | 'wholeDevice'> = {},
  ): Vmem {
    // first: what they are read with may change the region
    const { heap, maxSize } = readOptions(options);
    if (maxSize !== undefined) {
      throw new VmemError('EINVAL', 'maxSize: a pool in memory of the caller does not grow');
    }
    return Vmem.inMemory(regionMemory(region), heap);
  }

  /**
   * Attaches the calling thread to the pool whose `handle` came from another one.
   *
   * @throws VmemError EINVAL: no handle; ECLOSED: its pool was deleted; EAGAIN: as many threads are attached as the pool
   *   was made for; ENOMEM: no room for this thread's cache; ENOTSUP: this thread can't have the pool's backend; EOPNOTSUPP: as
   *   for `create`
   */
  static attach(handle: VmemHandle): Vmem {
    const share = handleFields(handle);
    return failingAs('the pool cannot be attached to', () => {
      const memory =
        share.backend === 'region' ? attachRegion(share) : backendNamed(share.backend).attach(share);
      const { buffer, byteOffset, size } = memory;
      const heap = Heap.attach({ buffer, byteOffset, size, id: share.id }, surroundings(memory));
      try {
        memory.confirm?.();
      } catch (error) {
        // after another thread deleted the pool, the descriptor is not that of its file any more
        const { isOpen } = heap;
        heap.detach();
        throw isOpen
          ? error
          : new VmemError('ECLOSED', 'the pool of this handle was deleted', { cause: error });
      }
      return new Vmem(KEY, heap, memory);
    });
  }

  /**
   * The pool that this process was started with by `fork` of another one, or null. The same pointers lead to the same blocks.
   * The main thread has it; its other threads attach by the `handle`. Asked again, it gives the same `Vmem` until that is
   * detached or deleted.
   *
   * @param name that of the option `pools`; without one, the pool whose `fork` it was
   * @throws VmemError EINVAL: no name; ENOMEM, EMFILE, ENOTSUP: no room for the pool in this process; then it can be asked for again
   */
  static inherited(name = ''): Vmem | null {
    requireText('name', name);
    const known = inheritedPools.get(name);
    if (known?.isOpen === true) return known;
    const parts = adoptInherited(name);
    if (parts === undefined) return null;
    const pool = new Vmem(KEY, parts.heap, parts.memory);
    inheritedPools.set(name, pool);
    return pool;
  }

  private static inMemory(memory: PoolMemory, options: PoolOptions): Vmem {
    const { buffer, byteOffset, size, zeroed } = memory;
    return failingAs(`no heap can be made in ${size} bytes`, () => {
      try {
        const region = new Uint8Array(buffer, byteOffset, size);
        const heap = Heap.create(region, { ...options, zeroed, ...surroundings(memory) });
        return new Vmem(KEY, heap, memory);
      } catch (error) {
        memory.release();
        memory.leave();
        throw error;
      }
    });
  }

  /**
   * For another thread's `attach`; can be posted. Still to be had after `detach`.
   * @throws VmemError ENOTSUP if the pool is in an ArrayBuffer, which threads can't share; ECLOSED after `delete` here
   */
  get handle(): VmemHandle {
    const { backend, buffer, byteOffset, size, fd, file, sync } = this.requireMemory();
    const [low, high] = this.heap.handle.id;
    const fields = {
      backend,
      byteOffset,
      size,
      fd,
      ...(file !== undefined && { file }),
      ...(sync === true && { sync }),
      id: [low, high] as const,
    };
    if (isShared(buffer)) return { ...fields, buffer };
    if (backend === 'region') {
      throw new VmemError(
        'ENOTSUP',
        'the pool is in an ArrayBuffer, which threads do not share; use a SharedArrayBuffer',
      );
    }
    return fields;
  }

  /** False after `detach` here or `delete` in any thread. */
  get isOpen(): boolean {
    return this.heap.isOpen;
  }

  /** Where the pool's memory comes from. */
  get backend(): BackendName {
    return this.place.backend;
  }

  /**
   * The memory that the pool lies in. Block `ptr` begins at `byteOffset + ptr`.
   * @throws VmemError ECLOSED after `delete` here
   */
  get buffer(): SharedArrayBuffer | ArrayBuffer {
    return this.requireMemory().buffer;
  }

  /** Where in `buffer` the pool begins, in bytes. */
  get byteOffset(): number {
    return this.place.byteOffset;
  }

  /**
   * Bytes of the pool in `buffer`, the heap's own data included: every block ends below. Of a pool that grows, what it can
   * grow to; what it has storage for now is in its `stats`.
   */
  get size(): number {
    return this.place.size;
  }

  /**
   * Pointer to a new block of at least `size` bytes, contents undefined; 0 when memory is out. It is a multiple of 8 at
   * least, see above. malloc(0) is a block, too, of a few bytes. vmem_malloc(3)
   */
  malloc(size: number): number {
    return this.heap.malloc(size);
  }

  /** Pointer to a new block of `count * size` zero bytes; 0 when memory is out. vmem_calloc(3) */
  calloc(count: number, size: number): number {
    return this.heap.calloc(count, size);
  }

  /**
   * Changes the size of a block; contents are kept up to the smaller size. Returns its pointer, or 0 when memory is out
   * (the old block stays). realloc(0, n) is malloc(n); realloc(ptr, 0) is free(ptr) and returns 0.
   *
   * The block stays in its place if it has the room and at least half of that will be used; one of more than 16 KiB also
   * if the pages behind it are free, or the pool has to grow and can do so there, and it gives back those that it does not
   * need. Otherwise the contents move. A block that only shrinks never fails. vmem_realloc(3)
   */
  realloc(ptr: number, size: number): number {
    return this.heap.realloc(ptr, size);
  }

  /** Gives a block back, by its pointer or by the view of `alloc`. free(0) does nothing. vmem_free(3) */
  free(ptr: number | ArrayBufferView): void {
    this.heap.free(typeof ptr === 'number' ? ptr : this.pointerOf(ptr));
  }

  /**
   * Writes pointers to `count` new blocks of at least `size` bytes to the start of `out`, contents undefined. Returns how
   * many there are: fewer when memory is out, or when something else ends the work after the first one, such as an element
   * of an array that can't be written. Those are blocks like those of `malloc`. What the caches can't serve is taken from
   * slabs under one lock.
   *
   * @param out a Float64Array; a Uint32Array or Int32Array for a pool of at most 4 or 2 GiB; or an array, which grows as
   *   needed. May lie in a block of the pool
   * @throws VmemError EINVAL also if `out` is too short, or can't hold every pointer of the pool
   */
  mallocMany(size: number, count: number, out: PointerArray): number {
    return this.heap.mallocMany(size, count, out);
  }

  /**
   * Frees the first `count` blocks of `ptrs`, or all. Zeros are passed over. At the first pointer that `free` would refuse
   * it stops: the blocks before it are freed, those behind it are not, and the error's `index` tells where it is.
   *
   * @param ptrs as for `mallocMany`, and only read; its elements are pointers, no views
   * @throws VmemError EBADPTR, EDOUBLEFREE, EINVAL
   */
  freeMany(ptrs: PointerArray, count?: number): void {
    this.heap.freeMany(ptrs, count);
  }

  /** True if `ptr` points to the start of a live block of this pool. Any value may be asked about. */
  contains(ptr: unknown): boolean {
    return this.heap.contains(ptr);
  }

  /**
   * The live block that the byte at `ptr` belongs to, or undefined. For a pointer into a large block this takes the longer
   * the further inside it is: a few nanoseconds a page.
   */
  blockAt(ptr: number): LiveBlock | undefined {
    return this.heap.blockAt(ptr);
  }

  /**
   * All blocks that are live at the moment of the call, by address. They are written down at a standstill, which keeps all
   * threads waiting for some milliseconds where there are millions, and takes a byte for each; going through them then
   * locks nothing and sees no change, and may be left at any time.
   */
  blocks(): IterableIterator<LiveBlock> {
    return this.heap.blocks();
  }

  /**
   * Pointer to a new block at a multiple of `alignment`, a power of two; 0 when memory is out. The offset from the pool's
   * start is what is aligned; the start itself is at a page. vmem_aligned_alloc(3)
   */
  alignedAlloc(alignment: number, size: number): number {
    return this.heap.alignedAlloc(alignment, size);
  }

  /**
   * Moves a block to where it makes for less fragmentation, and returns its new pointer; 0 if it stays. A block of up to
   * 16 KiB moves from a slab that is emptier than those of its size are on the average to one that is fuller; a larger one
   * to free pages at a lower address, of at least the same alignment. Done for all blocks it lets `purge` give more back.
   */
  relocate(ptr: number): number {
    return this.heap.relocate(ptr);
  }

  /** A copy of `text` in UTF-8, ended by a NUL; 0 when memory is out. vmem_strdup(3) */
  strdup(text: string): number {
    return this.duplicate(cString, requireText('text', text), 1);
  }

  /** A copy of `text` as 32-bit code points, ended by a zero; 0 when memory is out. vmem_wcsdup(3) */
  wcsdup(text: string): number {
    return this.duplicate(wideString, requireText('text', text), 2);
  }

  /** Bytes that the block at `ptr` has room for; 0 for NULL. vmem_malloc_usable_size(3) */
  usableSize(ptr: number): number {
    return this.heap.usableSize(ptr);
  }

  /**
   * A view of `length` elements on a new block, contents undefined; `free` takes it.
   * @param Type a typed array's constructor, or an heir of one that can be constructed like it
   * @throws VmemError ENOMEM when memory is out; EINVAL: arguments, also when `Type` throws, with its error as `cause`
   */
  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number): T {
    if (isBuiltIn(Type)) return this.heap.alloc(Type, length);
    const plain = this.heap.alloc(standInFor(Type), length);
    try {
      return asViewOf(Type, plain);
    } catch (error) {
      this.freeAfter(plain);
      throw error;
    }
  }

  /**
   * A view of `length` elements on the block at `ptr`.
   * @throws VmemError EINVAL if the block is too short, or as for `alloc`
   */
  view<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, ptr: number, length: number): T {
    if (isBuiltIn(Type)) return this.heap.view(Type, ptr, length);
    return asViewOf(Type, this.heap.view(standInFor(Type), ptr, length));
  }

  /**
   * 1: consistent; 0: not. (The type's -1 is `vmem_check`'s: could not be checked.) All threads wait while what describes the
   * pool is copied, for some milliseconds; in a pool of more than a GiB, or a damaged one, for the whole check. vmem_check(3)
   * @throws VmemError ECLOSED
   */
  check(): 1 | 0 | -1 {
    return this.heap.check();
  }

  /**
   * What the pool's memory is: file, device or neither, persistent memory (DAX) or not, its sizes and alignments. Asks the
   * system anew each time.
   */
  info(): PoolInfo {
    if (!this.heap.isOpen) {
      throw new VmemError('ECLOSED', 'the pool was deleted, or this thread has detached from it');
    }
    return poolInfo(this.requireMemory());
  }

  /** `check`, with all that was found. */
  checkReport(): CheckReport {
    return this.heap.checkReport();
  }

  /** Figures of this moment, which add up: by size class, by thread and in all. Stops all threads for a moment. */
  stats(): HeapStats {
    return this.heap.stats();
  }

  /**
   * Writes the statistics to stderr. vmem_stats_print(3)
   * @param opts letters of parts to leave out: `g` general, `m` merged of all threads, `a` by thread, `b` by size class,
   *   `l` large blocks; `J` for JSON
   */
  statsPrint(opts = ''): void {
    requireText('opts', opts);
    process.stderr.write(statsText({ backend: this.backend, stats: this.stats() }, opts));
  }

  /**
   * Gives the file's space of free pages back, after emptying the caches of all threads: of runs of at least 64 KiB, the
   * longest first, and of what lies between such that have none; 4,096 holes at most. The pool stays as large as it was:
   * pages get space again when they are needed, and if the file system
   * has none then, memory is out. Returns the bytes that went back. On anonymous memory this takes the addon; on `mmap-io`
   * and in memory of the caller's it does nothing and returns 0.
   *
   * @throws VmemError EBADF if somebody else has closed the pool's descriptor. The policy `conservative` says nothing then: the
   *   space just stays
   */
  purge(): number {
    const { heap, memory } = this;
    const hasFile = memory?.source !== undefined && memory.fd !== -1;
    // in this order: another thread that deletes the pool closes the heap before the descriptor, and that is ECLOSED
    if (hasFile && poolFile(memory) === undefined && heap.isOpen) throw lostFile(memory);
    return heap.purge();
  }

  /**
   * Starts a Node.js process, as `child_process.fork` does, that has this pool as it is now: `Vmem.inherited` gives it there.
   * Pointers are the same in both, and from now on each goes on by itself. All threads that call the pool wait until it is
   * ready; what they write to their blocks meanwhile may be in the new process or not, so a program that needs all of it to be
   * of one moment stops them first.
   *
   * Mode 1, the default, takes some milliseconds: the pool's file stays as it is for the new process, and what is written
   * here from then on takes memory, until `thaw`. Free pages are not given back meanwhile. Where that can't be, as for a pool
   * whose file is frozen already or that has none, what the pool holds is copied to memory. Mode 2 copies it to a new file in
   * the same directory, with all its storage; mode 3 does so if there is room, and else what mode 1 does.
   *
   * @param modulePath as of child_process.fork, like `args`
   * @throws VmemError EINVAL: arguments; ENOSPC, EDQUOT: no room for a copy (mode 2); ENOTSUP: a device (mode 1; mode 2 without
   *   `dir`), or no addon; EBADF: somebody else has closed the pool's descriptor; EMFILE, ENOMEM. What `onProgress` throws. If
   *   mode 1 fails halfway and the file can't be taken up again at once, that is left to `thaw`
   */
  fork(modulePath: string | URL, args: readonly string[] = [], options: VmemForkOptions = {}): ChildProcess {
    requireProgram(modulePath, args);
    const { pools, own, rest } = splitForkOptions(options);
    const all = new Map([['', partsOf(this)]]);
    for (const [name, pool] of Object.entries(pools)) {
      if (name === '' || !isVmem(pool)) {
        throw new VmemError('EINVAL', `pools: expected names and a Vmem for each, got ${describe(pool)}`);
      }
      all.set(name, partsOf(pool));
    }
    const prepared = prepareFork(all, own, rest);
    try {
      return startProcess(modulePath, args, prepared.options);
    } catch (cause) {
      throw new VmemError('EINVAL', `no process can be started: ${(cause as Partial<Error>).message}`, {
        cause,
      });
    } finally {
      prepared.done();
    }
  }

  /**
   * Has the pool's file take up again what is written to the pool, after `fork` in mode 1, and writes to it what was changed
   * since. No process may use the file any more: those that have it from `fork` have ended, or have deleted the pool. And while
   * this runs, no other thread may write to blocks of the pool, nor be inside a call that does, such as `calloc` or `realloc`:
   * what it wrote could be lost. Returns the bytes that were written; 0 if the pool is not frozen.
   *
   * @throws VmemError EBUSY: a process has the file; ENOSPC, EDQUOT: no room for what the pool has grown by meanwhile; ENOTSUP:
   *   the pool is one that `inherited` gave, and lies on the file of the other process; EBADF: somebody else has closed the
   *   pool's descriptor
   */
  thaw(): number {
    return thaw(partsOf(this));
  }

  /** This thread is done with the pool: what it has cached goes back. Blocks stay live for the others. */
  detach(): void {
    if (this.memory === undefined || this.isDetached) return;
    if (!this.heap.isOpen) {
      this.delete(); // another thread has done so
      return;
    }
    this.isDetached = true;
    stopWatching(this);
    this.heap.detach();
  }

  /**
   * Ends the pool for all threads and gives its file's space back at once. Views on it stay accessible and read zeros, or
   * for a pool without a file what was there; every other use of the pool, in any thread, throws ECLOSED. Deleting a pool
   * again does nothing. vmem_delete(3)
   *
   * With the backend `mmap-io`, touching a deleted pool's memory takes storage again, and on a full disk ends the process.
   *
   * @throws VmemError EBADF if somebody else has closed the pool's descriptor: the pool is deleted nonetheless
   */
  delete(): void {
    const { heap, memory } = this;
    if (memory === undefined) return;
    const hasEnded = heap.close(memory.vanishes);
    this.letGo();
    failingAs('the pool is deleted, but its file could not be given back', () => {
      if (hasEnded) memory.release();
      memory.leave();
    });
  }

  /** `delete`, at the end of a block that declares the pool with `using`. */
  [Symbol.dispose](): void {
    this.delete();
  }

  /** Gives back the block of a view that the caller's code was run on, unless that code has done so. */
  private freeAfter(view: ArrayBufferView): void {
    try {
      this.free(view);
    } catch {
      // the error that there is already says more
    }
  }

  /** Drops all that leads to the pool's memory, so that it can be collected. */
  private letGo(): void {
    this.memory = undefined;
    stopWatching(this);
    // Not by an assignment: V8 takes a field that no pool ever writes again for a constant, and is faster for that.
    Reflect.deleteProperty(this, 'heap');
    Object.defineProperty(this, 'heap', { value: closedHeap() });
  }

  private requireMemory(): PoolMemory {
    if (this.memory !== undefined) return this.memory;
    throw new VmemError('ECLOSED', 'the pool was deleted');
  }

  /** What the heap can tell the block of a view by; it finds the words for what is no view of the pool. */
  private pointerOf(view: ArrayBufferView): number | ArrayBufferView {
    const place = placeOf(view);
    if (place === undefined) return view;
    const { buffer, byteOffset } = place;
    if (buffer === this.memory?.buffer && byteOffset > this.byteOffset) return byteOffset - this.byteOffset;
    // each message brings a new buffer of the same memory
    return isShared(buffer) ? new Uint8Array(buffer, byteOffset, 0) : STRANGER;
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
