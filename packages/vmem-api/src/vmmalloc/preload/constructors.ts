// ArrayBuffer, SharedArrayBuffer and the typed arrays, whose constructors take large memory from the pool. The prototypes
// stay the runtime's own, so that nothing can tell the objects apart.

import { types } from 'node:util';
import { constructorLike, putInPlace, type AnyConstructor } from './disguise';
import type { Lender } from './lender';
import {
  elementCount,
  isBigIntArray,
  setElements,
  typedArrayClasses,
  type TypedArrayClass,
} from './typed-array';

const construct = Reflect.construct.bind(Reflect) as (
  target: AnyConstructor,
  args: readonly unknown[],
  newTarget?: AnyConstructor,
) => object;
const { isAnyArrayBuffer, isTypedArray } = types;
const { isSafeInteger } = Number;

type Globals = Record<string, AnyConstructor | undefined>;

/**
 * Replaces the global constructors.
 * @param canShare whether SharedArrayBuffers can come from the pool, too
 * @param heirs what inherits static methods of Uint8Array
 */
export function replaceConstructors(lender: Lender, canShare: boolean, heirs: readonly object[]): void {
  const globals = globalThis as unknown as Globals;
  const { ArrayBuffer: OriginalBuffer, SharedArrayBuffer: OriginalShared } = globals;
  replaceConstructor(
    'ArrayBuffer',
    bufferConstructor(OriginalBuffer!, lender.minSize, (bytes) => lender.buffer(bytes, true)),
  );
  if (canShare) {
    const shared = bufferConstructor(OriginalShared!, lender.minSize, (bytes) => lender.sharedBuffer(bytes));
    replaceConstructor('SharedArrayBuffer', shared);
  }
  for (const [name, original] of typedArrayClasses) {
    replaceConstructor(name, typedArrayConstructor(original, lender));
  }
  for (const heir of heirs) Object.setPrototypeOf(heir, globals.Uint8Array!);
}

function replaceConstructor(name: string, replacement: AnyConstructor): void {
  const original = (globalThis as unknown as Globals)[name]!;
  putInPlace(original.prototype as object, 'constructor', replacement as unknown as () => void);
  putInPlace(globalThis, name, replacement as unknown as () => void);
}

/**
 * `new` of a buffer of a fixed length comes from the pool. One that can be resized is V8's own: it keeps addresses for its
 * largest length, which no block has.
 */
function bufferConstructor(
  Original: AnyConstructor,
  minSize: number,
  make: (bytes: number) => object | undefined,
): AnyConstructor {
  const replacement = constructorLike(Original, (target, length, options) => {
    if (typeof length === 'number' && length >= minSize && isPlain(options) && isSafeInteger(length)) {
      const made = make(length);
      if (made !== undefined) return target === replacement ? made : withPrototypeOf(made, target);
    }
    return construct(Original, [length, options], target === replacement ? Original : target);
  });
  return replacement;
}

/** Options that are no object ask for nothing. */
const isPlain = (options: unknown): boolean => typeof options !== 'object' && typeof options !== 'function';

function withPrototypeOf(made: object, target: AnyConstructor): object {
  const prototype: unknown = target.prototype;
  const isObject = (typeof prototype === 'object' && prototype !== null) || typeof prototype === 'function';
  return isObject ? (Object.setPrototypeOf(made, prototype) as object) : made;
}

function typedArrayConstructor(Original: TypedArrayClass, lender: Lender): AnyConstructor {
  const elementSize = Original.BYTES_PER_ELEMENT;
  const minLength = Math.ceil(lender.minSize / elementSize);

  const holdsBigInts = isBigIntArray(new Original(0));

  /**
   * What `new` makes of an array or an iterator. Where it is no typed array, elements are converted and iterators run as the
   * runtime does it, and what comes out is moved to the pool.
   */
  const fromElements = (elements: object, Type: AnyConstructor): object => {
    const canCopy = isTypedArray(elements) && isBigIntArray(elements) === holdsBigInts;
    const source = canCopy ? elements : new Original(elements);
    const count = elementCount(source);
    const memory = count >= minLength ? lender.buffer(count * elementSize, false) : undefined;
    if (memory === undefined) {
      return source !== elements && Type === Original ? source : construct(Original, [source], Type);
    }
    const made = construct(Original, [memory], Type);
    setElements(made, source);
    return made;
  };

  const replacement = constructorLike(Original, (target, first, offset, length) => {
    const Type = target === replacement ? Original : target;
    if (typeof first === 'number') {
      if (first >= minLength && isSafeInteger(first)) {
        const memory = lender.buffer(first * elementSize, true);
        if (memory !== undefined) return construct(Original, [memory], Type);
      }
    } else if (typeof first === 'object' && first !== null && !isAnyArrayBuffer(first)) {
      return fromElements(first, Type);
    }
    return Type === Original
      ? new Original(first, offset, length)
      : construct(Original, [first, offset, length], Type);
  });
  return replacement;
}
