// What threads do that changes which pages have storage.

import type { Act } from '../matrix';
import { MIB, type Scene } from '../scene';

/** Free extents of several lengths, one of them at the end of what has storage. */
function makeHoles(scene: Scene): void {
  const { heap } = scene;
  const pointers = [100_000, 30_000, 300_000, 30_000, 200_000, 30_000].map((size) => ({
    ptr: heap.malloc(size),
    size,
  }));
  for (const [i, { ptr, size }] of pointers.entries()) {
    if (i % 2 === 0) heap.free(ptr);
    else scene.keep(ptr, size);
  }
  heap.free(heap.malloc(500_000));
}

export const STORAGE_ACTS: Readonly<Record<string, Act>> = {
  'growth for a large block': ({ theirs }) => {
    return () => theirs.malloc(2 * MIB);
  },
  'growth for a small block': (scene) => {
    const { storage, theirs } = scene;
    storage!.leave(0);
    scene.fill(5000);
    storage!.limit = Infinity;
    return () => theirs.malloc(5000);
  },
  'growth for many blocks': ({ theirs }) => {
    return () => theirs.mallocMany(300_000, 5, []);
  },
  'growth for zeros': ({ theirs }) => {
    return () => theirs.calloc(20, 100_000);
  },
  'growth that needs more page records': ({ theirs }) => {
    return () => theirs.malloc(2.5 * MIB);
  },
  'growth in two steps, and a request that is too large': ({ theirs, heap }) => {
    return () => {
      theirs.malloc(2 * MIB);
      theirs.malloc(1.5 * MIB);
      theirs.malloc(1.5 * MIB);
      theirs.malloc(heap.size);
    };
  },
  'growth behind a block': ({ theirs }) => {
    const ptr = theirs.malloc(200_000);
    return () => expect(theirs.realloc(ptr, 2 * MIB)).toBe(ptr);
  },
  'growth behind a block when the caches are empty': (scene) => {
    const { theirs, heap } = scene;
    const guest = scene.attachGuest();
    const ptr = theirs.malloc(200_000);
    for (const each of [heap, guest, theirs]) each.free(each.malloc(3000));
    return () => theirs.realloc(ptr, 2 * MIB);
  },
  'growth on a disk that has room for the request alone': ({ theirs, storage }) => {
    storage!.leave(550);
    return () => theirs.malloc(2 * MIB);
  },
  'growth on a disk that is full': ({ theirs, storage }) => {
    storage!.leave(0);
    return () => theirs.malloc(2 * MIB);
  },
  'growth for an aligned block': ({ theirs }) => {
    return () => theirs.alignedAlloc(4 * MIB, MIB);
  },
  'a purge': (scene) => {
    makeHoles(scene);
    return () => scene.theirs.heap.purge();
  },
  'a purge that the disk refuses': (scene) => {
    makeHoles(scene);
    scene.storage!.canDrop = false;
    return () => scene.theirs.heap.purge();
  },
  'growth into what was given back': (scene) => {
    makeHoles(scene);
    scene.heap.purge();
    return () => scene.theirs.malloc(280_000);
  },
  'growth over several unbacked extents and free ones between them': (scene) => {
    const { heap, storage, theirs } = scene;
    const pointers = Array.from({ length: 9 }, () => heap.malloc(100_000));
    for (const i of [1, 3, 5, 7]) heap.free(pointers[i]);
    heap.purge();
    for (const i of [2, 4, 6]) heap.free(pointers[i]);
    for (const i of [0, 8]) scene.keep(pointers[i], 100_000);
    storage!.leave(600);
    return () => theirs.malloc(650_000);
  },
  'a check of a heap that can grow': ({ theirs }) => {
    return () => theirs.heap.check();
  },
  'a detach from a heap that can grow': ({ theirs: { heap } }) => {
    for (const size of [24, 100, 3000, 16_384]) heap.free(heap.malloc(size));
    return () => heap.detach();
  },
};

/** Of a heap whose policy is conservative. */
export const CONSERVATIVE_ACTS: Readonly<Record<string, Act>> = {
  'a free that gives storage back': ({ theirs }) => {
    const ptr = theirs.malloc(500_000);
    return () => theirs.free(ptr);
  },
  'a freeMany that gives storage back': ({ theirs }) => {
    const pointers = [theirs.malloc(300_000), theirs.malloc(300_000)];
    return () => theirs.freeMany(pointers);
  },
  'a realloc that gives storage back': ({ theirs }) => {
    const ptr = theirs.malloc(900_000);
    return () => theirs.realloc(ptr, 200_000);
  },
  'growth by no more than is needed': ({ theirs }) => {
    return () => theirs.malloc(2 * MIB);
  },
  'a detach that gives storage back': (scene) => {
    const { theirs, heap } = scene;
    // slabs whose free blocks are all in this thread's cache
    const pointers = Array.from({ length: 60 }, () => theirs.malloc(16_384));
    for (const ptr of pointers) theirs.free(ptr);
    for (const pages of [20, 25, 30, 32]) theirs.free(theirs.malloc(pages * 4096));
    heap.check();
    return () => theirs.heap.detach();
  },
};

/** Of a thread that attaches. */
export const GROWING_ATTACH: Readonly<Record<string, Act>> = {
  'an attach to a heap that has to grow for its cache': (scene) => {
    const { storage } = scene;
    storage!.leave(0);
    scene.fill(100_000, 20_000, 4096);
    storage!.limit = Infinity;
    return () => scene.attachLast();
  },
};
