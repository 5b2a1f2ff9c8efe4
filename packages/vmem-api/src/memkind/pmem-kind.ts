// A kind of memory: a pool whose pointers tell that they are of it.

import { tmpdir, totalmem } from 'node:os';
import {
  VmemError,
  describe,
  readingFrom,
  type CheckReport,
  type HeapStats,
  type LiveBlock,
  type TypedArrayConstructor,
} from '@vmem-ts/allocator';
import type { BackendName } from '../backends/backend';
import { isDevice } from '../backends/dax-device';
import type { PoolInfo } from '../pool/info';
import { handleFields, type VmemHandle } from '../pool/handle';
import { VMEM_MIN_POOL } from '../pool/limits';
import { Vmem, type VmemRegion } from '../vmem';
import { KIND_SPAN, MAX_KIND_ID, claimKindId, returnKindId, takeKindId } from './kind-id';
import { fileSystemSize, growingPool, largestPool, mostOf, sizeLimit } from './kind-size';
import { Kinds } from './kinds';

/** What happens to free pages; see `VmemOptions`. */
export type PmemPolicy = 'default' | 'conservative';

/** What a kind is made of besides its pool. */
interface Origin {
  /** The directory of its file; empty where there is no file. */
  readonly dir: string;
  /** Bytes that its maker has limited it to; 0 for no limit. */
  readonly limit: number;
  /** Freed pages keep their storage until the kind is destroyed. */
  readonly keepsStorage: boolean;
}

/** What a thread posts to another one so that it can attach to a kind. Plain data and a SharedArrayBuffer. */
export interface PmemKindHandle extends Origin {
  readonly id: number;
  /** Tells the kind from others that might have its id. */
  readonly tag: number;
  readonly pool: VmemHandle;
}

/** memkind(3), MEMKIND_HOG_MEMORY; read when the module is loaded, as libmemkind does. */
const KEEPS_STORAGE = process.env['MEMKIND_HOG_MEMORY'] === '1';

/** What only this module's code can call the constructor with. */
const KEY = Symbol('PmemKind');

/** This thread's. */
export const kinds = new Kinds<PmemKind>();

/** Whether it is a PmemKind itself: no proxy of one, nor an heir. Runs no code of the value's. */
export let isPmemKind: (value: unknown) => value is PmemKind;

/** A kind of anonymous memory, which grows. */
export let makeAnonymousKind: () => PmemKind;

/**
 * A kind of memory in a file, shared by threads: memkind_pmem(3) for TypeScript.
 *
 * It is a pool like `Vmem`, but its pointers are not offsets. Their upper bits tell which kind of the process they are of,
 * so that pointers of several kinds can be mixed: `PmemKind.detect(ptr)` is the kind that a pointer belongs to. Pointers
 * are still numbers, and whole ones below 2^53: `id * 2^40` and the block's offset in the pool. They are the same in every
 * thread, and aligned as the offsets are. 0 is NULL.
 *
 * A kind that was made or attached to stays in its thread's table until `detach` or `delete`; it is not garbage-collected,
 * for pointers alone lead to it. `malloc`, `calloc`, `realloc` and `alignedAlloc` return 0 when memory is out; everything
 * else that goes wrong is a `VmemError` with the codes of `Vmem`, EBADPTR for pointers of other kinds, too.
 */
export class PmemKind implements Disposable {
  /** 1 to 8191; no other kind of this process has it until this one is deleted, and long after that. */
  readonly id: number;
  private readonly pool: Vmem;
  /** What pointers are more than offsets in the pool. */
  private readonly start: number;
  private readonly origin: Origin;
  private readonly tag: number;
  /** True if this thread has put the kind into a table of ids that is not that of its maker. */
  private readonly isGuest: boolean;
  private hasLeft = false;
  readonly #isKind = true;

