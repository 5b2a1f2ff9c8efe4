// Buffers at the edges of what the preload takes over, compared with the runtime's own.

import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { pathToFileURL } from 'node:url';

const preload = pathToFileURL(require.resolve('#src/vmmalloc/register')).href;

/** What `code` prints as JSON, without the preload or with it. */
function valueOf(code: string, variables?: Record<string, string>): unknown {
  const options = variables === undefined ? [] : ['--import', preload];
  const output = execFileSync(process.execPath, [...options, '-e', `console.log(JSON.stringify(${code}))`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, VMMALLOC_POOL_DIR: tmpdir(), VMMALLOC_POOL_SIZE: String(2 ** 24), ...variables },
  });
  return JSON.parse(output);
}

const EDGES: Record<string, string> = {
  'buffers of no bytes': `[Buffer.alloc(0), Buffer.allocUnsafe(0), Buffer.allocUnsafeSlow(0), Buffer.from(''), Buffer.from([]),
    Buffer.concat([]), Buffer.alloc(0, 'x'), new Uint8Array(0), new Uint8Array([]), new Float64Array(new Set()),
    new ArrayBuffer(0), new SharedArrayBuffer(0), new TextEncoder().encode('')].map(({ byteLength }) => byteLength)`,
  'joining nothing, of a given length': `Buffer.concat([], 40000)`,
  'joining, of a length that is none': `(() => {
    try { return Buffer.concat([Buffer.alloc(40000)], null).length; } catch ({ message }) { return message; }
  })()`,
  'joining lists with holes, and lists and parts that show others': `(() => {
    const [a, b, c, cut] = [1, 2, 3, 4].map((value) => Buffer.alloc(40000, value));
    class Backwards extends Array { *[Symbol.iterator]() { yield this[1]; yield this[0]; } }
    Object.defineProperty(cut, 'length', { value: 5 });
    const told = (act) => { try { const { length, 0: first } = act(); return [length, first]; } catch ({ message }) { return message; } };
    return [() => Buffer.concat([a, , b]), () => Buffer.concat(Backwards.of(a, b)), () => Buffer.concat([cut, c]), () => Buffer.from(cut),
      () => Buffer.from(Object.assign(c, { valueOf: () => 'text' })), () => Buffer.from(Object.setPrototypeOf(b, null)),
      () => Buffer.from(new BigUint64Array(40000)), () => Buffer.allocUnsafe(2 ** 52)].map(told);
  })()`,
  'the class that messages name': `[ArrayBuffer, Uint8Array].map((Class) => {
    'use strict';
    const frozen = Object.freeze(Object.create(Class.prototype, { a: { value: 1 } }));
    try { frozen.a = 2; } catch ({ message }) { return message; }
  })`,
  'joining empty buffers, of a given length': `Buffer.concat([Buffer.alloc(0)], 40000).equals(Buffer.alloc(40000))`,
};

const ALL = `({${Object.entries(EDGES)
  .map(([title, code]) => `${JSON.stringify(title)}: ${code}`)
  .join(', ')}})`;
const expected = valueOf(ALL) as Record<string, unknown>;

describe.each(['0', '1', '16384'])('with VMMALLOC_MIN_SIZE=%s', (minSize) => {
  const found = valueOf(ALL, { VMMALLOC_MIN_SIZE: minSize }) as Record<string, unknown>;

  test.each(Object.keys(EDGES))('%s', (title) => {
    expect(found[title]).toEqual(expected[title]);
  });
});
