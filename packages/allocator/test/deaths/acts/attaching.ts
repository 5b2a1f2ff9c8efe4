// How threads come to a heap, where they may die on the way: none of them has attached before.

import type { Heap } from '@vmem-ts/allocator';
import { exhaust } from '../../support/exhaust';
import type { Act } from '../matrix';
import { Ghost } from '../ghost';
import { SLOTS, type Scene } from '../scene';

const FIRST_GHOST = 71;

/** Every slot but the survivor's is that of a thread which has died. */
function fillWithGhosts(scene: Scene, lastAct?: (heap: Heap) => unknown, fatal?: number): void {
  const ghosts = Array.from({ length: SLOTS - 1 }, (_, i) => new Ghost(scene, FIRST_GHOST + i));
  for (const ghost of ghosts) ghost.attach([24, 20_000]);
  for (const ghost of ghosts) {
    if (lastAct !== undefined) ghost.act(lastAct, fatal);
    ghost.die('silent');
  }
}

export const ATTACHING_ACTS: Readonly<Record<string, Act>> = {
  'an attach': (scene) => {
    return () => scene.attachLast();
  },
  'an attach, a malloc and a free': (scene) => {
    return () => {
      scene.attachLast();
      const { theirs } = scene;
      for (const size of [24, 20_000]) theirs.free(theirs.malloc(size));
    };
  },
  'an attach after a thread has died': (scene) => {
    const ghost = new Ghost(scene, FIRST_GHOST);
    ghost.attach([24, 3000, 20_000]);
    ghost.die('loud');
    return () => scene.attachLast();
  },
  'an attach after a thread has died in the middle of something': (scene) => {
    const ghost = new Ghost(scene, FIRST_GHOST);
    ghost.attach([24]);
    ghost.act((heap) => heap.malloc(700), 20);
    ghost.die('silent');
    return () => scene.attachLast();
  },
  'an attach in the place of one that died': (scene) => {
    fillWithGhosts(scene);
    return () => scene.attachLast();
  },
  'an attach in the place of one that died in the middle of something': (scene) => {
    fillWithGhosts(scene, (heap) => heap.malloc(700), 20);
    return () => scene.attachLast();
  },
  'an attach in the place of one that died while it attached': (scene) => {
    for (let slot = 1; slot < SLOTS; slot++) {
      const ghost = new Ghost(scene, FIRST_GHOST + slot);
      ghost.attach([], 14);
      scene.dyingLater.push(FIRST_GHOST + slot); // so that each gets a slot of its own
    }
    for (const tid of scene.dyingLater) scene.threads.killSilently(tid);
    return () => scene.attachLast();
  },
  'an attach that needs the caches of others': (scene) => {
    const { heap } = scene;
    const guest = scene.attachGuest();
    const pointers = exhaust(heap, 16_384);
    scene.fill(4096, 8);
    for (const ptr of pointers.splice(-8)) guest.free(ptr);
    for (const ptr of pointers) scene.keep(ptr, 16_384);
    return () => scene.attachLast();
  },
  'an attach that finds no memory for its cache': (scene) => {
    scene.fill(16_384, 4096);
    return () => expect(() => scene.attachLast()).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
  },
  'an attach that finds no place': (scene) => {
    scene.attachGuest();
    for (let slot = 2; slot < SLOTS; slot++) {
      scene.attach(FIRST_GHOST + slot);
      scene.dyingLater.push(FIRST_GHOST + slot); // so that there is room for another one by then
    }
    return () => expect(() => scene.attachLast()).toThrow(expect.objectContaining({ code: 'EAGAIN' }));
  },
};
