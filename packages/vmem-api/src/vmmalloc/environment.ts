// What the environment's variables ask for. libvmmalloc(7), ENVIRONMENT
//
// Numbers are read as C's atoll reads them, up to the first other character: `16777216 bytes` is 16777216, and `16M` is 16.
// Only where C would take words that begin with no digit for 0, and 0 would do, they are refused.

import { VMEM_MIN_POOL } from '../pool/limits';

/** Bytes of the smallest pool: `VMMALLOC_MIN_POOL` of libvmmalloc.h, 14 MiB. */
export const VMMALLOC_MIN_POOL = VMEM_MIN_POOL;

/**
 * Bytes; buffers of less stay on V8's heap unless VMMALLOC_MIN_SIZE says otherwise. From about here on, buffers of the pool cost
 * no more than ordinary ones: `npm run bench:preload`.
 */
export const DEFAULT_MIN_SIZE = 65536;

/** What a forked child sees of the parent's pool. */
export const enum ForkMode {
  nothing = 0,
  copyOnWrite = 1,
  copy = 2,
  copyOrCopyOnWrite = 3,
}

export interface VmmallocSettings {
  /** VMMALLOC_POOL_DIR: a directory; or a DAX device, all of which is the pool then, as in `Vmem.create`. */
  readonly dir: string;
  /** VMMALLOC_POOL_SIZE: bytes. */
  readonly size: number;
  /** VMMALLOC_FORK. */
  readonly fork: ForkMode;
  /** VMMALLOC_MIN_SIZE: bytes of the smallest buffer that the preload has in the pool. Not in C. */
  readonly minSize: number;
  /** VMMALLOC_FALLBACK: with a full pool the preload gives ordinary memory, in place of V8's RangeError. Not in C. */
  readonly fallsBack: boolean;
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** How messages of what ends the process begin. */
export const ERROR = 'Error (libvmmalloc): ';

/** VMMALLOC_LOG_STATS: whether statistics are printed when the process ends. */
export const logsStatistics = (variables: Variables): boolean => variables['VMMALLOC_LOG_STATS'] === '1';

/** The settings, or if they make no sense the message that libvmmalloc ends the process with. */
export function readEnvironment(variables: Variables): VmmallocSettings | string {
  const text = variables['VMMALLOC_POOL_DIR'];
  if (text === undefined) return `${ERROR}environment variable VMMALLOC_POOL_DIR not specified`;
  const sizeText = variables['VMMALLOC_POOL_SIZE'];
  if (sizeText === undefined) return `${ERROR}environment variable VMMALLOC_POOL_SIZE not specified`;
  const size = leadingNumber(sizeText) ?? 0;
  if (size < 0) return `${ERROR}negative VMMALLOC_POOL_SIZE`;
  if (size < VMMALLOC_MIN_POOL) {
    return `${ERROR}VMMALLOC_POOL_SIZE value is less than minimum (${size} < ${VMMALLOC_MIN_POOL})`;
  }
  const fork = numberOf(variables, 'VMMALLOC_FORK', ForkMode.copyOnWrite, ForkMode.copyOrCopyOnWrite);
  if (typeof fork === 'string') return fork;
  const minSize = numberOf(variables, 'VMMALLOC_MIN_SIZE', DEFAULT_MIN_SIZE, Number.MAX_SAFE_INTEGER);
  if (typeof minSize === 'string') return minSize;
  const fallback = numberOf(variables, 'VMMALLOC_FALLBACK', 0, 1);
  if (typeof fallback === 'string') return fallback;
  return {
    dir: text,
    size,
    fork,
    minSize,
    fallsBack: fallback === 1,
  };
}

/** A number from 0 to `most`, or the message that it is none. */
function numberOf(variables: Variables, name: string, unset: number, most: number): number | string {
  const text = variables[name];
  if (text === undefined) return unset;
  const value = leadingNumber(text);
  if (value !== undefined && value >= 0 && value <= most) return value;
  return `${ERROR}incorrect ${name} value (${value ?? text.replaceAll('\n', '\\n')})`;
}

/** The number that a text begins with, no larger than JavaScript has exactly; undefined if there is none. */
function leadingNumber(text: string): number | undefined {
  const [digits] = /^\s*[-+]?\d+/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const { MAX_SAFE_INTEGER: most } = Number;
  return Math.min(Math.max(Number.parseInt(digits, 10), -most), most) + 0; // no -0
}
