import { Heap, type VmemError } from '@vmem-ts/allocator';
import { refusal } from '#src/heap/pointers';
import { InnerHeap } from '../support/inner-heap';

const heap = Heap.create(new SharedArrayBuffer(1 << 20));
const { region } = new InnerHeap(heap);
const reasonFor = (ptr: unknown): Pick<VmemError, 'code' | 'message'> => {
  const { code, message } = refusal(region, ptr)!;
  return { code, message };
};

test.each([-1, 1.5, NaN, Infinity, 2 ** 53, '64', null, undefined, {}, 64n, Symbol('p')])(
  '%p is no pointer',
  (value) => {
    expect(reasonFor(value)).toEqual({
      code: 'EBADPTR',
      message: expect.stringMatching(/^expected a pointer, a whole number >= 0, got /) as string,
    });
  },
);

test('a pointer behind the end lies outside', () => {
  for (const ptr of [1 << 20, (1 << 20) + 8, 2 ** 52]) {
    expect(reasonFor(ptr)).toMatchObject({
      code: 'EBADPTR',
      message: expect.stringContaining('outside') as string,
    });
  }
});

test('a pointer to tables, caches or states points into the own data of the heap', () => {
  heap.malloc(64);
  const inner = new InnerHeap(heap);
  const states = inner.stateByte(inner.slabOf(7));
  for (const ptr of [
    8,
    4096,
    8 * 4096,
    inner.cachePage(0) * 4096,
    inner.cachePage(0) * 4096 + 64,
    states & ~7,
  ]) {
    expect(reasonFor(ptr)).toMatchObject({
      code: 'EBADPTR',
      message: expect.stringContaining('own data') as string,
    });
  }
});

test('a freed small block was freed already', () => {
  const ptr = heap.malloc(64);
  heap.free(ptr);
  expect(reasonFor(ptr)).toEqual({
    code: 'EDOUBLEFREE',
    message: `pointer 0x${ptr.toString(16)}: the block there was freed already`,
  });
});

test('inside a small block there is no start', () => {
  const ptr = heap.malloc(64);
  for (const inside of [1, 8, 32, 63]) {
    expect(reasonFor(ptr + inside)).toMatchObject({
      code: 'EBADPTR',
      message: expect.stringContaining('inside a place for blocks of 64 bytes') as string,
    });
  }
});

test('inside a large block the block is named', () => {
  const ptr = heap.malloc(50_000);
  for (const inside of [1, 8, 4096, 4097, 49_999]) {
    expect(reasonFor(ptr + inside)).toMatchObject({
      code: 'EBADPTR',
      message: expect.stringContaining(`inside the block at 0x${ptr.toString(16)}`) as string,
    });
  }
});

test('on free pages no block begins; a page start may have been one', () => {
  const ptr = heap.malloc(50_000);
  heap.free(ptr);
  expect(reasonFor(ptr).code).toBe('EDOUBLEFREE');
  expect(reasonFor(ptr + 8).code).toBe('EBADPTR');
});

test('a message never runs code of the caller', () => {
  const bomb = new Proxy(
    {},
    {
      get: () => {
        throw new Error('ran');
      },
    },
  );
  expect(reasonFor(bomb).message).toContain('an object');
});
