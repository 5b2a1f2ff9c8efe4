// Which locks of a pool are taken, by whom, and whether somebody may sleep before them: for the case that threads hang, in which
// no method of the pool returns. So this reads the words where the region's format has them, and says so where the format is
// another one.

import { existsSync } from 'node:fs';
import type { LockKind } from './board';

const FORMAT = 9;
const MAGIC = 1024;
const VERSION = 1026;
const CLASSES = 1030;
const SLOTS = 1032;
const LOCKS = { standstill: 1041, backing: 1044, extents: 1056 } as const;
const BINS = 4096;
const SLOT_TABLE = BINS + 96 * 16;
const RECORD = 16;
const OWNER = 0;
const GENERATION = 5;
const BUSY = 8;
const GATE = 10;

/** The words that tell of a region's locks. */
export const lockWordsOf = (buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number): Int32Array =>
  new Int32Array(buffer, byteOffset, SLOT_TABLE + 256 * RECORD);

/** All locks; none where there is no region, or one of another format. */
export function locksOf(words: Int32Array): { readonly kind: LockKind; readonly at: number }[] {
  if (words[MAGIC] === 0 || words[VERSION] !== FORMAT) return [];
  return [
    ...Object.entries(LOCKS).map(([kind, at]) => ({ kind: kind as LockKind, at })),
    ...Array.from({ length: words[SLOTS] }, (_, slot) => ({
      kind: 'gates' as const,
      at: SLOT_TABLE + slot * RECORD + GATE,
    })),
    ...Array.from({ length: words[CLASSES] }, (_, i) => ({ kind: 'bins' as const, at: BINS + i * RECORD })),
  ];
}

/** Set in every token. */
const TOKEN = 1 << 30;
/** A token names a slot and the lower 22 bits of its generation. */
const isOfGeneration = (token: number, generation: number): boolean =>
  ((token >> 8) & 0x3fffff) === (generation & 0x3fffff);

/** The thread that a lock names; 0 if it is known to be dead. */
export function threadOf(words: Int32Array, token: number): number {
  const at = SLOT_TABLE + ((token & 0xff) - 1) * RECORD;
  return token < TOKEN || !isOfGeneration(token, words[at + GENERATION]) ? 0 : Math.max(0, words[at + OWNER]);
}

export function describeLocks(buffer: SharedArrayBuffer | ArrayBuffer, byteOffset: number): string[] {
  const words = lockWordsOf(buffer, byteOffset);
  if (words[MAGIC] === 0) return ['the pool was deleted'];
  if (words[VERSION] !== FORMAT) return [`a region of format ${words[VERSION]}, not ${FORMAT}`];
  const lines: string[] = [];
  const describe = (name: string, at: number): void => {
    if (words[at] === 0 && words[at + 1] === 0) return;
    lines.push(`${name}: ${ownerText(words, words[at])}${words[at + 1] === 0 ? '' : ', slept for'}`);
  };
  for (const [name, at] of Object.entries(LOCKS)) describe(name, at);
  for (let i = 0; i < words[CLASSES]; i++) describe(`bin ${i}`, BINS + i * RECORD);
  for (let slot = 0; slot < words[SLOTS]; slot++) {
    const at = SLOT_TABLE + slot * RECORD;
    describe(`gate ${slot}`, at + GATE);
    const owner = words[at + OWNER];
    if (owner !== 0)
      lines.push(`slot ${slot}: ${threadText(owner)}${words[at + BUSY] === 0 ? '' : ', in a fast section'}`);
  }
  return lines;
}

function ownerText(words: Int32Array, token: number): string {
  if (token === 0) return 'free';
  if (token === -1) return 'abandoned';
  if (token < TOKEN) return `taken, says ${token}, which is no token`;
  const slot = (token & 0xff) - 1;
  const isPast = !isOfGeneration(token, words[SLOT_TABLE + slot * RECORD + GENERATION]);
  return `taken by ${isPast ? 'an earlier thread of ' : ''}slot ${slot}`;
}

function threadText(owner: number): string {
  if (owner === -1) return 'dead';
  if (owner < -1) return `being reaped by slot ${(-owner & 0xff) - 1}`;
  return `thread ${owner}${existsSync(`/proc/self/task/${owner}`) ? '' : ', which does not exist'}`;
}
