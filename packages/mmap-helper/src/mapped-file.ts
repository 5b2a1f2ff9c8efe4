/*
 * A range of a file as an ArrayBuffer of its own, for the parts of Node and the web that take no shared memory.
 */
import { constants } from 'node:buffer';
import { addon } from './addon.js';
import { requireFd, requireOneOf, requireWhole } from './arguments.js';
import { rememberMappedFile } from './buffer-bytes.js';
import { requireResult } from './mmap-error.js';

/**
 * `'shared'`: stores reach the file. `'private'`: they stay in this buffer. `'read'`: meant for reading; a store is
 * like one in `'private'`, because memory that can't be written would turn it into a crash.
 */
export type MapMode = 'shared' | 'private' | 'read';

const MAP_MODES: readonly MapMode[] = ['shared', 'private', 'read'];

/**
 * Maps `length` bytes of a file from `offset` on. The mapping ends after the buffer was garbage-collected, in a later
 * turn of the event loop, or with the thread: code that never returns to the event loop frees none. `fd` may be closed
 * afterwards. What `buffer.transfer()` made of it reads zeros after the thread that mapped it has ended.
 *
 * `offset` is a multiple of the file's alignment (`fileInfo`), for a DAX device `length` as well.
 *
 * @throws TypeError, RangeError: arguments, and a `length` above the runtime's limit (4 GiB on Node 20); MmapError with
 *   `fd` and `range` (of the file) for the same reasons as `overlayFile`
 */
export function mapFile(fd: number, offset: number, length: number, mode: MapMode): ArrayBuffer {
  const checked = requireFd(fd);
  const start = requireWhole(offset, 'offset');
  const size = requireWhole(length, 'length', 1, constants.MAX_LENGTH);
  const how = requireOneOf(mode, 'mode', MAP_MODES) === 'shared' ? 'shared' : 'private';
  const answer = addon().mapFile(checked, start, size, how);
  return rememberMappedFile(
    requireResult<ArrayBuffer>(answer, { fd: checked, range: { offset: start, length: size } }),
  );
}
