import { Heap, MAX_THREADS } from '@vmem-ts/allocator';
import { ThreadSlots } from '#src/heap/thread-slots';
import { Region } from '#src/layout/region';
import { Slot, SlotOwner, isToken, slotAt, slotOfToken, tokenOf } from '#src/layout/region-layout';
import { exhaust } from '../support/exhaust';
import { asSlot } from '#src/base/units';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { codeOf } from '../support/thrown';

const SIZE = 1 << 20;
const newRegion = (): Region => new Region(new SharedArrayBuffer(SIZE), 0, SIZE);

describe('a heap for as many threads as it was made for', () => {
  test.each([1, 3, 20])('%p of them: one more gets EAGAIN, until one goes', (threads) => {
    const heap = Heap.create(new SharedArrayBuffer(4 * SIZE), { threads });
    const others = Array.from({ length: threads - 1 }, () => Heap.attach(heap.handle));
    expect(heap.stats().threads).toBe(threads);
    expect(codeOf(() => Heap.attach(heap.handle))).toBe('EAGAIN');
    expect(heap.stats().threads).toBe(threads);
    (others.pop() ?? heap).detach();
    const next = Heap.attach(heap.handle);
    expect(codeOf(() => Heap.attach(heap.handle))).toBe('EAGAIN');
    expect(next.check()).toBe(1);
  });

  test('all slots of the default can be used', () => {
    const heap = Heap.create(new SharedArrayBuffer(16 * SIZE));
    const others = Array.from({ length: MAX_THREADS - 1 }, () => Heap.attach(heap.handle));
    expect(codeOf(() => Heap.attach(heap.handle))).toBe('EAGAIN');
    const pointers = others.map((other) => other.malloc(24));
    expect(new Set(pointers).size).toBe(pointers.length);
    for (const ptr of pointers) others.at(-1)!.free(ptr);
    expect(heap.check()).toBe(1);
    for (const other of others) other.detach();
    expect(heap.stats()).toMatchObject({ threads: 1, liveBlocks: 0, cached: 0 });
    expect(heap.check()).toBe(1);
  });

  test('slots are used again and again', () => {
    const heap = Heap.create(new SharedArrayBuffer(SIZE), { threads: 2 });
    const { pagesFree } = heap.stats();
    for (let round = 0; round < 2000; round++) {
      const other = Heap.attach(heap.handle);
      if (round % 100 === 0) other.free(other.malloc(100));
      other.detach();
    }
    expect(heap.malloc(SIZE)).toBe(0);
    expect(heap.stats()).toMatchObject({ threads: 1, pagesFree, cached: 0 });
  });
});

describe('tokens', () => {
  test('name their slot, are positive, and differ for each user of a slot', () => {
    const seen = new Set<number>();
    for (const slot of [0, 1, 100, 253]) {
      for (const generation of [0, 1, 2, 0x3fffff, 0x400000, -1]) {
        const token = tokenOf(slot, generation);
        expect([token > 0, token | 0, isToken(token, 254), isToken(token, slot)]).toEqual([
          true,
          token,
          true,
          false,
        ]);
        expect(-token).not.toBe(SlotOwner.dead);
        expect(slotOfToken(token)).toBe(slot);
        seen.add(token);
      }
    }
    expect(seen.size).toBe(4 * 4); // -1 and 0x3fffff are the same generation, 0 and 0x400000, too
    expect(slotOfToken(0)).toBe(-1);
  });

  test('of two users of a slot, the former is gone', () => {
    const slots = new ThreadSlots(newRegion(), 2, undefined);
    const former = slots.claim()!;
    expect([slots.isGone(former.token), slots.isGone(former.token, false)]).toEqual([false, false]);
    slots.release(former.slot);
    expect([slots.isGone(former.token), slots.isGone(former.token, false)]).toEqual([true, true]);
    const latter = slots.claim()!;
    expect(latter.slot).toBe(former.slot);
    expect([slots.isGone(former.token), slots.isGone(latter.token)]).toEqual([true, false]);
  });

  test('of a slot that there is not are damage', () => {
    const slots = new ThreadSlots(newRegion(), 2, undefined);
    for (const token of [0, tokenOf(2, 1), tokenOf(253, 9)])
      expect(codeOf(() => slots.isGone(token))).toBe('ECORRUPT');
  });
});

test('one thread alone reaps a slot, also the user of slot 0 whose generation ends in 22 zeros', () => {
  const region = newRegion();
  const slots = new ThreadSlots(region, 3, undefined);
  region.i32[slotAt(0) + Slot.generation] = 0x3fffff;
  const [reaper, , other] = Array.from({ length: 3 }, () => slots.claim()!);
  region.i32[slotAt(1) + Slot.owner] = SlotOwner.dead;
  expect(slots.beginReaping(1, reaper.token)).toBe(true);
  expect(slots.beginReaping(1, other.token)).toBe(false);
  expect(region.i32[slotAt(1) + Slot.owner]).toBe(-reaper.token);
  slots.release(reaper.slot); // it died, and somebody has cleared what it left
  slots.claim();
  expect(slots.beginReaping(1, other.token)).toBe(true);
});

