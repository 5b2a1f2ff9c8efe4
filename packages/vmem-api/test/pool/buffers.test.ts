import { runInNewContext } from 'node:vm';
import { bufferLength, isShared, placeOf, sharedLength } from '#src/pool/buffers';

const fail = (): never => {
  throw new Error('code of a hostile value was run');
};

class LyingShared extends SharedArrayBuffer {
  override get byteLength(): number {
    return 2 ** 50;
  }
}

class LyingArray extends ArrayBuffer {
  override get byteLength(): number {
    return fail();
  }
}

const detached = new ArrayBuffer(8);
structuredClone(detached, { transfer: [detached] });

const NO_BUFFERS: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 8],
  ['a view', new Uint8Array(8)],
  ['a Proxy', new Proxy(new SharedArrayBuffer(8), {})],
  ['a Proxy that throws', new Proxy({}, { get: fail, getPrototypeOf: fail, has: fail })],
  ['a revoked Proxy', revoked()],
  ['an heir', Object.create(new SharedArrayBuffer(8))],
  ['a prototype', SharedArrayBuffer.prototype],
  ['a lookalike', { byteLength: 8, [Symbol.toStringTag]: 'SharedArrayBuffer' }],
];

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('bufferLength', () => {
  it.each<[string, unknown, number]>([
    ['a SharedArrayBuffer', new SharedArrayBuffer(8), 8],
    ['a growable one', new SharedArrayBuffer(8, { maxByteLength: 16 }), 8],
    ['an ArrayBuffer', new ArrayBuffer(8), 8],
    ['a detached one', detached, 0],
    ['one of another realm', runInNewContext('new SharedArrayBuffer(8)'), 8],
    ['an ArrayBuffer of another realm', runInNewContext('new ArrayBuffer(8)'), 8],
    ['one that lies', new LyingShared(8), 8],
    ['one that throws', new LyingArray(8), 8],
    ['one without a prototype', Object.setPrototypeOf(new ArrayBuffer(8), null), 8],
  ])('knows %s', (_, buffer, bytes) => {
    expect(bufferLength(buffer)).toBe(bytes);
  });

  it.each(NO_BUFFERS)('does not know %s', (_, value) => {
    expect(bufferLength(value)).toBeUndefined();
    expect(sharedLength(value)).toBeUndefined();
    expect(isShared(value)).toBe(false);
  });

  it('tells shared memory from other', () => {
    expect(isShared(new ArrayBuffer(8))).toBe(false);
    expect(isShared(runInNewContext('new SharedArrayBuffer(0)'))).toBe(true);
  });
});

describe('placeOf', () => {
  const buffer = new SharedArrayBuffer(64);

  it.each<[string, ArrayBufferView]>([
    ['a typed array', new Float64Array(buffer, 16, 2)],
    ['a DataView', new DataView(buffer, 16, 16)],
    ['a Buffer', Buffer.from(buffer, 16, 16)],
    [
      'one that lies',
      Object.defineProperties(new Uint8Array(buffer, 16, 16), {
        buffer: { value: new ArrayBuffer(8) },
        byteOffset: { get: fail },
        byteLength: { value: 2 ** 50 },
        [Symbol.toStringTag]: { get: fail },
      }),
    ],
    ['one without a prototype', Object.setPrototypeOf(new DataView(buffer, 16, 16), null) as DataView],
  ])('tells where %s lies', (_, view) => {
    expect(placeOf(view)).toEqual({ buffer, byteOffset: 16, byteLength: 16 });
    expect(placeOf(view)?.buffer).toBe(buffer);
  });

  it('knows views of another realm', () => {
    for (const code of ['new Int16Array(4)', 'new DataView(new SharedArrayBuffer(8))']) {
      expect(placeOf(runInNewContext(code))).toMatchObject({ byteOffset: 0, byteLength: 8 });
    }
  });

  it('has no bytes for a view whose buffer is gone', () => {
    for (const make of [
      (lost: ArrayBuffer): ArrayBufferView => new Uint8Array(lost, 8, 8),
      (lost: ArrayBuffer): ArrayBufferView => new DataView(lost, 8, 8),
    ]) {
      const lost = new ArrayBuffer(16);
      const view = make(lost);
      structuredClone(lost, { transfer: [lost] });
      expect(placeOf(view)).toEqual({ buffer: lost, byteOffset: 0, byteLength: 0 });
    }
  });

  it.each(NO_BUFFERS.filter(([name]) => name !== 'a view'))('is undefined for %s', (_, value) => {
    expect(placeOf(value)).toBeUndefined();
    expect(placeOf(new SharedArrayBuffer(8))).toBeUndefined();
  });
});
