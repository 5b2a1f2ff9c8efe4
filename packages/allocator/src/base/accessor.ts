// What the language's own accessors say of an object, whatever its properties pretend and whichever realm it is from.

/** An accessor as a function of the object that it is asked of. It throws for what it is not for. */
export type Accessor<T = unknown> = (object: unknown) => T;

/**
 * The accessor `name` of `prototype`. Modules take those that they need when they are loaded: a program may exchange them later.
 * @throws TypeError if there is none
 */
export function accessor<T = unknown>(prototype: object, name: string | symbol): Accessor<T> {
  const property: { get?: Accessor } | undefined = Object.getOwnPropertyDescriptor(prototype, name);
  if (property?.get === undefined) throw new TypeError(`this runtime has no accessor '${String(name)}'`);
  return Function.prototype.call.bind(property.get) as Accessor<T>;
}

/** Its answer; undefined for an object that it is not for. */
export function answer<T>(of: Accessor<T>, object: unknown): T | undefined {
  try {
    return of(object);
  } catch {
    return undefined;
  }
}

const sharedByteLength = accessor<number>(SharedArrayBuffer.prototype, 'byteLength');
const arrayByteLength = accessor<number>(ArrayBuffer.prototype, 'byteLength');

/** Bytes of a SharedArrayBuffer; undefined for anything else. */
export const sharedLength = (value: unknown): number | undefined => answer(sharedByteLength, value);

/** Bytes of a buffer, 0 if it is detached; undefined for what is none. */
export const bufferLength = (value: unknown): number | undefined =>
  sharedLength(value) ?? answer(arrayByteLength, value);
