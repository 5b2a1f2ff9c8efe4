// What threads do with blocks of slabs.

import { exhaust } from '../../support/exhaust';
import { PageKind } from '#src/layout/page-map';
import type { Act } from '../matrix';
import type { Scene } from '../scene';

/** How often a class's slabs have to become shared before new ones begin so: see `Bin.sharingScore`. */
const TIMES_SHARED = 5;

/** Fills so many slabs of 8 bytes that the next one's states take several pages. Looks after some of the blocks. */
function fillStatePages(scene: Scene): void {
  const { heap } = scene;
  const count = 35 * 512; // five pages with seven runs each
  const blocks: number[] = [];
  expect(heap.mallocMany(8, count, blocks)).toBe(count);
  for (let i = 0; i < count; i += 100) scene.keep(blocks[i], 8);
}

const longestOfStates = ({ inner }: Scene): number =>
  Math.max(...inner.extents().map(({ kind, length }) => (kind === PageKind.states ? length : 0)));

export const SMALL_ACTS: Readonly<Record<string, Act>> = {
  'a malloc from the cache': ({ theirs }) => {
    theirs.free(theirs.malloc(24));
    return () => theirs.malloc(24);
  },
  'a malloc of nothing': ({ theirs }) => {
    return () => theirs.malloc(0);
  },
  'a malloc that refills from a slab': ({ theirs }) => {
    return () => theirs.malloc(24);
  },
  'a malloc that refills from an empty slab': (scene) => {
    const { theirs } = scene;
    const guest = scene.attachGuest();
    guest.free(guest.malloc(600));
    guest.detach();
    scene.guest = undefined;
    return () => theirs.malloc(600);
  },
  'a malloc that takes the last block of a slab': (scene) => {
    for (let i = 0; i < 3; i++) scene.take(5000);
    return () => scene.theirs.malloc(5000);
  },
  'a malloc that begins a slab beside those of others': (scene) => {
    for (let i = 0; i < 2; i++) scene.take(300);
    return () => scene.theirs.malloc(300);
  },
  'a malloc that goes on behind its own blocks in the second slab': (scene) => {
    scene.theirs.malloc(300);
    scene.take(300);
    scene.take(300);
    return () => scene.theirs.malloc(300);
  },
  'a malloc that needs a slab': (scene) => {
    for (let i = 0; i < 4; i++) scene.take(2000);
    for (let i = 0; i < 4; i++) scene.take(2000);
    return () => scene.theirs.malloc(2000);
  },
  'a malloc that needs a slab and a state page': ({ theirs }) => {
    return () => theirs.malloc(8);
  },
  'a malloc that needs a slab and several state pages': (scene) => {
    fillStatePages(scene);
    return () => {
      scene.theirs.malloc(8);
      expect(longestOfStates(scene)).toBeGreaterThan(1);
    };
  },
  'a malloc that gives the pages of the last slab of several state pages back': (scene) => {
    const { theirs, heap } = scene;
    fillStatePages(scene);
    theirs.free(theirs.malloc(8));
    expect(longestOfStates(scene)).toBeGreaterThan(1);
    return () => {
      theirs.malloc(heap.size);
      expect(longestOfStates(scene)).toBe(1);
    };
  },
  'a malloc that needs a slab, which begins shared': (scene) => {
    const { theirs, heap } = scene;
    for (let i = 0; i < TIMES_SHARED; i++) {
      for (let k = 0; k < 4; k++) theirs.free(scene.gift(5000));
      heap.malloc(heap.size); // the slab goes back
    }
    return () => theirs.malloc(5000);
  },
  'a relocate to a fuller slab': ({ theirs }) => {
    // two slabs of these: one is full but for a block, the other one has a block that lives
    const pointers = new Float64Array(8);
    theirs.mallocMany(4000, 8, pointers);
    const live = [...pointers].sort((a, b) => a - b);
    const sparse = live.pop()!;
    theirs.freeMany(Float64Array.from(live.slice(1)));
    theirs.heap.purge();
    theirs.mallocMany(4000, 3, new Float64Array(3));
    theirs.heap.purge();
    return () => theirs.relocate(sparse);
  },
  'a relocate of a block that stays': ({ theirs }) => {
    const ptr = theirs.malloc(4000);
    return () => expect(theirs.relocate(ptr)).toBe(0);
  },
  'a malloc that finds no memory': (scene) => {
    const { theirs, heap } = scene;
    theirs.free(theirs.malloc(24));
    heap.free(heap.malloc(40));
    return () => theirs.malloc(heap.size);
  },
  'a malloc that finds pages for a slab, but none for its states': (scene) => {
    const { theirs } = scene;
    scene.fill(4096);
    scene.heap.free(scene.kept.pop()!.ptr);
    return () => theirs.malloc(8);
  },
  'a malloc that empties the caches of others and gives their slabs back': (scene) => {
    const { theirs, heap } = scene;
    const guest = scene.attachGuest();
    for (const size of [24, 100, 3000, 16_384]) {
      for (const each of [theirs, heap, guest]) each.free(each.malloc(size));
    }
    return () => theirs.malloc(heap.size);
  },
  'a malloc that is served from the caches of others': (scene) => {
    const { theirs, heap } = scene;
    scene.isFull = true;
    const guest = scene.attachGuest();
    const pointers = exhaust(heap, 16_384);
    scene.fill(4096);
    for (const each of [heap, guest]) for (let i = 0; i < 2; i++) each.free(pointers.pop()!);
    for (const ptr of pointers) scene.keep(ptr, 16_384);
    return () => theirs.malloc(16_384);
  },
  'a calloc': ({ theirs }) => {
    return () => theirs.calloc(10, 10);
  },
  'an alignedAlloc': ({ theirs }) => {
    return () => theirs.alignedAlloc(256, 200);
  },
  'an alloc, and a free of its view': ({ theirs }) => {
    return () => theirs.freeView(theirs.alloc(Float64Array, 20, 160));
  },
  'a free into the cache': ({ theirs }) => {
    const ptr = theirs.malloc(24);
    return () => theirs.free(ptr);
  },
  'frees that flush the cache': ({ theirs }) => {
    const pointers = Array.from({ length: 8 }, () => theirs.malloc(24));
    return () => {
      for (const ptr of pointers) theirs.free(ptr);
    };
  },
  'frees that empty slabs': ({ theirs }) => {
    const pointers = Array.from({ length: 12 }, () => theirs.malloc(16_384));
    return () => {
      for (const ptr of pointers) theirs.free(ptr);
    };
  },
  'frees that empty slabs and their state page': ({ theirs }) => {
    const pointers = Array.from({ length: 12 }, () => theirs.malloc(3000));
    return () => {
      for (const ptr of pointers) theirs.free(ptr);
    };
  },
  'a free that makes a slab of one page shared': (scene) => {
    const ptr = scene.gift(24);
    return () => scene.theirs.free(ptr);
  },
  'a free that makes a slab of several pages shared': (scene) => {
    const ptr = scene.gift(5000);
    return () => scene.theirs.free(ptr);
  },
  'a free in a shared slab': (scene) => {
    const pointers = [24, 24].map((size) => scene.gift(size));
    scene.theirs.free(pointers[0]);
    return () => scene.theirs.free(pointers[1]);
  },
  'frees in a shared slab that flush the cache': (scene) => {
    const pointers = Array.from({ length: 6 }, () => scene.gift(5000));
    for (const ptr of pointers.splice(0, 2)) scene.theirs.free(ptr);
    return () => {
      for (const ptr of pointers) scene.theirs.free(ptr);
    };
  },
  'a free of NULL, and frees that are refused': ({ theirs }) => {
    const ptr = theirs.malloc(24);
    return () => {
      theirs.heap.free(0);
      for (const wrong of [ptr + 8, ptr + 1, 4096, 2 ** 40]) expect(() => theirs.heap.free(wrong)).toThrow();
    };
  },
  'a free that another one was faster with': ({ theirs, heap }) => {
    const ptr = theirs.malloc(24);
    heap.free(ptr);
    theirs.forget(ptr);
    return () => expect(() => theirs.heap.free(ptr)).toThrow();
  },
  'a realloc of nothing, and one to nothing': ({ theirs }) => {
    return () => theirs.realloc(theirs.realloc(0, 100), 0);
  },
  'a realloc that has the room': ({ theirs }) => {
    const ptr = theirs.malloc(100);
    return () => theirs.realloc(ptr, 60);
  },
  'a realloc from slab to slab': ({ theirs }) => {
    const ptr = theirs.malloc(100);
    return () => theirs.realloc(ptr, 200);
  },
  'a realloc of another one’s block': (scene) => {
    const ptr = scene.gift(100);
    return () => scene.theirs.realloc(ptr, 24);
  },
  'a realloc from a slab to whole pages': ({ theirs }) => {
    const ptr = theirs.malloc(100);
    return () => theirs.realloc(ptr, 20_000);
  },
  'a realloc that finds no memory': ({ theirs, heap }) => {
    const ptr = theirs.malloc(100);
    return () => theirs.realloc(ptr, heap.size - 4096);
  },
};
