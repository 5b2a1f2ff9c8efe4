// A file system for tests: storage for the pages of a region, as much as the test says. It plays what a mapping does:
// pages that get storage are zeros, so what was written there before is lost.

import { VmemError, type PageSource } from '@vmem-ts/allocator';

const PAGE = 4096;

export class Storage implements PageSource {
  /** Pages that the disk has room for. */
  limit = Infinity;
  /** A file system without holes. */
  canDrop = true;
  /** Called instead of the next changes; for disks that fail in other ways. */
  failure: Error | undefined;
  /** Ranges that got storage, in pages. */
  readonly grants: { page: number; pages: number }[] = [];
  private readonly hasStorage: Uint8Array;
  private readonly memory: Uint8Array;

  /** For a region that is all of the buffer, or a part. */
  constructor(
    readonly buffer: SharedArrayBuffer,
    byteOffset = 0,
    byteLength = buffer.byteLength,
  ) {
    this.memory = new Uint8Array(buffer, byteOffset, byteLength);
    this.hasStorage = new Uint8Array(byteLength / PAGE);
  }

  /** Which pages have storage; may be set to what it was. */
  get state(): Uint8Array {
    return this.hasStorage.slice();
  }

  set state(state: Uint8Array) {
    this.hasStorage.set(state);
  }

  get pages(): number {
    return sumOf(this.hasStorage);
  }

  get bytes(): number {
    return this.pages * PAGE;
  }

  /** The disk has room for so many pages more. */
  leave(pages: number): void {
    this.limit = this.pages + pages;
  }

  back(byteOffset: number, byteLength: number): void {
    this.fail();
    const { start, end } = rangeOf(byteOffset, byteLength, this.hasStorage.length);
    const missing = end - start - sumOf(this.hasStorage.subarray(start, end));
    if (this.pages + missing > this.limit) throw new VmemError('ENOSPC', 'the disk of the test is full');
    for (let page = start; page < end; page++) {
      if (this.hasStorage[page] === 0) this.memory.fill(0, page * PAGE, (page + 1) * PAGE);
      this.hasStorage[page] = 1;
    }
    this.grants.push({ page: start, pages: end - start });
  }

  drop(byteOffset: number, byteLength: number): boolean {
    this.fail();
    const { start, end } = rangeOf(byteOffset, byteLength, this.hasStorage.length);
    if (!this.canDrop) return false;
    this.hasStorage.fill(0, start, end);
    this.memory.fill(0, byteOffset, byteOffset + byteLength);
    return true;
  }

  /** Pages without storage in which something was written. */
  strayPages(): number[] {
    const bytes = Buffer.from(this.buffer, this.memory.byteOffset, this.memory.byteLength);
    const empty = Buffer.alloc(PAGE);
    const found: number[] = [];
    for (let page = 0; page < this.hasStorage.length; page++) {
      const isZero = (): boolean => bytes.compare(empty, 0, PAGE, page * PAGE, (page + 1) * PAGE) === 0;
      if (this.hasStorage[page] === 0 && !isZero()) found.push(page);
    }
    return found;
  }

  private fail(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i];
  return sum;
}

function rangeOf(byteOffset: number, byteLength: number, pages: number): { start: number; end: number } {
  const start = byteOffset / PAGE;
  const end = (byteOffset + byteLength) / PAGE;
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end <= start || end > pages) {
    throw new RangeError(`no range of whole pages: ${byteLength} bytes at ${byteOffset}`);
  }
  return { start, end };
}
