import { Heap } from '@vmem-ts/allocator';
import { PageKind } from '#src/layout/page-map';
import { CLASS_COUNT, CLASS_SIZE, SLAB_SHAPES } from '#src/slab/size-classes';
import { InnerHeap } from '../support/inner-heap';
import { ModelHeap } from '../support/model-heap';
import { randomFor } from '../support/random';

const newHeap = (): Heap => Heap.create(new SharedArrayBuffer(4 << 20));
const classOf = (heap: Heap, size: number) => heap.stats().classes[CLASS_SIZE.indexOf(size)];

test('an empty heap has nothing live, and all its pages but its own are free', () => {
  const heap = newHeap();
  const inner = new InnerHeap(heap);
  const stats = heap.stats();
  const own = inner.region.firstDataPage + inner.pageMap.length(inner.cachePage(0));
  expect(stats).toMatchObject({
    size: 4 << 20,
    live: 0,
    liveBlocks: 0,
    cached: 0,
    slabFree: 0,
    pagesFree: (4 << 20) - own * 4096,
    overhead: own * 4096,
    threads: 1,
    large: { blocks: 0, bytes: 0 },
  });
  expect(stats.classes.map(({ size }) => size)).toEqual([...CLASS_SIZE]);
});

test('a block is counted where it is: live, cached or free', () => {
  const heap = newHeap();
  const { blocks } = SLAB_SHAPES[CLASS_SIZE.indexOf(64)];
  const ptr = heap.malloc(64);
  const { live, cached, free } = classOf(heap, 64);
  expect([live, cached + free]).toEqual([1, blocks - 1]);
  heap.free(ptr);
  expect(classOf(heap, 64)).toMatchObject({ live: 0, cached: cached + 1, free });
  Heap.attach(heap.handle).detach();
  heap.malloc(heap.size); // out of memory: all goes back
  expect(classOf(heap, 64)).toMatchObject({
    live: 0,
    cached: 0,
    free: 0,
    slabs: 0,
    slabsMade: 1,
    slabsReleased: 1,
  });
});

test('refills, flushes and slabs are counted', () => {
  const heap = newHeap();
  const pointers = Array.from({ length: 2000 }, () => heap.malloc(64));
  const filled = classOf(heap, 64);
  expect(filled.slabs).toBe(Math.ceil(2000 / SLAB_SHAPES[CLASS_SIZE.indexOf(64)].blocks));
  expect([filled.refills, filled.flushes]).toEqual([expect.any(Number), 0]);
  expect(filled.refills).toBeGreaterThan(10);
  for (const ptr of pointers) heap.free(ptr);
  const emptied = classOf(heap, 64);
  expect(emptied.flushes).toBeGreaterThan(10);
  expect(emptied.slabsMade - emptied.slabsReleased).toBe(emptied.slabs);
});

test('large blocks count whole pages', () => {
  const heap = newHeap();
  heap.malloc(20_000);
  heap.malloc(100_000);
  expect(heap.stats()).toMatchObject({
    large: { blocks: 2, bytes: 20_480 + 102_400 },
    live: 122_880,
    liveBlocks: 2,
  });
});

test('size is the sum of its parts, and overhead that of pages which hold no block', () => {
  const random = randomFor('stats');
  const model = new ModelHeap(newHeap());
  const { heap } = model;
  const inner = new InnerHeap(heap);
  for (let step = 0; step < 2000; step++) {
    if (random.chance(60)) model.malloc(random.size(30_000));
    else if (model.liveBlocks > 0) model.free(random.pick(model.pointers));
    if (step % 100 !== 0) continue;
    const { size, live, cached, slabFree, pagesFree, overhead, classes } = heap.stats();
    expect(live + cached + slabFree + pagesFree + overhead).toBe(size);
    let own = 0;
    for (const { page, kind, length } of inner.extents()) {
      if (kind === PageKind.reserved || kind === PageKind.cache || kind === PageKind.states)
        own += length * 4096;
      if (kind !== PageKind.slab) continue;
      const shape = SLAB_SHAPES[inner.pageMap.sizeClass(page)];
      own += length * 4096 - shape.blocks * shape.size;
    }
    expect(overhead).toBe(own);
    for (let i = 0; i < CLASS_COUNT; i++) {
      const { live: alive, cached: inCache, free, slabs } = classes[i];
      expect(alive + inCache + free).toBe(slabs * SLAB_SHAPES[i].blocks);
    }
  }
});
