/*
 * Files under a SharedArrayBuffer. V8 keeps the address range of a growable one page-aligned and reserved; putting a
 * file's pages under it makes every view in every thread a view of the file, and V8 unmaps all of it at the end.
 */
import { addon } from './addon.js';
import { outOfRange, requireFd, requireOneOf, requireWhole } from './arguments.js';
import { growableBytes, lastingBytes } from './buffer-bytes.js';
import { requireDone } from './mmap-error.js';

const Shared = SharedArrayBuffer;

/** Bytes of a memory page: what offsets and lengths of mappings are multiples of. */
export function pageSize(): number {
  return addon().pageSize();
}

/**
 * A growable SharedArrayBuffer of at least `maxByteLength` bytes, all of them there from the start, to be overlaid. The
 * memory is the kernel's zero pages until something is written.
 *
 * With an `alignment` (in bytes, a power of two) above the page size, the buffer is longer by that much, so that
 * `maxByteLength` bytes can be used from `alignedOffset(buffer, alignment)` on.
 *
 * @throws TypeError, RangeError: arguments; also when the runtime can't make a buffer so large (4 GiB on Node 20)
 */
export function reserve(maxByteLength: number, alignment: number = pageSize()): SharedArrayBuffer {
  const page = pageSize();
  const wanted = requireWhole(maxByteLength, 'maxByteLength', 1, 2 ** 52);
  const boundary = requireAlignment(alignment);
  const byteLength = Math.ceil(wanted / page) * page + (boundary > page ? boundary : 0);
  try {
    return new Shared(byteLength, { maxByteLength: byteLength });
  } catch {
    throw outOfRange('maxByteLength', 'of a size that this runtime can reserve', maxByteLength);
  }
}

/**
 * The first offset in a growable SharedArrayBuffer whose address is a multiple of `alignment`.
 *
 * @throws TypeError, RangeError: arguments; also when the buffer ends before such an offset
 */
export function alignedOffset(buffer: SharedArrayBuffer, alignment: number): number {
  const boundary = requireAlignment(alignment);
  const beyond = addon().addressModulo(growableBytes(buffer, 0, 1), boundary);
  const offset = beyond === 0 ? 0 : boundary - beyond;
  growableBytes(buffer, offset, 1);
  return offset;
}

/**
 * The largest power of two, up to `most`, that the address of a byte of a buffer is a multiple of. For memory that a file is
 * mapped to from its beginning on, 2 MiB and more means that huge pages can be used.
 *
 * @throws TypeError, RangeError: arguments (`most` a power of two)
 */
export function addressAlignment(
  buffer: SharedArrayBuffer | ArrayBuffer,
  byteOffset: number,
  most: number,
): number {
  const boundary = requireAlignment(most);
  const start = requireWhole(byteOffset, 'byteOffset');
  let beyond = addon().addressModulo(lastingBytes(buffer, start, 1), boundary);
  let alignment = 1;
  for (; alignment < boundary && beyond % 2 === 0; alignment *= 2) beyond /= 2;
  return alignment;
}

function requireAlignment(alignment: unknown): number {
  const boundary = requireWhole(alignment, 'alignment', 1, 2 ** 40);
  if (!Number.isInteger(Math.log2(boundary))) throw outOfRange('alignment', 'a power of two', alignment);
  return boundary;
}

/**
 * How stores into an overlay reach the file: `'shared'`, they do; `'private'`, they stay in memory and the file as it
 * is; `'sync'`, they do, and on file-system DAX what is flushed from the CPU's cache is durable (mmap(2), MAP_SYNC).
 */
export type OverlayMode = 'shared' | 'private' | 'sync';

const OVERLAY_MODES: readonly OverlayMode[] = ['shared', 'private', 'sync'];

/**
 * Puts `length` bytes of the file, from `fileOffset` on, under the buffer's bytes from `byteOffset` on, for all threads
 * that have the buffer. What was there before is gone from the buffer. `fd` may be closed afterwards. If it fails, the
 * buffer is as accessible as before: every reason to refuse is looked for first.
 *
 * The address, `length` and `fileOffset` are multiples of the file's alignment (`fileInfo`): the page size, for a DAX
 * device often 2 MiB (`alignedOffset`). The range lies in the buffer's current `byteLength`, and inside the file.
 *
 * A sparse file is mapped as it is: touching a page for which a full file system has no space kills the process, and so
 * does truncating the file while it is mapped. `allocateFile` first, on a file that nobody else has.
 *
 * @throws TypeError: wrong types, also any buffer but a growable SharedArrayBuffer; RangeError: numbers, or the range is
 *   not in the buffer; MmapError with `fd` and `range` (of the buffer): EINVAL misaligned, or a DAX device privately;
 *   ENXIO not inside the file; EBADF closed; EACCES not open for reading, or (unless `'private'`) for writing; EISDIR,
 *   ESPIPE, ENODEV no file to map; EOPNOTSUPP `'sync'` without DAX; ENOMEM as in mmap(2)
 */
export function overlayFile(
  buffer: SharedArrayBuffer,
  byteOffset: number,
  length: number,
  fd: number,
  fileOffset: number,
  mode: OverlayMode,
): void {
  const checked = requireFd(fd);
  const offset = requireWhole(fileOffset, 'fileOffset');
  const how = requireOneOf(mode, 'mode', OVERLAY_MODES);
  const bytes = growableBytes(buffer, byteOffset, length);
  requireDone(addon().overlayFile(bytes, checked, offset, how), { fd: checked, range: rangeOf(bytes) });
}

/**
 * Puts empty memory under a range of the buffer: the file loses this user, and whoever still holds views, in any
 * thread, reads zeros from now on and writes to plain memory. No view ever hits a hole.
 *
 * @throws TypeError, RangeError: as for `overlayFile`; MmapError with `range`: EINVAL misaligned; EINVAL or ENOMEM where
 *   the range cuts through a huge page or a unit of a DAX device, which stays mapped then; ENOMEM
 */
export function dropMapping(buffer: SharedArrayBuffer, byteOffset: number, length: number): void {
  const bytes = growableBytes(buffer, byteOffset, length);
  requireDone(addon().dropMapping(bytes), { range: rangeOf(bytes) });
}

/**
 * Whether this process may make `count` more mappings, which then are taken for made. A part of a buffer that gets other
 * memory splits a mapping in up to three. Linux allows 65,530 (vm.max_map_count), and the runtime ends the process when
 * it gets none any more: so an eighth is left to it. Nothing is refused that doesn't ask.
 *
 * Reads /proc/self/maps now and then: some milliseconds where there are very many.
 *
 * @param count from 1 to 65536
 * @throws TypeError, RangeError: arguments
 */
export function mayMap(count: number): boolean {
  return addon().mayMap(requireWhole(count, 'count', 1, 65_536));
}

/**
 * Gives the file's storage under a range of a `'shared'` overlay back to the file system; the range reads as zeros, in
 * the file too (madvise(2), MADV_REMOVE). Later stores need storage anew, with the danger that `overlayFile` tells of.
 *
 * @throws TypeError, RangeError: as for `overlayFile`; MmapError with `range`: EINVAL misaligned, or no file is there;
 *   EOPNOTSUPP, ENODEV where the file system or device can't; EACCES
 */
export function freeFileSpace(buffer: SharedArrayBuffer, byteOffset: number, length: number): void {
  const bytes = growableBytes(buffer, byteOffset, length);
  requireDone(addon().freeFileSpace(bytes), { range: rangeOf(bytes) });
}

function rangeOf(bytes: Uint8Array): { offset: number; length: number } {
  return { offset: bytes.byteOffset, length: bytes.length };
}
