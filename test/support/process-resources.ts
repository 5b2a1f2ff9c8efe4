// What this process holds, as proc(5) lists it.

import { readFileSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** File descriptors. */
export const countOpenFiles = (): number => readdirSync('/proc/self/fd').length;

/** Ranges of addresses that belong to files without a name. */
export const countFileMappings = (): number => mappings().filter((line) => line.endsWith('(deleted)')).length;

export interface Held {
  readonly files: number;
  readonly mapped: number;
}

/** File descriptors and mappings of files without a name. */
export const held = (): Held => ({ files: countOpenFiles(), mapped: countFileMappings() });

/** How many more there are by now. Fewer are none: what earlier tests have dropped may be collected at any time. */
export function heldSince(before: Held): Held {
  const { files, mapped } = held();
  return { files: Math.max(0, files - before.files), mapped: Math.max(0, mapped - before.mapped) };
}

export const NOTHING_MORE: Held = { files: 0, mapped: 0 };

/** Bytes of addresses that are mapped. */
export function mappedBytes(): number {
  return mappings().reduce((sum, line) => {
    const [from = '', to = ''] = (line.split(' ')[0] ?? '').split('-');
    return sum + Number.parseInt(to, 16) - Number.parseInt(from, 16);
  }, 0);
}

function mappings(): string[] {
  return readFileSync('/proc/self/maps', 'utf8').trimEnd().split('\n');
}

/** Collects garbage, with the turns of the event loop in which Node finalizes, until `isDone` or 50 times. */
export async function collectGarbageUntil(isDone: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    collect();
    await setImmediate();
    if (isDone()) return true;
  }
  return false;
}
