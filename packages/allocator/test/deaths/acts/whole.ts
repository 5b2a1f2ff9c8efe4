// What threads do with a heap as a whole.

import type { Act } from '../matrix';
import { keepRuns } from './runs';

export const WHOLE_ACTS: Readonly<Record<string, Act>> = {
  'a check': ({ theirs }) => {
    return () => theirs.heap.check();
  },
  'a check with its report': ({ theirs, heap }) => {
    for (const each of [theirs.heap, heap]) for (const size of [24, 24_000]) each.free(each.malloc(size));
    return () => theirs.heap.checkReport();
  },
  'the statistics': ({ theirs }) => {
    return () => theirs.heap.stats();
  },
  'a walk over all blocks': ({ theirs }) => {
    return () => [...theirs.heap.blocks()];
  },
  'questions about blocks': (scene) => {
    const { theirs } = scene;
    const pointers = [24, 24_000].flatMap((size) => [theirs.malloc(size), scene.gift(size)]);
    return () => {
      for (const ptr of pointers) {
        expect(theirs.heap.contains(ptr)).toBe(true);
        expect(theirs.heap.blockAt(ptr + 7)?.ptr).toBe(ptr);
        expect(theirs.heap.usableSize(ptr)).toBeGreaterThan(0);
        expect(theirs.heap.view(Uint8Array, ptr, 8)).toHaveLength(8);
      }
    };
  },
  'questions about the heap': ({ theirs: { heap } }) => {
    return () => expect([heap.isOpen, heap.byteOffset, heap.size, heap.buffer]).toContain(heap.handle.size);
  },
  'a purge of a heap that can not grow': (scene) => {
    const { theirs, heap } = scene;
    for (const each of [theirs.heap, heap, scene.attachGuest()])
      for (const size of [24, 3000, 16_384]) each.free(each.malloc(size));
    return () => theirs.heap.purge();
  },
  'a rest': (scene) => {
    const { theirs, heap } = scene;
    for (const each of [theirs.heap, heap]) for (const size of [24, 24_000]) each.free(each.malloc(size));
    return () => theirs.heap.atRest((rest) => rest.used());
  },
  'a detach': ({ theirs: { heap } }) => {
    for (const size of [24, 100, 3000, 16_384]) heap.free(heap.malloc(size));
    return () => heap.detach();
  },
  'a detach with runs in the cache': (scene) => {
    keepRuns(scene, scene.theirs.heap, [5, 5, 6]);
    return () => scene.theirs.heap.detach();
  },
};
