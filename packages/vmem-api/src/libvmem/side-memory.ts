// What libvmem allocates on the side, outside of pools: for each VMEM of a thread a record and a copy of its name, and the
// text of statistics while it is made. C's libvmem has its functions for that exchanged by vmem_set_funcs; here, too.
// In place of C's addresses the functions deal in byte arrays: those of `Vmem.alloc(Uint8Array, ...)` would do.
//
// Where a function returns NULL, or less than it was asked for, the call that needed it fails with ENOMEM, and what it had
// allocated before goes back: no pool, no text is left. A block always goes back by the function that stood beside the one
// that it came from, also when others were set meanwhile.

import { types } from 'node:util';
import { VmemError, describe } from '@vmem-ts/allocator';
import { cString } from '../pool/strings';

/** Returns `size` bytes, contents undefined; null when there are none. */
export type MallocFunc = (size: number) => Uint8Array | null;
/** Takes back what one of the others has returned. */
export type FreeFunc = (block: Uint8Array) => void;
/** Returns `size` bytes that begin with those of `block`, which is gone then; null when there are none, and `block` stays. */
export type ReallocFunc = (block: Uint8Array, size: number) => Uint8Array | null;
/** Returns a copy of `text` in UTF-8, ended by a NUL; null when there is no memory for it. */
export type StrdupFunc = (text: string) => Uint8Array | null;

export interface SideFunctions {
  readonly malloc: MallocFunc;
  readonly free: FreeFunc;
  readonly realloc: ReallocFunc;
  readonly strdup: StrdupFunc;
}

/** On V8's heap, which takes back by itself what is not used any more. */
export const DEFAULT_FUNCTIONS: SideFunctions = {
  malloc: (size) => new Uint8Array(size),
  free: () => undefined,
  realloc(block, size) {
    const grown = new Uint8Array(size);
    grown.set(block.subarray(0, size));
    return grown;
  },
  strdup: cString,
};

let functions = DEFAULT_FUNCTIONS;

/** Has this thread's side memory come from `chosen` from now on. */
export function useFunctions(chosen: SideFunctions): void {
  functions = chosen;
}

/** A block on the side. */
export class SideBlock {
  private constructor(
    private bytes: Uint8Array | undefined,
    private readonly from: SideFunctions,
  ) {}

  /** @throws VmemError ENOMEM */
  static allocate(size: number): SideBlock {
    return SideBlock.of('malloc_func', functions.malloc(size), size);
  }

  /** @throws VmemError ENOMEM */
  static copyOf(text: string): SideBlock {
    return SideBlock.of('strdup_func', functions.strdup(text), Buffer.byteLength(text) + 1);
  }

  private static of(name: string, bytes: Uint8Array | null, size: number): SideBlock {
    const block = new SideBlock(requireBytes(name, bytes), functions);
    if (block.length >= size) return block;
    block.free();
    throw shortage(name, size);
  }

  get length(): number {
    return this.bytes?.length ?? 0;
  }

  /** To be had anew after `grow`. */
  get buffer(): Buffer {
    const { buffer, byteOffset, length } = this.bytes!;
    return Buffer.from(buffer as ArrayBuffer, byteOffset, length);
  }

  /** @throws VmemError ENOMEM: the block is as before, unless `realloc_func` returned too little: then it is what that returned */
  grow(size: number): void {
    this.bytes = requireBytes('realloc_func', this.from.realloc(this.bytes!, size));
    if (this.length < size) throw shortage('realloc_func', size);
  }

  /** The block is gone; again does nothing. */
  free(): void {
    const { bytes } = this;
    this.bytes = undefined;
    if (bytes !== undefined) this.from.free(bytes);
  }
}

function requireBytes(name: string, block: unknown): Uint8Array {
  if (types.isUint8Array(block)) return block;
  if (block === null || block === undefined) throw new VmemError('ENOMEM', `${name} returned NULL`);
  throw new VmemError('EINVAL', `${name}: expected a Uint8Array or null, got ${describe(block)}`);
}

const shortage = (name: string, size: number): VmemError =>
  new VmemError('ENOMEM', `${name} returned less than ${size} bytes`);
