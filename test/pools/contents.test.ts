// What is written through a pool is in its file, and in every other thread's view of it.

import { readSync, writeSync } from 'node:fs';
import { mapFile } from '@vmem-ts/mmap-helper';
import { MIB, describeEachKind, loadMmapIo, type PoolKind } from '../support/pools';
import { randomFrom, seedFor } from '../support/random';
import { skipTest } from '../support/disk';

const mmapIo = loadMmapIo();

/** Ways to see the file besides the pool's own memory. */
const READERS: Record<string, (fd: number, size: number) => (ptr: number, length: number) => Uint8Array> = {
  'fs.readSync': (fd) => (ptr, length) => {
    const bytes = Buffer.alloc(length);
    expect(readSync(fd, bytes, 0, length, ptr)).toBe(length);
    return bytes;
  },
  'mapFile of mmap-helper': (fd, size) => {
    const mapped = mapFile(fd, 0, size, 'read');
    return (ptr, length) => new Uint8Array(mapped, ptr, length);
  },
  'a mapping of mmap-io': (fd, size) => {
    if (typeof mmapIo === 'string') throw new Error(mmapIo);
    const bytes = mmapIo.map(size, mmapIo.PROT_READ, mmapIo.MAP_SHARED, fd);
    return (ptr, length) => bytes.subarray(ptr, ptr + length);
  },
};

function readBackTests({ create }: PoolKind): void {
  for (const [reader, open] of Object.entries(READERS)) {
    const title = `is read back by ${reader}`;
    if (reader.includes('mmap-io') && typeof mmapIo === 'string') {
      skipTest(title, mmapIo);
      continue;
    }
    it(title, () => {
      const random = randomFrom(seedFor(title));
      const pool = create();
      const read = open(pool.handle.fd, pool.size);
      const blocks = Array.from({ length: 500 }, (_, i) => {
        const view = pool.alloc(Uint8Array, 1 + random(i % 10 === 0 ? 100_000 : 500));
        for (let at = 0; at < view.length; at++) view[at] = i + at * 7;
        return view;
      });
      for (const view of blocks) {
        const ptr = view.byteOffset - pool.byteOffset;
        expect(Buffer.compare(read(ptr, view.length), Buffer.from(view))).toBe(0);
      }
      // and later changes, too
      blocks[0].fill(0x5a);
      expect(read(blocks[0].byteOffset - pool.byteOffset, 1)[0]).toBe(0x5a);
      for (const view of blocks) pool.free(view);
      expect(pool.check()).toBe(1);
    });
  }

  it('is what was written into the file at a block’s place', () => {
    const pool = create();
    const view = pool.alloc(Uint8Array, 5).fill(0);
    writeSync(pool.handle.fd, 'hello', view.byteOffset - pool.byteOffset);
    expect(Buffer.from(view).toString()).toBe('hello');
  });
}

describeEachKind('what is in a block of a pool in a file', readBackTests, ['overlay', 'mmap-io']);

describeEachKind('memory of a pool', ({ create }) => {
  it('can be read and written up to its last byte', () => {
    const pool = create();
    const { pagesFree } = pool.stats();
    let size = pagesFree;
    let ptr = 0;
    while (ptr === 0) ptr = pool.malloc((size -= 4096));
    expect(size).toBeGreaterThan(0.97 * pagesFree);
    const bytes = pool.view(Uint8Array, ptr, pool.usableSize(ptr)).fill(0xaa);
    expect(bytes.every((byte) => byte === 0xaa)).toBe(true);
    expect(pool.check()).toBe(1);
    pool.free(ptr);
    expect(pool.check()).toBe(1);
  });

  it('is not touched by allocations elsewhere', () => {
    const pool = create();
    const kept = pool.alloc(Uint32Array, MIB / 4).fill(0xdeadbeef);
    for (let i = 1; i < 20_000; i++) {
      const view = pool.alloc(Uint8Array, i % 3000);
      view.fill(i);
      pool.free(view);
    }
    expect(kept.every((word) => word === 0xdeadbeef)).toBe(true);
  });
});
