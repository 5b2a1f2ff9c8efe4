// Functions that make their result's memory inside the runtime: large results are moved to the pool.

import { disguised, putInPlace } from './disguise';
import type { Lender } from './lender';
import { byteCount, classOf, setElements } from './typed-array';

const apply = Reflect.apply.bind(Reflect) as (target: Method, self: unknown, args: unknown[]) => object;

type Method = (...args: unknown[]) => object;

const TYPED_ARRAY_METHODS = ['toReversed', 'toSorted', 'with'];
const BYTES_FROM_TEXT = ['fromBase64', 'fromHex'];

/** Has typed arrays and bytes of text moved that the replaced constructors do not see. */
export function replaceResults(lender: Lender): void {
  const typedArrays = Object.getPrototypeOf(Uint8Array.prototype) as object;

  const moved = (result: object): object => {
    const bytes = byteCount(result);
    const memory = bytes >= lender.minSize ? lender.buffer(bytes, false) : undefined;
    if (memory === undefined) return result;
    const copy = new (classOf(result))(memory);
    setElements(copy, result);
    return copy;
  };
  const replace = (owner: object, name: string): void => {
    const original = (owner as Record<string, Method | undefined>)[name];
    if (original === undefined) return;
    putInPlace(
      owner,
      name,
      disguised(original, (self, args) => moved(apply(original, self, args))),
    );
  };

  // A Blob is made of one, by Node.js itself, and other threads may have it when this one has ended.
  const { slice } = ArrayBuffer.prototype as unknown as { slice: Method };
  putInPlace(
    ArrayBuffer.prototype,
    'slice',
    disguised(slice, (self, args) => lender.withoutPool(() => apply(slice, self, args))),
  );

  for (const name of TYPED_ARRAY_METHODS) replace(typedArrays, name);
  for (const name of BYTES_FROM_TEXT) replace(Uint8Array, name);
  replace(TextEncoder.prototype, 'encode');
}
