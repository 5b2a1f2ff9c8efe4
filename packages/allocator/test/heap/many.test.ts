import { Heap, VmemError, type PointerArray } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { PageMap, Sharing } from '#src/layout/page-map';
import { Bin, binAt } from '#src/layout/region-layout';
import { CLASS_SIZE } from '#src/slab/size-classes';
import { fillNear } from '../support/fill-near';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { codeOf } from '../support/thrown';

const MIB = 1 << 20;
const newHeap = (bytes = 16 * MIB): Heap => Heap.create(new SharedArrayBuffer(bytes));

const ARRAYS: [string, (length: number) => PointerArray][] = [
  ['a Float64Array', (length) => new Float64Array(length)],
  ['a Uint32Array', (length) => new Uint32Array(length)],
  ['an Int32Array', (length) => new Int32Array(length)],
  ['an array', () => []],
];

/** The error that a call throws, which must be one of the heap's. */
function errorOf(call: () => unknown): VmemError {
  try {
    call();
  } catch (error) {
    if (error instanceof VmemError) return error;
    throw error;
  }
  throw new Error('no error');
}

describe.each(ARRAYS)('pointers in %s', (_, make) => {
  test.each([0, 1, 8, 24, 100, 1000, 16_384, 16_385, 100_000])('blocks of %p bytes come and go', (size) => {
    const model = new ModelHeap(newHeap(64 * MIB));
    for (const count of [0, 1, 7, 400]) {
      const out = make(count);
      expect(model.mallocMany(size, count, out)).toBe(count);
      model.verifyAll();
      model.freeMany(out);
      model.verifyAll();
    }
  });

  test('more than caches and sections hold', () => {
    const model = new ModelHeap(newHeap());
    const out = make(20_000);
    expect(model.mallocMany(40, 20_000, out)).toBe(20_000);
    expect(new Set(out).size).toBe(20_000);
    model.freeMany(out);
    model.verifyAll();
  });

  test('as many as there is memory for, and all of them can be had again', () => {
    const model = new ModelHeap(newHeap(MIB));
    for (const size of [64, 5000, 40_000]) {
      const out = make(100_000);
      const got = model.mallocMany(size, 100_000, out);
      expect(got * size).toBeGreaterThan(0.7 * MIB);
      expect([model.heap.malloc(size), model.heap.mallocMany(size, 5, make(5))]).toEqual([0, 0]);
      model.freeMany(out.slice(0, got));
      expect(model.mallocMany(size, got + 1, out)).toBe(got);
      model.freeMany(out.slice(0, got));
      model.verifyAll();
    }
  });

  test('blocks of all sizes, of this thread and of another, and NULL, are freed together', () => {
    const heap = newHeap();
    const other = Heap.attach(heap.handle);
    const pointers = [24, 100, 24, 3000, 20_000, 100, 16_384, 200_000, 24].flatMap((size) => [
      heap.malloc(size),
      0,
      other.malloc(size),
    ]);
    const out = make(pointers.length);
    pointers.forEach((ptr, i) => (out[i] = ptr));
    heap.freeMany(out);
    expect(heap.stats()).toMatchObject({ live: 0, liveBlocks: 0 });
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('only the first elements are freed, if a number is given', () => {
    const heap = newHeap();
    const out = make(10);
    heap.mallocMany(64, 10, out);
    heap.freeMany(out, 4);
    expect(Array.from(out, (ptr) => heap.contains(ptr))).toEqual([
      ...Array<boolean>(4).fill(false),
      ...Array<boolean>(6).fill(true),
    ]);
    heap.freeMany(out, 0);
    expect(heap.stats().liveBlocks).toBe(6);
    expect(codeOf(() => heap.freeMany(out, 11))).toBe('EINVAL');
  });

  test.each<[string, number, string]>([
    ['freed already', 0, 'EDOUBLEFREE'],
    ['inside a block', 8, 'EBADPTR'],
    ['in the page map', -1, 'EBADPTR'],
  ])(
    'one that is %s is named by its place; those before it are freed, the others are not',
    (what, offset, code) => {
      const heap = newHeap();
      for (const place of [0, 1, 50, 1023, 1024, 2999]) {
        const out = make(3000);
        heap.mallocMany(64, 3000, out);
        if (offset === 0) heap.free(out[place]);
        const good = out[place];
        out[place] = offset < 0 ? 8 * 4096 : good + offset;
        const error = errorOf(() => heap.freeMany(out));
        expect([error.code, error.index]).toEqual([code, place]);
        expect(error.message).toMatch(`ptrs[${place}]: pointer 0x`);
        const live = Array.from(out, (ptr) => heap.contains(ptr));
        expect([live.indexOf(true), live.lastIndexOf(false)]).toEqual([
          place + 1 < 3000 ? place + 1 : -1,
          place,
        ]);
        if (offset !== 0) out[place] = good;
        heap.freeMany(out.slice(offset === 0 ? place + 1 : place));
        expect([what, heap.stats().liveBlocks, heap.check()]).toEqual([what, 0, 1]);
      }
    },
  );

  test('one that is there twice is freed once', () => {
    const heap = newHeap();
    for (const size of [64, 20_000, 500_000]) {
      const out = make(4);
      heap.mallocMany(size, 4, out);
      out[3] = out[1];
      expect(errorOf(() => heap.freeMany(out))).toMatchObject({ code: 'EDOUBLEFREE', index: 3 });
    }
    expect(heap.stats().liveBlocks).toBe(3);
  });
});

/** Views of more than 4 GiB need a newer runtime. */
const testLarge = Number(process.versions.node.split('.')[0]) < 22 ? test.skip : test;

test('a heap that is larger than what an element can count is refused it', () => {
  const heap = newHeap(2 ** 31 + 4096);
  expect(codeOf(() => heap.mallocMany(64, 1, new Int32Array(1)))).toBe('EINVAL');
  expect(codeOf(() => heap.freeMany(new Int32Array(1)))).toBe('EINVAL');
  expect(heap.mallocMany(64, 1, new Uint32Array(1))).toBe(1);
});

testLarge('a heap of more than 4 GiB is refused 32-bit elements', () => {
  const large = newHeap(2 ** 32 + 4096);
  expect(codeOf(() => large.mallocMany(64, 1, new Uint32Array(1)))).toBe('EINVAL');
  expect(large.mallocMany(64, 1, new Float64Array(1))).toBe(1);
});

testLarge('pointers beyond 4 GiB come and go', () => {
  const heap = newHeap(5 * 2 ** 30);
  fillNear(heap);
  const { liveBlocks } = heap.stats();
  const out = new Float64Array(5000);
  const list: number[] = [];
  for (const size of [64, 5000]) {
    expect(heap.mallocMany(size, 5000, out)).toBe(5000);
    expect(heap.mallocMany(size, 1000, list)).toBe(1000);
    expect(Math.max(...out)).toBeGreaterThan(2 ** 32);
    out[2500] += 2 ** 32;
    expect(errorOf(() => heap.freeMany(out)).index).toBe(2500);
    out[2500] -= 2 ** 32;
    heap.freeMany(out.subarray(2500));
    heap.freeMany(list);
  }
  expect(heap.stats().liveBlocks).toBe(liveBlocks);
});

test('pointers beyond 2 GiB come and go', () => {
  const heap = newHeap(2 ** 31 + 2 ** 28);
  fillNear(heap);
  const { liveBlocks } = heap.stats();
  const out = new Float64Array(3000);
  const list: number[] = [];
  for (const size of [64, 5000]) {
    expect(heap.mallocMany(size, 3000, out)).toBe(3000);
    expect(heap.mallocMany(size, 1000, list)).toBe(1000);
    expect([...out, ...list].filter((ptr) => ptr > 2 ** 31).length).toBeGreaterThan(3500);
    heap.freeMany(out.subarray(1500));
    heap.freeMany(Uint32Array.from(out.subarray(0, 1500)));
    heap.freeMany(list);
  }
  expect(heap.stats().liveBlocks).toBe(liveBlocks);
});

test('half of a stack of blocks stays behind, or all, but never a block that nobody can have', () => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const capacity = inner.cacheLayout.capacity[CLASS_SIZE.indexOf(64)];
  const out = new Float64Array(10 * capacity);
  for (const count of [1, capacity >> 1, capacity, capacity + 1, 5 * capacity]) {
    heap.mallocMany(64, count, out);
    heap.freeMany(out, count);
    const { cached, free, live } = heap.stats().classes[CLASS_SIZE.indexOf(64)];
    expect([live, cached <= capacity, cached + free >= count]).toEqual([0, true, true]);
  }
});

test('the array may lie in a block of the heap, even in one that it frees', () => {
  const heap = newHeap();
  const out = heap.alloc(Float64Array, 2000);
  expect(heap.mallocMany(100, 1999, out)).toBe(1999);
  out[1999] = out.byteOffset - heap.byteOffset;
  heap.freeMany(out);
  expect(heap.stats().liveBlocks).toBe(0);
  const inside = heap.alloc(Float64Array, 10);
  expect(heap.mallocMany(8, 4, inside.subarray(6))).toBe(4);
});

describe('an array in the heap’s own data', () => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const live = heap.alloc(Float64Array, 8);
  const large = heap.alloc(Float64Array, 5000);
  const freed = heap.malloc(5000);
  heap.free(freed);
  const places: [string, number, number][] = [
    ['the null page', 0, 1],
    ['the identity', 4096, 1],
    ['the page map', 8 * 4096, 1],
    ['a thread cache', inner.cachePage(0) * 4096, 10],
    ['a page of states', inner.stateOf(live.byteOffset) & ~4095, 1],
    ['all of the heap', 0, heap.size / 8],
    ['a freed block', freed, 1],
    ['more than a block', live.byteOffset, 10],
    ['more than a large block', large.byteOffset, 5121],
    ['the end of the heap', heap.size - 8, 1],
  ];

  test.each(places)('is refused: %s', (_, ptr, count) => {
    const posted = structuredClone(heap.buffer);
    for (const buffer of [heap.buffer, posted]) {
      const out = new Float64Array(buffer, heap.byteOffset + ptr, count);
      const error = errorOf(() => heap.mallocMany(8, count, out));
      expect([error.code, error.message]).toEqual(['EINVAL', expect.stringContaining('not in a live block')]);
      expect(heap.mallocMany(8, 0, out)).toBe(0);
    }
    expect(heap.checkReport().problems).toEqual([]);
  });

  test('may be read', () => {
    expect(errorOf(() => heap.freeMany(new Uint32Array(heap.buffer, 4096, 4)))).toMatchObject({
      code: 'EBADPTR',
      index: 0,
    });
    heap.freeMany(new Uint32Array(heap.buffer, 0, 4));
    expect(heap.check()).toBe(1);
  });
});

