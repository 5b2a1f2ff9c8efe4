// Functions in place of the runtime's own that look like these: the same properties with the same attributes, the same
// prototype object, and the same text.

import { compileFunction } from 'node:vm';

type AnyFunction = (...args: never[]) => unknown;
export type AnyConstructor = new (...args: unknown[]) => object;
/** What is called is `target`, or a subclass of that. */
type Construct = (target: AnyConstructor, first: unknown, second: unknown, third: unknown) => object;

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

/**
 * A constructor that does what `behave` does, with the looks of `original`. V8 has the name of an object's class from the source
 * text of its constructor, and puts it into messages.
 */
export function constructorLike(original: AnyConstructor, behave: Construct): AnyConstructor {
  const { name } = original;
  const make = compileFunction(
    `'use strict';
    return function ${name}(first, second, third) {
      if (new.target === undefined) throw new TypeError("Constructor ${name} requires 'new'");
      return behave(new.target, first, second, third);
    };`,
    ['behave', 'TypeError'],
  ) as (behave: Construct, error: typeof TypeError) => AnyFunction;
  return disguise(make(behave, TypeError), original as unknown as AnyFunction) as unknown as AnyConstructor;
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
