// Executions that are cut short while their thread lives on: what they leave is found by the thread itself.

import { Script, createContext } from 'node:vm';
import { Heap } from '@vmem-ts/allocator';
import { Leftovers } from '#src/heap/leftovers';
import { locksInOrder } from '#src/heap/lock-order';
import { Backing, Bin, Calls, Extents, Slot, binAt, slotAt, tokenOf } from '#src/layout/region-layout';
import { ABANDONED } from '#src/sync/lock';
import { randomFor } from '../support/random';

const MIB = 1 << 20;

function wordsOf(heap: Heap): Int32Array {
  return new Int32Array(heap.buffer);
}

describe('a thread with locks that it does not know of', () => {
  const slots = 3;
  const me = 77;
  const gates = [0, 1, 2].map((slot) => slotAt(slot) + Slot.gate);
  const words = (): Int32Array => {
    const i32 = new Int32Array(slotAt(slots));
    for (const lock of [Backing.lock, Calls.standstill, ...gates, binAt(3) + Bin.lock, Extents.lock])
      i32[lock] = me;
    i32[slotAt(1) + Slot.busy] = 1;
    return i32;
  };

  test('lets go of those behind the one that it will sleep for', () => {
    const i32 = words();
    i32[gates[2]] = 99; // another thread's
    new Leftovers(i32, me, 1, locksInOrder(slots)).dropBehind(gates[1]);
    expect([i32[Backing.lock], i32[Calls.standstill], i32[gates[0]], i32[gates[1]]]).toEqual([
      me,
      me,
      me,
      me,
    ]);
    expect([i32[gates[2]], i32[binAt(3) + Bin.lock], i32[Extents.lock]]).toEqual([99, ABANDONED, ABANDONED]);
    expect(i32[slotAt(1) + Slot.busy]).toBe(0);
  });

  test('lets go of all when it is in no call', () => {
    const i32 = words();
    new Leftovers(i32, me, 1, locksInOrder(slots)).dropAll();
    expect(i32.filter((word) => word === me)).toHaveLength(0);
  });
});

test('who waits for a living thread reminds it, and gets the lock when that comes by', () => {
  const heap = Heap.create(new SharedArrayBuffer(MIB), {
    threads: 2,
    host: {
      identity: () => ({ tid: 1, startTime: 1 }),
      isAlive: () => true,
      onDeath: () => ({ cancel: () => undefined }),
    },
  });
  let inquiries = 0;
  const waiter = Heap.attach(heap.handle, {
    host: {
      identity: () => ({ tid: 2, startTime: 1 }),
      // the waiter asks whether the other lives: a moment in which that one is at work
      isAlive: () => {
        if (++inquiries > 1) heap.free(heap.malloc(64)); // from its cache
        return true;
      },
      onDeath: () => ({ cancel: () => undefined }),
    },
  });
  const i32 = wordsOf(heap);
  const left = binAt(5) + Bin.lock;
  i32[left] = tokenOf(0, i32[slotAt(0) + Slot.generation]);
  const ptr = waiter.malloc(48);
  expect(ptr).toBeGreaterThan(0);
  expect(inquiries).toBeGreaterThan(1);
  waiter.free(ptr);
  waiter.detach();
  expect(heap.checkReport().problems).toEqual([]);
});

describe('calls that a timeout of node:vm cuts short leave a sound heap:', () => {
  const CUTS = 40;
  const scripts = {
    'malloc, free, realloc':
      'for (;;) { const held = []; for (let i = 0; i < 300; i++) held.push(heap.realloc(heap.malloc(i * 9), i * 12)); for (const ptr of held) heap.free(ptr); }',
    'mallocMany, freeMany': 'for (;;) heap.freeMany(out, heap.mallocMany(40, 1000, out))',
    'runs of pages':
      'for (;;) { const ptrs = [3e4, 7e4, 5e5].map((size) => heap.malloc(size)); for (const ptr of ptrs) heap.free(ptr); }',
    'check, stats, blocks': 'for (;;) { heap.check(); heap.stats(); heap.blocks().next(); }',
  };
  test.each(Object.keys(scripts) as (keyof typeof scripts)[])('%s', (name) => {
    const random = randomFor(`cut short: ${name}`);
    const heap = Heap.create(new SharedArrayBuffer(16 * MIB), { threads: 3 });
    const other = Heap.attach(heap.handle);
    const script = new Script(scripts[name]);
    const context = createContext({ heap, out: new Float64Array(1000) });
    for (let cut = 0; cut < CUTS; cut++) {
      const run = (): unknown => script.runInContext(context, { timeout: random.between(1, 4) });
      expect(run).toThrow(expect.objectContaining({ code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' }));
      // the blocks that were in its hands
      for (const { ptr } of heap.blocks()) heap.free(ptr);
      expect(heap.checkReport().problems).toEqual([]);
      other.free(other.malloc(random.size(60_000)));
    }
    other.detach();
    expect(heap.malloc(heap.size)).toBe(0);
    expect(heap.stats()).toMatchObject({ live: 0, cached: 0, slabFree: 0, threads: 1 });
  });
});