  static {
    isPmemKind = (value): value is PmemKind =>
      typeof value === 'object' && value !== null && #isKind in value;
    makeAnonymousKind = () => {
      kinds.sweep();
      const pool = largestPool(mostOf(totalmem()), (maxSize) =>
        Vmem.create(tmpdir(), VMEM_MIN_POOL, { backend: 'anonymous', maxSize }),
      );
      return PmemKind.ofNewPool(pool, { dir: '', limit: 0, keepsStorage: KEEPS_STORAGE });
    };
  }

  private constructor(key: symbol, id: number, pool: Vmem, origin: Origin, tag: number, isGuest: boolean) {
    if (key !== KEY) {
      throw new VmemError(
        'EINVAL',
        'a PmemKind is made by PmemKind.create, PmemKind.createFixed or PmemKind.attach',
      );
    }
    this.id = id;
    this.pool = pool;
    this.start = id * KIND_SPAN;
    this.origin = origin;
    this.tag = tag;
    this.isGuest = isGuest;
    kinds.add(this);
  }

  /**
   * Makes a kind in a file without a name in the directory `dir`. It takes 14 MiB of the file system at first and grows as
   * it needs to. The calling thread is attached. memkind_create_pmem(3)
   *
   * `dir` may also be the path of a DAX device: one kind at a time has all of it, or `maxSize` bytes, rounded up to the
   * device's alignment.
   *
   * @param maxSize bytes that it can grow to, at least 16 MiB, rounded up to 2 MiB. 0: as far as the file system has room,
   *   but to no more than 256 GiB, 4 GiB on Node.js 20, and less where the process' addresses are limited. Blocks of what
   *   can become larger than 16 GiB are multiples of 16 bytes, those of more than 32 GiB of 32, and so on
   * @throws VmemError as for `Vmem.create`; EAGAIN: there are 8,191 kinds
   */
  static create(dir: string, maxSize = 0, policy: PmemPolicy = 'default'): PmemKind {
    const limit = sizeLimit(maxSize);
    if (policy !== 'default' && (policy as unknown) !== 'conservative') {
      throw new VmemError('EINVAL', `policy: expected default or conservative, got ${describe(policy)}`);
    }
    kinds.sweep();
    const pool = growingPool(dir, limit, { policy: KEEPS_STORAGE ? 'default' : policy });
    const bytes = isDevice(dir) ? pool.size : limit;
    return PmemKind.ofNewPool(pool, { dir, limit: bytes, keepsStorage: KEEPS_STORAGE });
  }

  /**
   * Makes a kind in the caller's memory, whose contents are lost; `delete` leaves it to the caller.
   * memkind_create_fixed(3)
   *
   * @param region as for `Vmem.createInRegion`: at least 14 MiB, a view begins at a multiple of 4096
   * @throws VmemError EINVAL; EAGAIN: there are 8,191 kinds
   */
  static createFixed(region: VmemRegion): PmemKind {
    kinds.sweep();
    const pool = Vmem.createInRegion(region);
    return PmemKind.ofNewPool(pool, { dir: '', limit: pool.size, keepsStorage: true });
  }

  private static ofNewPool(pool: Vmem, origin: Origin): PmemKind {
    try {
      // tells kinds apart that threads without a common parent make: a seed (--random-seed) would have them draw the same
      const tag = 1 + Number(process.hrtime.bigint() % (2n ** 31n - 1n));
      return new PmemKind(KEY, takeKindId(tag), pool, origin, tag, false);
    } catch (error) {
      pool.delete();
      throw error;
    }
  }

