import { anonymous } from '#src/backends/anonymous';
import { thrownBy } from '../support/thrown';

const MIB = 2 ** 20;

describe('anonymous memory', () => {
  it('is always there', () => {
    expect(anonymous.unavailable()).toBeUndefined();
  });

  it('is shared, of the size asked for, without a file, all zeros', () => {
    const memory = anonymous.create('', 16 * MIB);
    expect(memory).toMatchObject({
      backend: 'anonymous',
      byteOffset: 0,
      size: 16 * MIB,
      fd: -1,
      zeroed: true,
    });
    expect(memory.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(memory.buffer.byteLength).toBe(16 * MIB);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0)).toBe(true);
  });

  it('stays accessible after its release', () => {
    const memory = anonymous.create('', MIB);
    const bytes = new Uint8Array(memory.buffer, 0, MIB).fill(1);
    memory.release();
    expect(bytes[MIB - 1]).toBe(1);
  });

  it('is the same memory for whoever attaches', () => {
    const { buffer } = anonymous.create('', MIB);
    const share = { buffer: buffer as SharedArrayBuffer, byteOffset: 0, size: MIB, fd: -1 };
    expect(anonymous.attach(share).buffer).toBe(buffer);
  });

  it.each([
    ['nothing', undefined],
    ['an ArrayBuffer', new ArrayBuffer(MIB)],
    ['a view', new Uint8Array(new SharedArrayBuffer(MIB))],
    ['a lookalike', { byteLength: MIB, [Symbol.toStringTag]: 'SharedArrayBuffer' }],
  ])('refuses to attach to %s', (_, buffer) => {
    const share = { buffer: buffer as SharedArrayBuffer, byteOffset: 0, size: MIB, fd: -1 };
    expect(thrownBy(() => anonymous.attach(share))).toMatchObject({ name: 'VmemError', code: 'EINVAL' });
  });

  it('says so when no pool is that large', () => {
    expect(thrownBy(() => anonymous.create('', 2 ** 52))).toMatchObject({
      name: 'VmemError',
      code: 'ENOTSUP',
    });
  });
});
