// What each method must do with any arguments: refuse with one of its documented codes, or give what the model expects.

import { strict as assert } from 'node:assert';
import { types } from 'node:util';
import fc from 'fast-check';
import type { LiveBlock, PointerArray, TypedArrayConstructor } from '@vmem-ts/vmem-api';
import type { Attachment, PoolModel } from './model';
import * as values from './values';
import type { Arg } from './values';

/** What must come of a call. Codes of caller's own errors are `CallerError`. */
export interface Judgement {
  /** It must be refused, with one of these codes. */
  readonly must?: readonly string[];
  /** It may be refused, with one of these. */
  readonly may?: readonly string[];
  /** Looks at the result. */
  readonly done?: (result: unknown) => void;
  /** Looks at what a call has done that was refused half-way. */
  readonly refused?: (error: { readonly index?: number }) => void;
}

export interface Method {
  readonly args: readonly fc.Arbitrary<Arg>[];
  readonly weight: number;
  judge(pool: PoolModel, args: readonly unknown[], user: User): Judgement;
  /** Answers after the end of the pool, too. */
  readonly isForEver?: boolean;
}

/** The methods that pools and heaps have in common. */
export interface User extends Attachment {
  calloc(count: number, size: number): number;
  realloc(ptr: number, size: number): number;
  alignedAlloc(alignment: number, size: number): number;
  usableSize(ptr: number): number;
  mallocMany(size: number, count: number, out: PointerArray): number;
  contains(ptr: unknown): boolean;
  blockAt(ptr: number): LiveBlock | undefined;
  alloc<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, length: number): T;
  view<T extends ArrayBufferView>(Type: TypedArrayConstructor<T>, ptr: number, length: number): T;
  check(): number;
  purge(): number;
  detach(): void;
  readonly size: number;
}

const BAD_POINTER = ['EBADPTR', 'EDOUBLEFREE'];
const INVALID: Judgement = { must: ['EINVAL'] };

export const isSize = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isLength = (value: unknown): value is number => isSize(value) && Number.isSafeInteger(value);

/** Whether memory may be out for so many bytes more, however they lie. */
const mayBeOut = (pool: PoolModel, bytes: number): boolean => pool.liveBytes + bytes > pool.size / 8;

/** What an allocating method gave. */
function got(pool: PoolModel, user: User, ptr: unknown, bytes: number, room = bytes): void {
  assert(typeof ptr === 'number', `gave ${String(ptr)}`);
  if (ptr === 0) {
    assert(mayBeOut(pool, room), `no ${bytes} bytes of ${pool.size}, ${pool.liveBytes} are live`);
    return;
  }
  const usable = user.usableSize(ptr);
  assert(usable >= bytes, `${usable} bytes usable of ${bytes}`);
  pool.add(ptr, usable);
}

export const method = (
  weight: number,
  args: readonly fc.Arbitrary<Arg>[],
  judge: Method['judge'],
  isForEver = false,
): Method => ({ weight, args, judge, isForEver });

const malloc = method(10, [values.size], (pool, [size], user) =>
  isSize(size) ? { done: (ptr) => got(pool, user, ptr, size) } : INVALID,
);

const calloc = method(4, [values.count, values.size], (pool, [count, size], user) => {
  if (!isSize(count) || !isSize(size)) return INVALID;
  return {
    done: (ptr) => {
      if (ptr !== 0) assert(pool.isZero(ptr as number, count * size), 'not all zeros');
      got(pool, user, ptr, count * size);
    },
  };
});

const alignedAlloc = method(4, [values.alignment, values.size], (pool, [alignment, size], user) => {
  const isPower = (n: unknown): n is number => isSize(n) && n >= 1 && n <= 2 ** 52 && 2 ** Math.log2(n) === n;
  if (!isPower(alignment) || !Number.isInteger(Math.log2(alignment)) || !isSize(size)) return INVALID;
  return {
    done: (ptr) => {
      assert.equal((ptr as number) % alignment, 0);
      got(pool, user, ptr, size, size + alignment);
    },
  };
});

const realloc = method(6, [values.pointer, values.size], (pool, [ptr, size], user) => {
  if (!isSize(size)) return { must: ['EINVAL', ...BAD_POINTER] };
  if (ptr === 0) return { done: (moved) => got(pool, user, moved, size) };
  if (!pool.has(ptr)) return { must: BAD_POINTER };
  const old = pool.usable(ptr)!;
  return {
    done: (moved) => {
      assert(typeof moved === 'number');
      if (size === 0) {
        assert.equal(moved, 0);
        pool.remove(ptr);
      } else if (moved === 0) {
        assert(mayBeOut(pool, size));
      } else {
        const usable = user.usableSize(moved);
        assert(usable >= size);
        pool.replace(ptr, moved, usable, Math.min(old, size));
      }
    },
  };
});

