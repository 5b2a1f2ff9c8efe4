// Makes a large buffer in every way that user code has, and in those of Node.js itself; prints which are in the pool.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import { isInPool } from './in-pool';
import { typedArrays } from './typed-arrays';

const SIZE = 2 ** 17;
type Made = ArrayBufferView | ArrayBuffer | Promise<ArrayBufferView | ArrayBuffer> | undefined;
interface WebAssemblyModule {
  readonly Memory: new (descriptor: object) => { readonly buffer: ArrayBuffer };
}
const { WebAssembly: Wasm } = globalThis as unknown as { WebAssembly: WebAssemblyModule };
type Ways = Record<string, () => Made>;

const ofArrays: Ways = Object.fromEntries(
  typedArrays.flatMap((Type): [string, () => Made][] => {
    const make = (): Uint8Array => new Type(SIZE);
    const { name } = Type;
    return [
      [`new ${name}(length)`, make],
      [`new ${name}(typed array)`, () => new Type(make())],
      [`new ${name}(array)`, () => new Type([...make()])],
      [`${name}.from`, () => Type.from(make())],
      [`${name}.of`, () => Type.of(...make().subarray(0, 30_000))],
      [`${name}#slice`, () => make().slice(1)],
      [`${name}#map`, () => make().map((element) => element)],
      [`${name}#filter`, () => make().filter(() => true)],
      [`class extends ${name}`, () => new (class extends Type {})(SIZE)],
      ...['toReversed', 'toSorted'].map((method): [string, () => Made] => [
        `${name}#${method}`,
        () => (make() as unknown as Record<string, () => Uint8Array>)[method](),
      ]),
    ];
  }),
);

const bytes = Uint8Array as unknown as Record<string, ((text: string) => Uint8Array) | undefined>;
const user: Ways = {
  ...ofArrays,
  'Buffer.alloc': () => Buffer.alloc(SIZE),
  'Buffer.alloc with a fill': () => Buffer.alloc(SIZE, 'ab'),
  'Buffer.allocUnsafe': () => Buffer.allocUnsafe(SIZE),
  'Buffer.allocUnsafeSlow': () => Buffer.allocUnsafeSlow(SIZE),
  'Buffer.from(text)': () => Buffer.from('x'.repeat(SIZE)),
  'Buffer.from(hex)': () => Buffer.from('ab'.repeat(SIZE), 'hex'),
  'Buffer.from(base64)': () => Buffer.from('QUJD'.repeat(SIZE), 'base64'),
  'Buffer.from(array)': () => Buffer.from(new Array<number>(SIZE).fill(7)),
  'Buffer.from(Buffer)': () => Buffer.from(Buffer.alloc(SIZE)),
  'Buffer.concat': () => Buffer.concat([Buffer.alloc(SIZE), Buffer.alloc(3)]),
  'Buffer.copyBytesFrom': () => Buffer.copyBytesFrom(new Uint8Array(SIZE)),
  'new ArrayBuffer': () => new ArrayBuffer(SIZE),
  'class extends ArrayBuffer': () => new (class extends ArrayBuffer {})(SIZE),
  'TextEncoder#encode': () => new TextEncoder().encode('x'.repeat(SIZE)),
  ...(bytes['fromHex'] && { 'Uint8Array.fromHex': () => bytes['fromHex']!('ab'.repeat(SIZE)) }),
  ...(bytes['fromBase64'] && { 'Uint8Array.fromBase64': () => bytes['fromBase64']!('QUJD'.repeat(SIZE)) }),
};

const dir = mkdtempSync(join(tmpdir(), 'vmem-test-'));
const file = join(dir, 'file');
writeFileSync(file, Buffer.alloc(SIZE, 1));
const packed = gzipSync(randomBytes(SIZE));
const node: Ways = {
  'ArrayBuffer#slice': () => new ArrayBuffer(2 * SIZE).slice(SIZE),
  'fs.readFileSync': () => readFileSync(file),
  'fs.promises.readFile': () => readFile(file),
  'zlib.gunzipSync': () => gunzipSync(packed),
  'crypto.randomBytes': () => randomBytes(SIZE),
  'crypto hash of a stream': () => createHash('sha256').update(Buffer.alloc(SIZE)).digest(),
  'v8.deserialize': () => deserialize(serialize(new Uint8Array(SIZE))) as Uint8Array,
  structuredClone: () => structuredClone(new Uint8Array(SIZE)),
  'Blob#arrayBuffer': () => new Blob([new Uint8Array(SIZE)]).arrayBuffer(),
  'Response#arrayBuffer': () => new Response(new Uint8Array(SIZE)).arrayBuffer(),
  'WebAssembly.Memory': () => new Wasm.Memory({ initial: 4 }).buffer,
  'a resizable ArrayBuffer': () =>
    new (ArrayBuffer as unknown as new (...args: unknown[]) => ArrayBuffer)(SIZE, { maxByteLength: SIZE }),
};

async function inPool(ways: Ways): Promise<Record<string, boolean>> {
  const found: Record<string, boolean> = {};
  for (const [name, make] of Object.entries(ways)) {
    const made = await make();
    await setImmediate();
    if (made !== undefined) found[name] = isInPool(made);
  }
  return found;
}

void (async () => {
  console.log(JSON.stringify({ user: await inPool(user), node: await inPool(node) }));
  rmSync(dir, { recursive: true });
})();
