// Steps that the programs of memkind have in common.

import { realpathSync, statSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import {
  errno,
  memkind_check_dax_path,
  memkind_error_message,
  memkind_malloc,
  memkind_view,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { fail } from '../program';
import { strcpy, stringIn } from '../strings';

export const MIB = 1024 * 1024;

/**
 * Says what the program shows and where, and whether files there are in persistent memory. Returns the path.
 *
 * @param kinds that the program has at a time: a device has room for one
 */
export function tellPlace(purpose: string, dir: string, kinds = 1): string {
  let path: string;
  try {
    path = realpathSync(dir);
  } catch {
    fail(`there is no directory ${dir}`);
  }
  if (kinds > 1 && statSync(path).isCharacterDevice()) {
    fail(`${path} is a device, which has one kind at a time; this program has ${kinds}: name a directory`);
  }
  console.log(`${purpose}\nplace of the kinds: ${path}`);
  tellDax(path);
  return path;
}

export function tellDax(path: string): void {
  const isDax = memkind_check_dax_path(path) === 0;
  console.log(`${path} is${isDax ? '' : ' not'} in persistent memory (DAX)`);
}

/** The name of errno, such as ENOENT. */
const reason = (): string => (errno() === 0 ? 'errno is 0' : getSystemErrorName(-errno()));

/** Ends the program if a call did not return 0. */
export function succeed(err: number): void {
  if (err !== 0) fail(`${memkind_error_message(err)} (${reason()})`);
}

/** A block; ends the program when there is none. */
export function allocate(kind: memkind_t | null, size: number): number {
  const ptr = memkind_malloc(kind, size);
  return ptr === 0 ? fail(`no block of ${size} bytes (${reason()})`) : ptr;
}

/** The first bytes of a block, of whichever kind it is. */
function bytesAt(ptr: number, size: number): Uint8Array {
  return memkind_view(Uint8Array, ptr, size) ?? fail(`no ${size} bytes at ${ptr}`);
}

/** Longest string here, with its NUL. */
const LINE = 64;

export function writeString(ptr: number, text: string): void {
  strcpy(bytesAt(ptr, LINE), text);
}

export function printString(ptr: number): void {
  console.log(stringIn(bytesAt(ptr, LINE)));
}
