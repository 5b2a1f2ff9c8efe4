// A pool above 4 GiB: pointers that no 32-bit number holds, or an error that names the runtime's limit.

import { Vmem } from '@vmem-ts/vmem-api';
import { availableBytes, skipTest } from '../support/disk';
import { NODE_MAJOR, PAGE, POOL_DIR, describeFiles, expectEmptyAndWhole, tracked } from '../support/pools';
import { NOTHING_MORE, held, heldSince } from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';

const GIB = 2 ** 30;
const SIZE = 5 * GIB;
const dir = [POOL_DIR, '/dev/shm'].find((place) => {
  try {
    return availableBytes(place) > SIZE + 3 * GIB;
  } catch {
    return false;
  }
});

describeFiles('a pool of 5 GiB', () => {
  const title =
    NODE_MAJOR >= 22 ? 'has blocks in all of it, for two threads' : 'is refused with a word about the limit';
  if (dir === undefined) {
    skipTest(title, `neither ${POOL_DIR} nor /dev/shm has 8 GiB free`);
    return;
  }

  if (NODE_MAJOR < 22) {
    it(title, () => {
      const before = { ...held(), free: availableBytes(dir) };
      for (let i = 0; i < 5; i++) {
        const error = thrownBy(() => Vmem.create(dir, SIZE));
        expect(error).toMatchObject({ name: 'VmemError', code: 'ENOTSUP' });
        expect(error.message).toMatch(/4 GiB.*Node.js 22/);
      }
      expect(heldSince(before)).toEqual(NOTHING_MORE);
      expect(before.free - availableBytes(dir)).toBeLessThan(GIB);
      // other backends have the same limit
      expect(failureOf(() => Vmem.create(dir, SIZE, { backend: 'anonymous' }))).toBe('VmemError ENOTSUP');
    });
    return;
  }

  it(title, async () => {
    const pool = tracked(Vmem.create(dir, SIZE));
    const worker = startWorker('pool-user', pool.handle);
    expect(await nextMessage<Answer>(worker)).toEqual({ failure: 'none' });
    const block = 256 * 2 ** 20;
    const larges: number[] = [];
    for (let ptr = pool.malloc(block); ptr !== 0; ptr = pool.malloc(block)) larges.push(ptr);
    expect(larges.length).toBeGreaterThanOrEqual(18);
    expect(larges.filter((ptr) => ptr > 2 ** 32).length).toBeGreaterThan(1);
    for (const ptr of larges) {
      const view = pool.view(Float64Array, ptr, block / 8);
      for (let at = 0; at < view.length; at += PAGE) view[at] = ptr + at;
      view[view.length - 1] = -ptr;
    }
    const smalls: number[] = [];
    for (let ptr = pool.malloc(4000); ptr !== 0; ptr = pool.malloc(4000)) {
      smalls.push(ptr);
      pool.view(Float64Array, ptr, 1)[0] = ptr;
    }
    expect(smalls.length).toBeGreaterThan(1000);
    for (const ptr of larges) {
      const view = pool.view(Float64Array, ptr, block / 8);
      for (let at = 0; at < view.length; at += PAGE) {
        if (view[at] !== ptr + at) throw new Error(`block ${ptr} holds ${view[at]} at ${at}`);
      }
      expect(view[view.length - 1]).toBe(-ptr);
    }
    expect(smalls.every((ptr) => pool.view(Float64Array, ptr, 1)[0] === ptr)).toBe(true);
    expect(pool.check()).toBe(1);
    // the highest ones go back through the other thread, which gets them again
    const high = larges.filter((ptr) => ptr > 2 ** 32);
    for (const ptr of high) expect(await ask<Answer>(worker, { free: ptr })).toEqual({ failure: 'none' });
    expect((await ask<Answer>(worker, { free: high[0] })).failure).toMatch(/EDOUBLEFREE|EBADPTR/);
    const { ptr } = await ask<Answer>(worker, { malloc: block });
    expect(ptr).toBeGreaterThan(2 ** 32);
    for (const other of [ptr!, ...larges.filter((large) => !high.includes(large)), ...smalls])
      pool.free(other);
    expect(failureOf(() => pool.free(high[0]))).toMatch(/EDOUBLEFREE|EBADPTR/);
    await ask(worker, { detach: true });
    expect(pool.stats().liveBlocks).toBe(1); // the other thread's first one
    pool.delete();
    expectEmptyAndWhole(tracked(Vmem.create(dir, SIZE)));
  });
});