const relocate = method(3, [values.pointer], (pool, [ptr], user) => {
  if (ptr === 0) return { done: (moved) => assert.equal(moved, 0) };
  if (!pool.has(ptr)) return { must: BAD_POINTER };
  const usable = pool.usable(ptr)!;
  return {
    done: (moved) => {
      assert(typeof moved === 'number');
      if (moved === 0) return;
      assert.equal(user.usableSize(moved), usable);
      pool.replace(ptr, moved, usable, usable);
    },
  };
});

/** The pointer that a caller's argument stands for, if it is that of a live block. */
function pointerIn(pool: PoolModel, value: unknown): number | undefined {
  if (!ArrayBuffer.isView(value)) return pool.has(value) ? value : undefined;
  if (value.buffer !== pool.buffer) return undefined;
  const ptr = value.byteOffset - pool.byteOffset;
  return pool.has(ptr) ? ptr : undefined;
}

const free = method(
  10,
  [fc.oneof({ weight: 6, arbitrary: values.pointer }, { weight: 2, arbitrary: values.view })],
  (pool, [value]) => {
    if (value === 0) return {};
    const ptr = pointerIn(pool, value);
    return ptr === undefined ? { must: BAD_POINTER } : { done: () => pool.remove(ptr) };
  },
);

const isWords = (value: unknown): value is Float64Array | Uint32Array | Int32Array =>
  types.isFloat64Array(value) || types.isUint32Array(value) || types.isInt32Array(value);

