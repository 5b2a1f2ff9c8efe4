// What callers pass in, checked before anything else sees it.

import { bufferLength } from '../base/accessor';
import { VmemError, describe } from '../base/errors';
import { readingFrom, requireObject } from '../base/reading';
import { UsagePolicy } from '../layout/region-layout';
import { MAX_REGION, MIN_REGION, Region } from '../layout/region';
import { QUANTUM } from '../slab/size-classes';
import type { PageSource } from '../extent/page-source';
import type { HeapHandle } from './heap-options';
import type { ThreadHost } from './thread-host';

export function requireSize(name: string, value: unknown): void {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw new VmemError('EINVAL', `${name}: expected a whole number >= 0, got ${describe(value)}`);
  }
}

export function requireAlignment(value: unknown): void {
  if (
    typeof value !== 'number' ||
    value < 1 ||
    value > 2 ** 52 ||
    2 ** Math.round(Math.log2(value)) !== value
  ) {
    throw new VmemError('EINVAL', `alignment: expected a power of two, at most 2^52, got ${describe(value)}`);
  }
}

/** The region in `memory`, or in a part of a buffer. */
export function regionOf(memory: unknown, byteOffset = 0, size?: number): Region {
  let buffer: unknown = memory;
  let start = byteOffset;
  let length = size;
  if (ArrayBuffer.isView(memory)) {
    buffer = memory.buffer;
    start = memory.byteOffset;
    length = memory.byteLength;
  }
  const available = bufferLength(buffer);
  if (available === undefined) {
    throw new VmemError(
      'EINVAL',
      `region: expected a SharedArrayBuffer, an ArrayBuffer or a view, got ${describe(memory)}`,
    );
  }
  length ??= available;
  if (start % QUANTUM !== 0) {
    throw new VmemError(
      'EINVAL',
      `region: expected an offset that is a multiple of ${QUANTUM}, got ${start}`,
    );
  }
  if (length < MIN_REGION || length > MAX_REGION) {
    throw new VmemError('EINVAL', `region: expected ${MIN_REGION} to ${MAX_REGION} bytes, got ${length}`);
  }
  if (start + length > available) {
    throw new VmemError(
      'EINVAL',
      `region: ${start} + ${length} bytes don't fit a buffer of ${available} bytes`,
    );
  }
  try {
    return new Region(buffer as SharedArrayBuffer | ArrayBuffer, start, length);
  } catch (error) {
    if (isStackOverflow(error)) throw error;
    throw new VmemError('ENOTSUP', `this runtime can't make views on ${length} bytes`, { cause: error });
  }
}

/** V8 throws the same class for a view that is too long and for a stack that is full. */
const isStackOverflow = (error: unknown): boolean =>
  error instanceof RangeError && error.message.startsWith('Maximum call stack');

export function handleFields(handle: unknown): HeapHandle {
  const { buffer, byteOffset, size, low, high } = readingFrom('handle', () => {
    const { buffer, byteOffset, size, id } = requireObject('handle', handle) as Partial<HeapHandle>;
    const [low, high]: unknown[] = Array.isArray(id) ? id : [];
    return { buffer, byteOffset, size, low, high };
  });
  const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!buffer || !isWhole(byteOffset) || !isWhole(size) || !isWord(low) || !isWord(high)) {
    throw new VmemError('EINVAL', `handle: expected the handle of a heap, got ${describe(handle)}`);
  }
  return { buffer, byteOffset, size, id: [low, high] };
}

const isWord = (value: unknown): value is number => typeof value === 'number' && (value | 0) === value;

function optionOf(options: unknown, name: 'host' | 'source'): unknown {
  return readingFrom('options', () => (requireObject('options', options) as Record<string, unknown>)[name]);
}

/** The host in the options, if there is one. */
export function hostOption(options: unknown): ThreadHost | undefined {
  const host: unknown = optionOf(options, 'host');
  if (host === undefined) return undefined;
  const needed = readingFrom('host', () => {
    const { identity, isAlive, onDeath, barrier } = requireObject('host', host) as Partial<ThreadHost>;
    return [identity, isAlive, onDeath, barrier ?? identity] as unknown[];
  });
  if (!needed.every((each) => typeof each === 'function')) {
    throw new VmemError(
      'EINVAL',
      'host: expected an object with the functions identity, isAlive, onDeath and, if it can, barrier',
    );
  }
  return host as ThreadHost;
}

/** The source in the options, if there is one. */
export function sourceOption(options: unknown): PageSource | undefined {
  const source: unknown = optionOf(options, 'source');
  if (source === undefined) return undefined;
  const { back, drop } = readingFrom('source', () => {
    const { back, drop } = requireObject('source', source) as Partial<PageSource>;
    return { back, drop };
  });
  if (typeof back !== 'function' || typeof drop !== 'function') {
    throw new VmemError('EINVAL', 'source: expected an object with the functions back and drop');
  }
  return source as PageSource;
}

export function usagePolicy(policy: unknown): UsagePolicy {
  if (policy === undefined || policy === 'default') return UsagePolicy.keep;
  if (policy === 'conservative') return UsagePolicy.conservative;
  throw new VmemError('EINVAL', `policy: expected default or conservative, got ${describe(policy)}`);
}

export function requireStorage(storage: unknown): void {
  if (storage === 'own' || storage === 'borrowed') return;
  throw new VmemError('EINVAL', `storage: expected own or borrowed, got ${describe(storage)}`);
}

export function wholeOption(
  name: string,
  value: unknown,
  preset: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return preset;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new VmemError(
    'EINVAL',
    `${name}: expected a whole number from ${least} to ${most}, got ${describe(value)}`,
  );
}
