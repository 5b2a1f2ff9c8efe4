// What threads do with blocks of whole pages.

import type { Act } from '../matrix';
import { keepRuns } from './runs';

const PAGE = 4096;

export const PAGE_ACTS: Readonly<Record<string, Act>> = {
  'a malloc of whole pages': ({ theirs }) => {
    return () => theirs.malloc(50_000);
  },
  'a malloc of all free pages': (scene) => {
    scene.isFull = true;
    const { theirs, inner } = scene;
    const all = Math.max(...inner.extents().map(({ kind, length }) => (kind === 1 ? length : 0)));
    return () => expect(theirs.malloc(all * PAGE)).not.toBe(0);
  },
  'a calloc of whole pages': ({ theirs }) => {
    return () => theirs.calloc(10, 3000);
  },
  'a calloc of pages that were used': ({ theirs }) => {
    theirs.free(theirs.malloc(100_000));
    return () => theirs.calloc(10, 9000);
  },
  'an alignedAlloc of whole pages': ({ theirs }) => {
    return () => theirs.alignedAlloc(65_536, 20_000);
  },
  'a relocate of whole pages': ({ theirs }) => {
    const pointers = [17, 17, 17].map((pages) => theirs.malloc(pages * PAGE)).sort((a, b) => b - a);
    theirs.free(pointers.pop()!);
    return () => theirs.relocate(pointers[0]);
  },
  'a relocate of whole pages that stay': ({ theirs }) => {
    const ptr = theirs.malloc(17 * PAGE);
    return () => theirs.relocate(ptr);
  },
  'a free of pages that merge with those on both sides': ({ theirs }) => {
    // too long for a cache in so small a heap
    const pointers = [17, 18, 19].map((pages) => theirs.malloc(pages * PAGE));
    theirs.free(pointers[0]);
    theirs.free(pointers[2]);
    return () => theirs.free(pointers[1]);
  },
  'frees of pages that merge with those on one side': (scene) => {
    const pointers = [17, 18, 19].map((pages) => scene.theirs.malloc(pages * PAGE));
    return () => {
      for (const i of [1, 0, 2]) scene.theirs.free(pointers[i]);
    };
  },
  'a free of another one’s pages': (scene) => {
    const ptr = scene.gift(18 * PAGE);
    return () => scene.theirs.free(ptr);
  },
  'a free of pages that is refused': ({ theirs }) => {
    const ptr = theirs.malloc(18 * PAGE);
    return () => expect(() => theirs.heap.free(ptr + PAGE)).toThrow();
  },
  'a malloc of a run from the cache': (scene) => {
    keepRuns(scene, scene.theirs.heap, [6]);
    return () => scene.theirs.malloc(6 * PAGE);
  },
  'a calloc of a run from the cache': (scene) => {
    keepRuns(scene, scene.theirs.heap, [6]);
    return () => scene.theirs.calloc(6, PAGE);
  },
  'a free of the first run into the cache': ({ theirs }) => {
    const ptr = theirs.malloc(6 * PAGE);
    return () => theirs.free(ptr);
  },
  'a free of a run into the cache': (scene) => {
    const ptr = scene.theirs.malloc(6 * PAGE);
    keepRuns(scene, scene.theirs.heap, [6]);
    return () => scene.theirs.free(ptr);
  },
  'frees of runs that others took, more than the cache may hold, and mallocs of some': (scene) => {
    const { theirs } = scene;
    const pointers = [6, 5, 6, 5].map((pages) => scene.gift(pages * PAGE));
    return () => {
      for (const ptr of pointers) theirs.free(ptr);
      for (const pages of [5, 6]) theirs.malloc(pages * PAGE);
    };
  },
  'a malloc that empties the runs of all caches': (scene) => {
    const { theirs, heap } = scene;
    const guest = scene.attachGuest();
    keepRuns(scene, heap, [7, 8]);
    keepRuns(scene, theirs.heap, [5, 5]);
    keepRuns(scene, guest, [5, 10]);
    return () => theirs.malloc(heap.size);
  },
  'a malloc that empties the runs of the own cache': (scene) => {
    keepRuns(scene, scene.theirs.heap, [5, 5, 6]);
    return () => scene.theirs.malloc(scene.heap.size);
  },
  'a malloc that is served from the runs of others': (scene) => {
    const { theirs, heap } = scene;
    scene.isFull = true;
    const guest = scene.attachGuest();
    keepRuns(scene, heap, [7, 8]);
    keepRuns(scene, guest, [15]);
    while (scene.freePages > 0) {
      const longest = Math.max(...scene.inner.extents().map(({ kind, length }) => (kind === 1 ? length : 0)));
      scene.keep(heap.alignedAlloc(8192, longest * PAGE) || heap.malloc(longest * PAGE), longest * PAGE);
    }
    return () => expect(theirs.malloc(15 * PAGE)).not.toBe(0);
  },
  'a realloc of a run that moves': ({ theirs }) => {
    const ptr = theirs.malloc(6 * PAGE);
    return () => theirs.realloc(ptr, 100);
  },
  'a realloc of pages that move': (scene) => {
    const ptr = scene.theirs.malloc(40_000);
    expect(scene.take(20_000)).not.toBe(0);
    return () => scene.theirs.realloc(ptr, 60_000);
  },
  'a realloc that grows in place': ({ theirs }) => {
    const ptr = theirs.realloc(theirs.malloc(90_000), 30_000);
    return () => expect(theirs.realloc(ptr, 60_000)).toBe(ptr);
  },
  'a realloc that grows over all of what is behind': ({ theirs }) => {
    const ptr = theirs.realloc(theirs.malloc(90_112), 30_000);
    return () => expect(theirs.realloc(ptr, 90_112)).toBe(ptr);
  },
  'a realloc that shrinks in place': ({ theirs }) => {
    const ptr = theirs.malloc(90_000);
    return () => expect(theirs.realloc(ptr, 30_000)).toBe(ptr);
  },
  'a realloc of another one’s pages in place': (scene) => {
    const ptr = scene.gift(90_000);
    return () => {
      expect(scene.theirs.realloc(ptr, 30_000)).toBe(ptr);
      expect(scene.theirs.realloc(ptr, 70_000)).toBe(ptr);
    };
  },
  'a realloc that grows into pages of its own cache': ({ theirs }) => {
    const [behind, ptr] = [theirs.malloc(30_000), theirs.malloc(30_000)];
    theirs.free(behind);
    return () => expect(theirs.realloc(ptr, 60_000)).toBe(ptr);
  },
  'a realloc that grows in place when the caches are empty': (scene) => {
    const { theirs } = scene;
    const guest = scene.attachGuest();
    const [behind, ptr] = [guest.malloc(30_000), theirs.malloc(40_000)];
    scene.fill(40_000, PAGE);
    guest.free(behind);
    return () => expect(theirs.realloc(ptr, 70_000)).toBe(ptr);
  },
  'a realloc to a slab that finds no memory': (scene) => {
    const { theirs } = scene;
    const ptr = theirs.malloc(20_000);
    scene.fill(PAGE, 8);
    return () => expect(theirs.realloc(ptr, 5000)).toBe(ptr);
  },
};