function isList(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** The elements of an array without code of its own. */
function elementsOf(value: unknown): readonly unknown[] | undefined {
  if (isWords(value)) return Array.from({ length: value.length }, (_, i) => value[i]); // one without a buffer has none
  if (!isList(value) || types.isProxy(value)) return undefined;
  const properties = Object.values(Object.getOwnPropertyDescriptors(value));
  return properties.some((property) => property.get !== undefined) ? undefined : [...value];
}

/** A range of the pool that is not in one live block. */
function isInPool(pool: PoolModel, { buffer, byteOffset }: ArrayBufferView, bytes: number): boolean {
  if (buffer !== pool.buffer || bytes === 0) return false;
  const start = byteOffset - pool.byteOffset;
  const block = pool.around(start);
  return block === undefined || start + bytes > block.ptr + block.size;
}

const mallocMany = method(4, [values.size, values.count, values.room], (pool, [size, count, out]) => {
  if (!isSize(size) || !isSize(count)) return INVALID;
  if (isWords(out)) {
    const bytes = count * out.BYTES_PER_ELEMENT;
    if (count > out.length || isInPool(pool, out, bytes)) return INVALID;
  } else if (!isList(out)) {
    return INVALID;
  } else if (count > 1000) {
    return { must: [] }; // would fill the pool
  }
  const holder =
    isWords(out) && out.buffer === pool.buffer ? pool.around(out.byteOffset - pool.byteOffset) : undefined;
  return {
    may: isWords(out) ? [] : ['EINVAL', 'CallerError'],
    done: (result) => {
      assert(typeof result === 'number' && result >= 0 && result <= count, `gave ${String(result)}`);
      const isPlain = elementsOf(out) !== undefined && !Object.isFrozen(out);
      if (isPlain && result < count) assert(mayBeOut(pool, count * size));
      const elements = isPlain ? elementsOf(out)! : undefined;
      if (holder !== undefined) pool.rewrite(holder.ptr);
      const added = [...pool.walk()].filter(([ptr]) => !pool.has(ptr));
      assert.equal(added.length, result, 'blocks that the pool has besides those of the model');
      const room = elements?.slice(0, result).sort((a, b) => Number(a) - Number(b));
      if (room !== undefined)
        assert.deepEqual(
          room,
          added.map(([ptr]) => ptr),
        );
      for (const [ptr, usable] of added) {
        assert(usable >= size);
        pool.add(ptr, usable);
      }
    },
  };
});

/** How many of the first `end` pointers are freed: up to the first that is wrong. */
function countGood(pool: PoolModel, pointers: readonly unknown[], end: number): number {
  const freed = new Set<unknown>();
  for (let at = 0; at < end; at++) {
    const ptr = pointers[at];
    if (ptr === 0) continue;
    if (!pool.has(ptr) || freed.has(ptr)) return at;
    freed.add(ptr);
  }
  return end;
}

const freeMany = method(
  8,
  [
    values.pointers,
    fc.oneof(
      { weight: 6, arbitrary: fc.constant(values.arg('undefined', () => undefined)) },
      { weight: 2, arbitrary: values.count },
    ),
  ],
  (pool, [ptrs, count]) => {
    if (!isWords(ptrs) && !isList(ptrs)) return INVALID;
    const elements = elementsOf(ptrs);
    /** Forgets what the pool has freed; returns what that was. */
    const settle = (): number[] => {
      const walked = pool.walk();
      const gone = pool.live.filter((ptr) => !walked.has(ptr));
      for (const ptr of gone) pool.remove(ptr);
      return gone;
    };
    if (elements === undefined) {
      const known = types.isProxy(ptrs) ? undefined : new Set(pool.live.slice(0, 2));
      const settled = (): void => {
        for (const ptr of settle()) assert(known === undefined || known.has(ptr), `${ptr} was freed`);
      };
      return { may: ['EINVAL', 'CallerError', ...BAD_POINTER], done: settled, refused: settled };
    }
    if (count !== undefined && (!isLength(count) || count > elements.length)) return INVALID;
    const end = count ?? elements.length;
    const good = countGood(pool, elements, end);
    const expected = [...new Set(elements.slice(0, good))].filter((ptr) => ptr !== 0).sort();
    const settled = (): void => assert.deepEqual(settle().sort(), expected);
    if (good === end) return { done: settled };
    return {
      must: BAD_POINTER,
      refused: ({ index }) => {
        assert.equal(index, good);
        settled();
      },
    };
  },
);

const usableSize = method(3, [values.pointer], (pool, [ptr]) => {
  if (ptr === 0) return { done: (size) => assert.equal(size, 0) };
  return pool.has(ptr) ? { done: (size) => assert.equal(size, pool.usable(ptr)) } : { must: BAD_POINTER };
});

const contains = method(3, [values.pointer], (pool, [ptr]) => ({
  done: (result) => assert.equal(result, pool.has(ptr)),
}));

const blockAt = method(3, [values.pointer], (pool, [ptr]) => ({
  done: (block) => assert.deepEqual(block, pool.around(ptr)),
}));

const blocks = method(1, [], (pool) => ({
  done: (walked) => assert.equal([...(walked as Iterable<unknown>)].length, pool.blocks.size),
}));

const PLAIN = new Set<unknown>([
  Uint8Array,
  Int16Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  Uint8ClampedArray,
]);

/** `alloc` with types of its own kind; what others make is judged by where it lies. */
export const allocOf = (type: fc.Arbitrary<Arg>): Method =>
  method(4, [type, values.size], (pool, [Type, length], user) => {
    if (!isLength(length) || typeof Type !== 'function') return INVALID;
    const isPlain = PLAIN.has(Type);
    const bytes = length * (isPlain ? (Type as typeof Uint8Array).BYTES_PER_ELEMENT : 8);
    const out = mayBeOut(pool, bytes) ? ['ENOMEM'] : [];
    return {
      may: isPlain ? out : ['EINVAL', ...out],
      done: (made) => {
        const { buffer, byteOffset, byteLength } = made as ArrayBufferView;
        assert.equal(buffer, pool.buffer);
        got(pool, user, byteOffset - pool.byteOffset, byteLength);
      },
    };
  });

export const viewOf = (type: fc.Arbitrary<Arg>): Method =>
  method(4, [type, values.pointer, values.size], (pool, [Type, ptr, length]) => {
    const refusals = ['EINVAL', ...BAD_POINTER];
    if (!isLength(length) || typeof Type !== 'function' || !pool.has(ptr)) return { must: refusals };
    const isPlain = PLAIN.has(Type);
    const bytes = length * (isPlain ? (Type as typeof Uint8Array).BYTES_PER_ELEMENT : 1);
    if (bytes > pool.usable(ptr)!) return { must: refusals };
    return {
      may: isPlain ? [] : ['EINVAL'],
      done: (made) => {
        const { buffer, byteOffset, byteLength } = made as ArrayBufferView;
        assert.equal(buffer, pool.buffer);
        assert.equal(byteOffset - pool.byteOffset, ptr);
        assert(byteLength <= pool.usable(ptr)!);
      },
    };
  });

const isCheckOne = method(1, [], () => ({ done: (result) => assert.equal(result, 1) }));
const report = method(1, [], () => ({
  done: (result) => assert.deepEqual((result as { problems: unknown }).problems, []),
}));
const stats = method(1, [], (pool) => ({
  done: (result) => assert.equal((result as { liveBlocks: number }).liveBlocks, pool.blocks.size),
}));
const purge = method(1, [], () => ({ done: (bytes) => assert(isSize(bytes)) }));

/** Those that pools and heaps have in common, but for `alloc`, `view` and the ends. */
export const COMMON = {
  malloc,
  calloc,
  realloc,
  alignedAlloc,
  relocate,
  free,
  mallocMany,
  freeMany,
  usableSize,
  contains,
  blockAt,
  blocks,
  check: isCheckOne,
  checkReport: report,
  stats,
  purge,
};

/** A property that is only read. */
export const property = (judge: Method['judge'] = () => ({ may: ['ECLOSED'] })): Method =>
  method(1, [], judge, true);

/** A copy of a text in a block, ended by zero. */
export const duplicate = (encode: (text: string) => Buffer): Method =>
  method(2, [values.text], (pool, [text], user) => {
    if (typeof text !== 'string') return INVALID;
    const bytes = encode(text);
    return {
      done: (ptr) => {
        if (ptr !== 0) assert.deepEqual(pool.read(ptr as number, bytes.length), bytes);
        got(pool, user, ptr, bytes.length);
      },
    };
  });