  /**
   * Attaches the calling thread to the kind whose `handle` came from another one. A thread that has the kind already gets
   * the one it has.
   *
   * @throws VmemError as for `Vmem.attach`; EEXIST: this thread knows another kind by the same id. That can be where two
   *   threads have loaded the module, and none of those that started both of them had: load it in the main thread, first
   */
  static attach(handle: PmemKindHandle): PmemKind {
    const { id, tag, pool: share, ...origin } = readHandle(handle);
    kinds.sweep();
    const known = kinds.get(id);
    if (known?.tag === tag) return known;
    const pool = Vmem.attach(share);
    try {
      const isGuest = claimKindId(id, tag);
      const kind = new PmemKind(KEY, id, pool, origin, tag, isGuest);
      if (!kind.isOpen) {
        kind.detach();
        throw new VmemError('ECLOSED', 'the kind of this handle was deleted');
      }
      return kind;
    } catch (error) {
      pool.detach();
      throw error;
    }
  }

  /**
   * The kind that the live block at `ptr` is of, if this thread has it; undefined for anything else: 0, pointers of kinds
   * that were deleted, blocks that were freed. memkind_detect_kind(3)
   */
  static detect(ptr: unknown): PmemKind | undefined {
    if (typeof ptr !== 'number') return undefined;
    const kind = kinds.of(ptr);
    return kind?.isOpen === true && kind.contains(ptr) ? kind : undefined;
  }

  /**
   * For another thread's `attach`; can be posted. Still to be had after `detach`.
   * @throws VmemError ENOTSUP if the kind is in an ArrayBuffer, which threads can't share; ECLOSED after `delete` here
   */
  get handle(): PmemKindHandle {
    return { id: this.id, tag: this.tag, pool: this.pool.handle, ...this.origin };
  }

  /** False after `detach` here or `delete` in any thread. */
  get isOpen(): boolean {
    return this.pool.isOpen;
  }

  /** Where the kind's memory comes from. */
  get backend(): BackendName {
    return this.pool.backend;
  }

  /**
   * The memory that the kind lies in. Block `ptr` begins at `ptr - base`.
   * @throws VmemError ECLOSED after `delete` here
   */
  get buffer(): SharedArrayBuffer | ArrayBuffer {
    return this.pool.buffer;
  }

  /** What pointers are more than places in `buffer`. */
  get base(): number {
    return this.start - this.pool.byteOffset;
  }

  /** Bytes that the kind can grow to, the heap's own data included. */
  get size(): number {
    return this.pool.size;
  }

  /**
   * Bytes of the memory that the kind allocates from: its limit; without one, the size of its file system, or of the
   * machine's memory where there is no file. memkind_get_capacity(3)
   *
   * @throws VmemError with the code of statfs(2)
   */
  get capacity(): number {
    const { dir, limit } = this.origin;
    if (limit > 0) return limit;
    return dir === '' ? totalmem() : fileSystemSize(dir);
  }

  /** As `Vmem.malloc`. */
  malloc(size: number): number {
    return this.pointerTo(this.pool.malloc(size));
  }

  /** As `Vmem.calloc`. */
  calloc(count: number, size: number): number {
    return this.pointerTo(this.pool.calloc(count, size));
  }

  /** As `Vmem.realloc`. */
  realloc(ptr: number, size: number): number {
    return this.pointerTo(this.pool.realloc(this.offsetOf(ptr), size));
  }

  /** As `Vmem.free`. */
  free(ptr: number | ArrayBufferView): void {
    this.pool.free(typeof ptr === 'number' ? this.offsetOf(ptr) : ptr);
  }

  /** As `Vmem.alignedAlloc`; the pointer is a multiple of `alignment`. */
  alignedAlloc(alignment: number, size: number): number {
    return this.pointerTo(this.pool.alignedAlloc(alignment, size));
  }

  /** As `Vmem.usableSize`. */
  usableSize(ptr: number): number {
    return this.pool.usableSize(this.offsetOf(ptr));
  }

  /** As `Vmem.relocate`. memkind_defrag_reallocate(3) */
  defragReallocate(ptr: number): number {
    return this.pointerTo(this.pool.relocate(this.offsetOf(ptr)));
  }

