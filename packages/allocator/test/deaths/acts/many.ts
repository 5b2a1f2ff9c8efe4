// What threads do with many blocks at once.

import { exhaust } from '../../support/exhaust';
import type { Act } from '../matrix';

/** An array that can't be written from its third element on. */
function stubbornArray(): number[] {
  return new Proxy<number[]>([], {
    set: (target, key, value: number) => {
      if (Number(key) >= 2) throw new Error('no more');
      target[Number(key)] = value;
      return true;
    },
  });
}

export const MANY_ACTS: Readonly<Record<string, Act>> = {
  'a mallocMany from the cache and from slabs': ({ theirs }) => {
    theirs.free(theirs.malloc(1000));
    return () => theirs.mallocMany(1000, 13, new Float64Array(13));
  },
  'a mallocMany that fills the cache': ({ theirs }) => {
    // stacks of eight of these
    for (const ptr of [8, 8, 8].map((size) => theirs.malloc(size))) theirs.free(ptr);
    return () => theirs.mallocMany(8, 4, new Float64Array(4));
  },
  'a mallocMany of whole pages': ({ theirs }) => {
    return () => theirs.mallocMany(30_000, 3, []);
  },
  'a mallocMany into an array': ({ theirs }) => {
    return () => theirs.mallocMany(100, 7, []);
  },
  'a mallocMany into an array that refuses': ({ theirs }) => {
    return () => expect(theirs.mallocMany(100, 5, stubbornArray())).toBe(2);
  },
  'a mallocMany that finds no memory': (scene) => {
    const { theirs, heap } = scene;
    scene.isFull = true;
    scene.fill(4096, 8);
    for (const each of [theirs.heap, heap]) each.free(exhaust(heap, 1000).pop() ?? 0);
    return () => theirs.mallocMany(2000, 100, new Float64Array(100));
  },
  'a freeMany into the cache': ({ theirs }) => {
    const pointers = [8, 8, 24].map((size) => theirs.malloc(size));
    return () => theirs.freeMany(Float64Array.from(pointers));
  },
  'a freeMany that makes room in the cache': ({ theirs }) => {
    const pointers = Array.from({ length: 10 }, () => theirs.malloc(8));
    for (const ptr of pointers.splice(0, 8)) theirs.free(ptr);
    return () => theirs.freeMany(Float64Array.from(pointers));
  },
  'a freeMany that flushes the cache and empties slabs': ({ theirs }) => {
    const pointers = new Float64Array(30);
    theirs.mallocMany(1000, 30, pointers);
    return () => theirs.freeMany(pointers);
  },
  'a freeMany of blocks in shared slabs': (scene) => {
    const { theirs } = scene;
    const pointers = Array.from({ length: 9 }, () => scene.gift(5000));
    theirs.free(pointers.pop()!);
    return () => theirs.freeMany(pointers);
  },
  'a freeMany of blocks of all sizes, its own and others’': (scene) => {
    const { theirs } = scene;
    const sizes = [24, 24, 100, 5000, 16_384, 20_000];
    const mine = sizes.map((size) => theirs.malloc(size));
    const others = sizes.map((size) => scene.gift(size));
    const more = sizes.slice(0, 4).map((size) => theirs.malloc(size));
    return () => theirs.freeMany([...mine, ...others, ...more]);
  },
  'a freeMany that is refused in the middle': ({ theirs }) => {
    const pointers = Array.from({ length: 6 }, () => theirs.malloc(1000));
    pointers.splice(3, 0, pointers[0] + 8);
    return () => expect(() => theirs.freeMany(pointers)).toThrow(expect.objectContaining({ index: 3 }));
  },
};