describe('arrays with a life of their own', () => {
  const explode = (): never => {
    throw new Error("the caller's own code ran");
  };

  test('what reading an element throws comes through; the blocks before it are freed', () => {
    const heap = newHeap();
    const list: number[] = [];
    heap.mallocMany(64, 1500, list);
    Object.defineProperty(list, 1200, { get: explode });
    expect(() => heap.freeMany(list)).toThrow("the caller's own code ran");
    expect(heap.stats().liveBlocks).toBe(300);
    expect(heap.check()).toBe(1);
  });

  test('what storing an element throws ends the work; nothing is lost', () => {
    for (const place of [0, 1, 700, 1024, 1500]) {
      const heap = newHeap();
      const list: number[] = [];
      Object.defineProperty(list, place, { set: explode, configurable: true });
      const call = (): number => heap.mallocMany(64, 2000, list);
      if (place === 0) expect(call).toThrow("the caller's own code ran");
      else expect(call()).toBe(place);
      expect(heap.stats().liveBlocks).toBe(place);
      expect(heap.check()).toBe(1);
    }
  });

  const fixed = (list: number[], property: PropertyKey, more: PropertyDescriptor): number[] =>
    Object.defineProperty(list, property, more);
  test.each<[string, () => readonly number[]]>([
    ['frozen', () => Object.freeze([1, 2, 3])],
    ['frozen and empty', () => Object.freeze([])],
    ['sealed and empty', () => Object.seal([])],
    ['of a fixed length', () => fixed([], 'length', { writable: false })],
    ['with a constant in the first place', () => fixed([1, 2], 0, { writable: false })],
    ['with a getter alone in the first place', () => fixed([1, 2], 0, { get: () => 1 })],
    ['frozen, behind a proxy', () => new Proxy(Object.freeze([1, 2, 3]), {})],
  ])('an array that can’t be written, %s, is refused, and nothing is lost', (_, make) => {
    const heap = newHeap();
    const error = errorOf(() => heap.mallocMany(64, 2000, make() as number[]));
    expect(error.code).toBe('EINVAL');
    expect(error.message).toMatch(/^out: /);
    expect([heap.stats().liveBlocks, heap.check()]).toEqual([0, 1]);
  });

  test('a proxy that lets nothing be stored can’t be written', () => {
    const heap = newHeap();
    const list = new Proxy([0, 0], { set: () => false });
    expect(() => heap.mallocMany(64, 2, list)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(heap.stats().liveBlocks).toBe(0);
  });

  test('a TypeError of the caller’s own code stays what it is', () => {
    const own = new TypeError('mine');
    const fail = (): never => {
      throw own;
    };
    for (const list of [
      fixed([], 0, { set: fail }),
      new Proxy([] as number[], { set: fail }),
      new Proxy([] as number[], { set: fail, getOwnPropertyDescriptor: explode }),
    ]) {
      let thrown: unknown;
      try {
        newHeap().mallocMany(64, 10, list);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBe(own);
    }
  });

  test('holes, elements that are none, and an array that shrinks', () => {
    const heap = newHeap();
    for (const wrong of [
      undefined,
      null,
      '64',
      64n,
      {},
      [],
      true,
      Symbol('64'),
      { valueOf: explode },
      new Uint8Array(8),
    ]) {
      const list: unknown[] = [heap.malloc(64), wrong, heap.malloc(64)];
      expect(errorOf(() => heap.freeMany(list as number[]))).toMatchObject({ code: 'EBADPTR', index: 1 });
      heap.free(list[2] as number);
    }
    const list = [heap.malloc(64), heap.malloc(64), 0];
    Object.defineProperty(list, 1, {
      get() {
        list.length = 1;
        return 0;
      },
      configurable: true,
    });
    const second = heap.malloc(64);
    expect(errorOf(() => heap.freeMany(list))).toMatchObject({ code: 'EBADPTR', index: 2 });
    heap.free(second);
    // eslint-disable-next-line no-sparse-arrays
    expect(errorOf(() => heap.freeMany([, 1] as number[]))).toMatchObject({ code: 'EBADPTR', index: 0 });
    expect(heap.check()).toBe(1);
  });

  test('code that uses the heap from within', () => {
    const heap = newHeap();
    const list: number[] = [];
    const within: number[] = [];
    const proxy = new Proxy(list, {
      set: (target, key, value) => {
        if (Number(key) % 100 === 0) heap.mallocMany(64, 50, within);
        return Reflect.set(target, key, value);
      },
      get: (target, key) => {
        if (key === '500') heap.freeMany(within);
        return Reflect.get(target, key) as unknown;
      },
    });
    expect(heap.mallocMany(64, 2000, proxy)).toBe(2000);
    expect(new Set([...list, ...within]).size).toBe(2050);
    heap.freeMany(proxy);
    expect(heap.stats().liveBlocks).toBe(19 * 50);
    expect(heap.check()).toBe(1);
  });

  test('code that detaches the thread, or closes the heap', () => {
    for (const end of ['detach', 'close'] as const) {
      for (const method of ['mallocMany', 'freeMany'] as const) {
        const heap = newHeap();
        const other = Heap.attach(heap.handle);
        const list: number[] = [];
        heap.mallocMany(64, 100, list);
        const act = (): number => (heap[end](), 0);
        const trap = Object.defineProperty([...list], 50, { get: act, set: act });
        const call = (): unknown =>
          method === 'mallocMany' ? heap.mallocMany(64, 2000, trap) : heap.freeMany(trap);
        expect(codeOf(call)).toBe('ECLOSED');
        expect(codeOf(call)).toBe('ECLOSED');
        if (end === 'close') continue;
        expect(other.checkReport().problems).toEqual([]);
        expect(other.stats().threads).toBe(1);
      }
    }
  });

  test('an array that lies about its length', () => {
    const heap = newHeap();
    for (const length of [-1, 0.5, NaN, '1', null, 2 ** 53, undefined]) {
      const liar = new Proxy([] as number[], { get: (_, key) => (key === 'length' ? length : 0) });
      expect(codeOf(() => heap.freeMany(liar))).toBe('EINVAL');
    }
    const words = Object.defineProperties(new Float64Array(4), {
      length: { get: explode },
      buffer: { get: explode },
      byteOffset: { get: explode },
      BYTES_PER_ELEMENT: { get: explode },
      [Symbol.toStringTag]: { get: explode },
    });
    expect(heap.mallocMany(64, 4, words)).toBe(4);
    expect(codeOf(() => heap.mallocMany(64, 5, words))).toBe('EINVAL');
    heap.freeMany(words);
    expect(heap.stats().liveBlocks).toBe(0);
  });
});

test('a slab that another thread’s block is freed in becomes shared, and stays fast to free in', () => {
  const heap = newHeap();
  const other = Heap.attach(heap.handle);
  const inner = new InnerHeap(heap);
  const out = new Float64Array(3000);
  other.mallocMany(64, 3000, out);
  heap.freeMany(out, 2990);
  expect(inner.pageMap.sharing(asPage(Math.floor(out[2995] / 4096)))).toBe(Sharing.shared);
  heap.freeMany(out.subarray(2990));
  expect(heap.stats().liveBlocks).toBe(0);
  expect(heap.check()).toBe(1);
});

test('a slab that is withdrawn between two looks at it is looked at again', () => {
  const heap = Heap.create(new SharedArrayBuffer(MIB), { cacheBytes: 64 });
  const [first, second, third] = [heap.malloc(64), heap.malloc(64), heap.malloc(64)];
  heap.freeMany([first, second]); // the stack is full
  const look = jest.spyOn(PageMap.prototype, 'sizeClass');
  try {
    look.mockImplementationOnce(look.getMockImplementation()!).mockReturnValueOnce(-1);
    heap.freeMany([third]);
    expect(look.mock.calls.length).toBeGreaterThan(2);
  } finally {
    look.mockRestore();
  }
  expect(heap.stats().liveBlocks).toBe(0);
  expect(heap.checkReport().problems).toEqual([]);
});

test('damage is found, and no loop goes on for ever', () => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const ptr = heap.malloc(64);
  heap.free(ptr);
  inner.u8[inner.stateOf(ptr)] = 0;
  expect(codeOf(() => heap.mallocMany(64, 100, new Float64Array(100)))).toBe('ECORRUPT');
});

test.each([-3, 0, 500])('a slab that counts %p free blocks is found out, and put right', (count) => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const out = new Float64Array(2000);
  heap.mallocMany(1000, 2000, out);
  heap.freeMany(out.filter((_, i) => i % 2 === 0));
  heap.malloc(heap.size); // caches go back
  const slab = inner.i32[binAt(CLASS_SIZE.indexOf(1024)) + Bin.slabs];
  inner.pageMap.setCounts(asPage(slab), count, 0);
  expect(codeOf(() => heap.mallocMany(1000, 100, out))).toBe('ECORRUPT');
  expect(heap.mallocMany(1000, 100, out)).toBe(100);
  expect(heap.checkReport().problems).toEqual([]);
});
