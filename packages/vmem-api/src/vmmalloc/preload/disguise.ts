// Functions in place of the runtime's own that look like these: the same properties with the same attributes, the same
// prototype object, and the same text.

type AnyFunction = (...args: never[]) => unknown;

const apply = Reflect.apply.bind(Reflect);
const originals = new WeakMap<object, AnyFunction>();
const originalOf = originals.get.bind(originals);

/** A function that does what `behave` does, with the looks of `original`: one for `new`, too, if the original is. */
export function disguised(
  original: AnyFunction,
  behave: (self: unknown, args: unknown[]) => unknown,
): AnyFunction {
  // whatever has a property `prototype` can be called with `new`
  if (Object.hasOwn(original, 'prototype')) {
    return disguise(function (this: unknown, ...args: unknown[]): unknown {
      return behave(this, args);
    }, original);
  }
  const holder = {
    method(this: unknown, ...args: unknown[]): unknown {
      return behave(this, args);
    },
  };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is put where the original is
  return disguise(holder.method, original);
}

/** Gives `replacement` the looks of `original`, which both have a property `prototype` or neither. */
export function disguise<T extends AnyFunction>(replacement: T, original: AnyFunction): T {
  for (const key of Reflect.ownKeys(original)) {
    Object.defineProperty(replacement, key, Object.getOwnPropertyDescriptor(original, key)!);
  }
  Object.setPrototypeOf(replacement, Object.getPrototypeOf(original) as object);
  originals.set(replacement, original);
  return replacement;
}

/** Puts `replacement` where `original` is, in a property that keeps its attributes. */
export function putInPlace(owner: object, key: PropertyKey, replacement: AnyFunction): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key)!;
  Object.defineProperty(owner, key, { ...descriptor, value: replacement });
}

/** Has `Function.prototype.toString` answer for replacements, and for itself, with the text of the originals. */
export function disguiseTexts(): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to what the replacement is called on
  const textOf = Function.prototype.toString;
  const toString = disguised(textOf, (self) => apply(textOf, originalOf(self as object) ?? self, []));
  putInPlace(Function.prototype, 'toString', toString);
}
