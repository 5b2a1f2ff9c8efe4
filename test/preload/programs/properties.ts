// Prints every property of the objects that the preload touches, with attributes, names, texts and prototypes.

import bufferModule = require('node:buffer');
import { inspect } from 'node:util';
import childProcess = require('node:child_process');
import workerThreads = require('node:worker_threads');

type AnyObject = Record<PropertyKey, unknown>;

const names = Object.getOwnPropertyNames(globalThis).filter((name) => /Array(Buffer)?$/.test(name));
const globals = globalThis as unknown as Record<string, AnyObject>;
const typedArray = Object.getPrototypeOf(Uint8Array) as AnyObject;
const roots: [string, AnyObject][] = [
  ...names.flatMap((name): [string, AnyObject][] => [
    [name, globals[name]],
    [`${name}.prototype`, globals[name].prototype as AnyObject],
  ]),
  ['TypedArray', typedArray],
  ['TypedArray.prototype', typedArray.prototype as AnyObject],
  ['Buffer', Buffer as unknown as AnyObject],
  ['buffer', bufferModule],
  ['MessagePort.prototype', workerThreads.MessagePort.prototype as unknown as AnyObject],
  ['worker_threads', workerThreads],
  ['child_process', childProcess],
  ['TextEncoder.prototype', TextEncoder.prototype as unknown as AnyObject],
  ['Function.prototype', Function.prototype as unknown as AnyObject],
  ['globalThis', globalThis],
];
const known = new Map<unknown, string>(roots.map(([name, object]) => [object, name]));

function told(value: unknown): string {
  const name = known.get(value);
  if (name !== undefined) return `<${name}>`;
  if (typeof value !== 'function') return typeof value;
  const own = Reflect.ownKeys(value).map((key) => {
    const { writable, enumerable, configurable, ...rest } = Object.getOwnPropertyDescriptor(value, key)!;
    const content: unknown = rest.value;
    const shown = typeof content === 'string' || typeof content === 'number' ? content : typeof content;
    return `${String(key)}=${shown},${writable},${enumerable},${configurable}`;
  });
  const prototype = known.get(Object.getPrototypeOf(value)) ?? 'unknown';
  return `${own.join(' ')} <- ${prototype}: ${Function.prototype.toString.call(value)}`;
}

for (const [name, object] of roots) {
  console.log(`${name}: ${told(Object.getPrototypeOf(object))} ${Object.prototype.toString.call(object)}`);
  if (typeof object === 'function') console.log(Function.prototype.toString.call(object), inspect(object));
  for (const key of Reflect.ownKeys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key)!;
    const { writable, enumerable, configurable, get, set } = property;
    // what Node makes when it is asked for, if it has not been yet
    if (get !== undefined && object === (globalThis as unknown)) continue;
    console.log(
      `${name}.${String(key)}`,
      writable,
      enumerable,
      configurable,
      told(get),
      told(set),
      told(property.value),
    );
  }
}

const samples: [string, unknown][] = [
  ['Uint8Array', new Uint8Array(100_000)],
  ['Float64Array', Float64Array.from({ length: 20_000 })],
  ['Buffer', Buffer.alloc(100_000)],
  ['ArrayBuffer', new ArrayBuffer(100_000)],
  ['SharedArrayBuffer', new SharedArrayBuffer(100_000)],
  [
    'resizable',
    new (ArrayBuffer as unknown as new (...args: unknown[]) => object)(20_000, { maxByteLength: 40_000 }),
  ],
];
for (const [name, sample] of samples) {
  const { constructor } = sample as object;
  console.log(
    name,
    told(constructor),
    told(Object.getPrototypeOf(sample)),
    Reflect.ownKeys(sample as object).length,
  );
  console.log(name, inspect(sample, { maxArrayLength: 2 }).slice(0, 300));
}