describe('a slot that another thread clears', () => {
  const sleep = jest.spyOn(Atomics, 'wait');
  afterEach(() => {
    sleep.mockReset();
  });
  afterAll(() => {
    sleep.mockRestore();
  });

  /** The table as a third thread sees it: the first lives, and clears what the second left. */
  function clearing(): ThreadSlots {
    const region = newRegion();
    const slots = new ThreadSlots(region, 2, undefined);
    const { token } = slots.claim()!;
    region.i32[slotAt(1) + Slot.owner] = -token;
    return slots;
  }

  test('is waited for', () => {
    const slots = clearing();
    sleep.mockImplementation(() => {
      slots.release(asSlot(1));
      return 'ok';
    });
    expect(slots.claim()?.slot).toBe(1);
    expect(sleep).toHaveBeenCalledTimes(1);
  });

  test('is not waited for without end', () => {
    sleep.mockReturnValue('timed-out');
    expect(clearing().claim()).toBeUndefined();
    expect(sleep.mock.calls.length).toBeGreaterThan(100);
  });
});

describe('which threads live', () => {
  /** The table as the threads 11 and 22 see it, of which 22 has a slot. */
  function claimed(): { threads: FakeThreads; mine: ThreadSlots; slot: number; region: Region } {
    const region = newRegion();
    const threads = new FakeThreads();
    const { slot } = new ThreadSlots(region, 4, threads.hostOf(22)).claim()!;
    return { threads, mine: new ThreadSlots(region, 4, threads.hostOf(11)), slot, region };
  }

  test('a thread lives until its host says that it does not', () => {
    const { threads, mine, slot, region } = claimed();
    expect(mine.isDead(slot)).toBe(false);
    threads.killSilently(22);
    expect(mine.isDead(slot)).toBe(true);
    expect(region.i32[slotAt(slot) + Slot.owner]).toBe(SlotOwner.dead);
  });

  test('a thread that has the id of a dead one is not taken for it', () => {
    const { mine, slot, region } = claimed();
    region.i32[slotAt(slot) + Slot.startTimeLow] ^= 1; // an older thread of the same id
    expect(mine.isDead(slot)).toBe(true);
  });

  test('by its number alone, a dead thread lives as long as another one has that', () => {
    const { threads, mine, slot, region } = claimed();
    region.i32[slotAt(slot) + Slot.startTimeLow] ^= 1;
    expect(mine.isDeadByNumber(slot)).toBe(false);
    threads.killSilently(22);
    expect(mine.isDeadByNumber(slot)).toBe(true);
    expect(region.i32[slotAt(slot) + Slot.owner]).toBe(SlotOwner.dead);
  });

  test('start times beyond 2^32 are kept', () => {
    const region = newRegion();
    const asked: (number | undefined)[] = [];
    const host = {
      identity: () => ({ tid: 5, startTime: 2 ** 52 + 2 ** 31 + 3 }),
      isAlive: ({ startTime }: { startTime?: number }) => asked.push(startTime) > 0,
      onDeath: () => ({ cancel: () => undefined }),
    };
    const slots = new ThreadSlots(region, 4, host);
    slots.isDead(slots.claim()!.slot);
    expect(asked).toEqual([2 ** 52 + 2 ** 31 + 3]);
  });

  test('without a host, or a name, a thread lives for ever', () => {
    const { threads, slot, region } = claimed();
    threads.killSilently(22);
    expect(new ThreadSlots(region, 4, undefined).isDead(slot)).toBe(false);
    const unnamed = new ThreadSlots(region, 4, undefined).claim()!;
    expect(new ThreadSlots(region, 4, threads.hostOf(11)).isDead(unnamed.slot)).toBe(false);
  });

  test('a thread that is just claiming its slot is not taken for the one before', () => {
    const region = newRegion();
    const threads = new FakeThreads();
    const former = new ThreadSlots(region, 4, threads.hostOf(22));
    former.release(former.claim()!.slot);
    const mine = new ThreadSlots(region, 4, threads.hostOf(11));
    const exchange = Atomics.compareExchange as (
      words: Int32Array,
      at: number,
      old: number,
      next: number,
    ) => number;
    const verdicts: boolean[] = [];
    const exchangeThenAsk: typeof exchange = (words, at, expected, next) => {
      const old = exchange(words, at, expected, next);
      if (next === 33) verdicts.push(mine.isDead((at - slotAt(0)) / Slot.words));
      return old;
    };
    const spy = jest.spyOn(Atomics, 'compareExchange').mockImplementation(exchangeThenAsk as never);
    new ThreadSlots(region, 4, threads.hostOf(33)).claim();
    spy.mockRestore();
    expect(verdicts).toEqual([false]);
  });

  test.each(['released', 'died'])(
    'a thread that is just claiming its slot is not taken for the one before of the same id, which %s',
    (end) => {
      const region = newRegion();
      const threads = new FakeThreads();
      const mine = new ThreadSlots(region, 1, threads.hostOf(11));
      const former = new ThreadSlots(region, 1, threads.hostOf(33, 5));
      const { slot } = former.claim()!;
      if (end === 'released') former.release(slot);
      else region.i32[slotAt(slot) + Slot.owner] = SlotOwner.dead;
      const { compareExchange } = Atomics;
      const verdicts: boolean[] = [];
      const spy = jest.spyOn(Atomics, 'compareExchange').mockImplementation(((...call: number[]) => {
        const old = (compareExchange as unknown as (...call: number[]) => number)(...call);
        if (call[3] === 33) verdicts.push(mine.isDead(slot));
        return old;
      }) as never);
      new ThreadSlots(region, 1, threads.hostOf(33)).claim();
      spy.mockRestore();
      expect(verdicts).toEqual([false]);
      expect(mine.isDead(slot)).toBe(false);
    },
  );

  test('one thread reaps a dead one', () => {
    const { threads, mine, slot } = claimed();
    threads.killSilently(22);
    const [one, two] = [mine.claim()!, new ThreadSlots(newRegion(), 4, undefined).claim()!];
    expect(mine.beginReaping(slot, one.token)).toBe(true);
    expect(mine.beginReaping(slot, two.token)).toBe(false);
    expect(mine.inUse(slot)).toBe(true);
    mine.release(slot as typeof one.slot);
    expect(mine.inUse(slot)).toBe(false);
  });

  test('free slots are claimed before those of the dead', () => {
    const { threads, mine, slot } = claimed();
    threads.killSilently(22);
    const next = Array.from({ length: 4 }, () => mine.claim()!.slot);
    expect(next.at(-1)).toBe(slot);
    expect(mine.claim()).toBeUndefined();
  });
});

