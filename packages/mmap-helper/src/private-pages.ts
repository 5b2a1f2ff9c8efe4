/*
 * Which pages of an overlay are no longer those of the file.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { addon } from './addon.js';
import { outOfRange } from './arguments.js';
import { growableBytes } from './buffer-bytes.js';

/** Bytes of a buffer. */
export interface ByteRange {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** An entry of /proc/PID/pagemap: see Linux' Documentation/admin-guide/mm/pagemap.rst. The bits of its upper word. */
const ENTRY_BYTES = 8;
const SWAPPED = 2 ** 30;
const OF_FILE = 2 ** 29;

const MOST_ENTRIES = 2 ** 17;

/** As it was when this was loaded: a program may exchange it for one that takes memory of the very buffer that is looked at. */
const alloc = Buffer.alloc.bind(Buffer);

/**
 * The pages in a range of a growable SharedArrayBuffer that are this mapping's own, by address: those of a `'private'`
 * overlay that were written to since it was made, and those of memory without a file that were touched. All others are
 * as the file has them, or zeros where there is no file. Runs of such pages are one range.
 *
 * Where the system does not tell (/proc/self/pagemap), that is all of the range.
 *
 * @throws TypeError, RangeError: arguments; also for a range that is not in whole pages
 */
export function privatePages(buffer: SharedArrayBuffer, byteOffset: number, length: number): ByteRange[] {
  const page = addon().pageSize();
  const bytes = growableBytes(buffer, byteOffset, length);
  const address = addon().addressModulo(bytes, 2 ** 52); // no address has more bits
  if (address % page !== 0 || bytes.length % page !== 0) {
    throw outOfRange('range', `in whole pages of ${page} bytes`, `${byteOffset}, ${length}`);
  }
  let map: number;
  try {
    map = openSync('/proc/self/pagemap', 'r');
  } catch {
    return [{ byteOffset, byteLength: bytes.length }];
  }
  try {
    return readPrivate(map, address / page, bytes.length / page).map(({ from, to }) => ({
      byteOffset: byteOffset + from * page,
      byteLength: (to - from) * page,
    }));
  } finally {
    closeSync(map);
  }
}

/** Runs of pages, counted from the first one. */
function readPrivate(map: number, first: number, pages: number): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  const entries = alloc(Math.min(pages, MOST_ENTRIES) * ENTRY_BYTES);
  for (let page = 0; page < pages;) {
    const wanted = Math.min(pages - page, MOST_ENTRIES) * ENTRY_BYTES;
    const read = readSync(map, entries, 0, wanted, (first + page) * ENTRY_BYTES);
    if (read < ENTRY_BYTES) return [{ from: 0, to: pages }];
    for (let at = 0; at + ENTRY_BYTES <= read; at += ENTRY_BYTES, page++) {
      const flags = entries.readUInt32LE(at + 4);
      if (flags < SWAPPED || Math.floor(flags / OF_FILE) % 2 === 1) continue; // neither there nor swapped out; the file's
      const last = runs.at(-1);
      if (last?.to === page) last.to++;
      else runs.push({ from: page, to: page + 1 });
    }
  }
  return runs;
}