  /** As `Vmem.alloc`. */
  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number): T {
    return this.pool.alloc(Type, length);
  }

  /** As `Vmem.view`. */
  view<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, ptr: number, length: number): T {
    return this.pool.view(Type, this.offsetOf(ptr), length);
  }

  /** True if `ptr` points to the start of a live block of this kind. Any value may be asked about. */
  contains(ptr: unknown): boolean {
    return this.pool.contains(this.isMine(ptr) ? ptr - this.start : 0);
  }

  /** As `Vmem.blocks`, with this kind's pointers. */
  blocks(): IterableIterator<LiveBlock> {
    return moved(this.pool.blocks(), this.start);
  }

  /** As `Vmem.check`. */
  check(): 1 | 0 | -1 {
    return this.pool.check();
  }

  /** As `Vmem.checkReport`; pointers in it are offsets. */
  checkReport(): CheckReport {
    return this.pool.checkReport();
  }

  /** As `Vmem.info`. */
  info(): PoolInfo {
    return this.pool.info();
  }

  /** As `Vmem.stats`. */
  stats(): HeapStats {
    return this.pool.stats();
  }

  /** As `Vmem.purge`. With MEMKIND_HOG_MEMORY=1 in the thread that made the kind it does nothing and returns 0. */
  purge(): number {
    return this.origin.keepsStorage ? 0 : this.pool.purge();
  }

  /** This thread is done with the kind: what it has cached goes back. Blocks stay live for the others. */
  detach(): void {
    if (this.hasLeft) return;
    const wasDeleted = !this.pool.isOpen;
    try {
      this.pool.detach();
    } finally {
      this.leave(this.isGuest || wasDeleted);
    }
  }

  /**
   * Ends the kind for all threads and gives its file's space back at once; as `Vmem.delete`. Deleting it again does
   * nothing. memkind_destroy_kind(3)
   */
  delete(): void {
    try {
      this.pool.delete();
    } finally {
      this.leave(true);
    }
  }

  /** `delete`, at the end of a block that declares the kind with `using`. */
  [Symbol.dispose](): void {
    this.delete();
  }

  private leave(isOver: boolean): void {
    this.hasLeft = true;
    kinds.remove(this);
    if (isOver) returnKindId(this.id, this.tag);
  }

  private pointerTo(offset: number): number {
    return offset === 0 ? 0 : this.start + offset;
  }

  private isMine(ptr: unknown): ptr is number {
    return typeof ptr === 'number' && ptr > this.start && ptr < this.start + KIND_SPAN;
  }

  /** @throws VmemError EBADPTR for a pointer of another kind */
  private offsetOf(ptr: number): number {
    if (ptr === 0) return 0;
    if (this.isMine(ptr)) return ptr - this.start;
    throw new VmemError(
      'EBADPTR',
      `pointer ${describe(ptr)} is none of kind ${this.id}, whose pointers are between ${this.start} and ${this.start + KIND_SPAN}`,
    );
  }
}

function* moved(blocks: Iterable<LiveBlock>, by: number): IterableIterator<LiveBlock> {
  for (const { ptr, size } of blocks) yield { ptr: ptr + by, size };
}

const isWhole = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

/** The fields of a handle, each read once. */
function readHandle(handle: unknown): PmemKindHandle {
  const fields = typeof handle === 'object' && handle !== null ? (handle as Partial<PmemKindHandle>) : {};
  return readingFrom('handle', () => {
    const { id, tag, pool, dir, limit, keepsStorage } = fields;
    const isNumbered = isWhole(id, 1, MAX_KIND_ID) && isWhole(tag, 1, 2 ** 31 - 1);
    const isMade = isWhole(limit, 0, Number.MAX_SAFE_INTEGER) && typeof dir === 'string';
    if (isNumbered && isMade && typeof keepsStorage === 'boolean') {
      return { id, tag, pool: handleFields(pool), dir, limit, keepsStorage };
    }
    throw new VmemError('EINVAL', 'handle: expected the `handle` of a PmemKind, or its structured clone');
  });
}