describe('death watches', () => {
  const attached = (): { threads: FakeThreads; heap: Heap; other: Heap } => {
    const threads = new FakeThreads();
    const heap = Heap.create(new SharedArrayBuffer(SIZE), { host: threads.hostOf(11) });
    return { threads, heap, other: Heap.attach(heap.handle, { host: threads.hostOf(22) }) };
  };

  test('a note names the words of the slot and of the deaths, wherever the region lies', () => {
    const threads = new FakeThreads();
    const memory = new Uint8Array(new SharedArrayBuffer(2 * SIZE), 4096 + 8, SIZE);
    const heap = Heap.create(memory, { host: threads.hostOf(11) });
    Heap.attach(heap.handle, { host: threads.hostOf(22) });
    const inner = new InnerHeap(heap);
    threads.kill(22);
    expect(inner.i32[slotAt(1) + Slot.owner]).toBe(SlotOwner.dead);
    expect(heap.stats().threads).toBe(1);
    expect(heap.check()).toBe(1);
  });

  test('detach cancels the watch', () => {
    const { threads, other } = attached();
    expect(threads.watchesOf(22)).toBe(1);
    other.detach();
    expect(threads.watchesOf(22)).toBe(0);
  });

  test('close cancels the watch', () => {
    const { threads, other } = attached();
    other.close();
    expect(threads.watchesOf(22)).toBe(0);
  });

  test('detach from a heap that another thread has closed cancels the watch, too', () => {
    const { threads, heap, other } = attached();
    heap.close();
    other.detach();
    expect(threads.watchesOf(22)).toBe(0);
  });

  test('an attach that fails leaves no watch and no slot', () => {
    const { threads, heap } = attached();
    exhaust(heap, 4096);
    exhaust(heap, 8);
    expect(codeOf(() => Heap.attach(heap.handle, { host: threads.hostOf(33) }))).toBe('ENOMEM');
    expect(threads.watchesOf(33)).toBe(0);
    expect(heap.stats().threads).toBe(2);
  });

  test('a host that fails leaves no slot behind', () => {
    const { threads, heap } = attached();
    for (const name of ['identity', 'onDeath'] as const) {
      const host = {
        ...threads.hostOf(33),
        [name]: (): never => {
          throw new Error(name);
        },
      };
      expect(() => Heap.attach(heap.handle, { host })).toThrow(name);
      expect(heap.stats().threads).toBe(2);
    }
    expect(heap.check()).toBe(1);
  });
});
