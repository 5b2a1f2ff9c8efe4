/*
 * What the kernel should do with the pages of a mapping that stays in place.
 */
import { addon } from './addon.js';
import { requireBoolean, requireOneOf } from './arguments.js';
import { mappedBytes } from './buffer-bytes.js';
import { requireDone } from './mmap-error.js';

/** As in madvise(2), there in capitals behind `MADV_`. */
export type Advice =
  | 'normal'
  | 'random'
  | 'sequential'
  | 'willneed'
  | 'dontneed'
  | 'cold'
  | 'pageout'
  | 'hugepage'
  | 'nohugepage'
  | 'populate-read'
  | 'populate-write'
  | 'dontdump'
  | 'dodump';

const ADVICE = [
  'normal',
  'random',
  'sequential',
  'willneed',
  'dontneed',
  'cold',
  'pageout',
  'hugepage',
  'nohugepage',
  'populate-read',
  'populate-write',
  'dontdump',
  'dodump',
] as const satisfies readonly Advice[];

/**
 * Advises the kernel about a range of a growable SharedArrayBuffer or of a buffer of `mapFile` (madvise(2)).
 * `'dontneed'` empties memory without a file and forgets the private changes to one; a shared file keeps its contents.
 * `'populate-write'` reports a page that has no storage as EFAULT, where touching it would kill the process.
 *
 * @throws TypeError: wrong types, or a buffer of another kind; RangeError: numbers, the range is not in the buffer, or it
 *   ends neither at a page's end nor at the buffer's; MmapError with `range`: EINVAL misaligned, or the kernel or this
 *   kind of mapping doesn't know the advice; EFAULT, ENOMEM, EAGAIN, EIO
 */
export function advise(
  buffer: SharedArrayBuffer | ArrayBuffer,
  byteOffset: number,
  length: number,
  advice: Advice,
): void {
  const known = requireOneOf(advice, 'advice', ADVICE);
  const bytes = mappedBytes(buffer, byteOffset, length, addon().pageSize());
  requireDone(addon().advise(bytes, known), { range: { offset: bytes.byteOffset, length: bytes.length } });
}

/**
 * Has the changes in a range written to the file's storage (msync(2)), and with `wait` returns when they are there.
 * Without a file under the range there is nothing to do.
 *
 * @throws TypeError, RangeError: as for `advise`; MmapError with `range`: EINVAL misaligned, or a DAX device; EIO
 */
export function sync(
  buffer: SharedArrayBuffer | ArrayBuffer,
  byteOffset: number,
  length: number,
  wait: boolean,
): void {
  const waits = requireBoolean(wait, 'wait');
  const bytes = mappedBytes(buffer, byteOffset, length, addon().pageSize());
  requireDone(addon().sync(bytes, waits), { range: { offset: bytes.byteOffset, length: bytes.length } });
}
