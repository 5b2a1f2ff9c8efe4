// What a heap constructs memory with, in a program that has exchanged the constructors: the new ones may call the heap.

import { Heap } from '@vmem-ts/allocator';

const NAMES = ['ArrayBuffer', 'SharedArrayBuffer', 'Uint8Array', 'Int32Array', 'Float64Array'] as const;

type Constructor = new (...args: unknown[]) => object;

/** Runs `action` with constructors that note their names where they make memory; those that did. */
function constructedBy(action: () => void): string[] {
  const made: string[] = [];
  const globals = globalThis as unknown as Record<string, Constructor>;
  const before = NAMES.map((name) => [name, globals[name]] as const);
  for (const [name, plain] of before) {
    globals[name] = new Proxy(plain, {
      construct(target, args, self) {
        if (typeof args[0] !== 'object') made.push(name); // else it is a view
        return Reflect.construct(target, args, self) as object;
      },
    });
  }
  try {
    action();
  } finally {
    for (const [name, plain] of before) globals[name] = plain;
  }
  return made;
}

test('calls of a heap construct memory as it was done when the package was loaded', () => {
  const memory = new SharedArrayBuffer(8 << 20);
  const doubles = new Float64Array(100);
  const made = constructedBy(() => {
    const heap = Heap.create(memory);
    const other = Heap.attach(heap.handle);
    const small = Array.from({ length: 500 }, (_, i) => heap.malloc(1 + i * 50));
    for (const ptr of small.slice(100)) other.free(ptr);
    heap.mallocMany(64, 100, doubles);
    heap.freeMany(doubles);
    heap.free(heap.realloc(heap.calloc(10, 1000), 300_000));
    heap.free(heap.alignedAlloc(8192, 8192));
    const [moved] = small.slice(0, 100).map((ptr) => heap.relocate(ptr) || ptr);
    const walked = [...heap.blocks()];
    expect(walked).toHaveLength(100);
    expect([heap.contains(moved), heap.blockAt(moved)?.ptr]).toEqual([true, moved]);
    expect([heap.stats().liveBlocks, heap.check()]).toEqual([100, 1]);
    other.detach();
    heap.purge();
    heap.close();
  });
  expect(made).toEqual([]);
});

test('the constructors that note their names do so', () => {
  expect(constructedBy(() => new Int32Array(new ArrayBuffer(new Uint8Array(8).length)))).toEqual([
    'Uint8Array',
    'ArrayBuffer',
  ]);
});
