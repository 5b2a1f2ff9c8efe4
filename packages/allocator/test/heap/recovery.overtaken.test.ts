// What others see of a death while somebody else is clearing up after it.

import { Heap } from '@vmem-ts/allocator';
import { asPage } from '#src/base/units';
import { PageKind } from '#src/layout/page-map';
import { Busy, Extents, Slot, slotAt } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { InnerHeap } from '../support/inner-heap';
import { MortalThread } from '../support/mortal-thread';
import { OvertakenThread } from '../support/overtaken';

const SIZE = 512 * 1024;
const MORTAL = 33;

/** A thread that attaches to the slot of one that died at write `fatal` of a malloc is overtaken before its write `at`. */
function overtakeNewcomer(fatal: number, at: number): boolean {
  const others = new OvertakenThread(true);
  const heap = Heap.create(new SharedArrayBuffer(SIZE), { cacheBytes: 64, threads: 2, host: others.host });
  const mortal = new MortalThread(others.threads.hostOf(MORTAL));
  let theirs: Heap | undefined;
  mortal.run(() => (theirs = mortal.attach(heap.handle)));
  const kept = heap.malloc(24);
  mortal.run(() => theirs!.free(theirs!.malloc(24)));
  expect(mortal.run(() => theirs!.malloc(24), fatal)).toBe(false);
  others.threads.kill(MORTAL);
  const [inner, seen] = [new InnerHeap(heap), [] as unknown[]];
  const look = (): void => {
    const { problems } = heap.checkReport();
    seen.push(...problems);
    heap.stats();
    expect(heap.malloc(SIZE)).toBe(0); // empties all caches
  };
  let late: Heap | undefined;
  const reached = others.overtake(() => (late = others.thread.attach(heap.handle)), at, [look]);
  expect(seen).toEqual([]);
  others.thread.run(() => late?.detach());
  expect(heap.malloc(SIZE)).toBe(0);
  expect(heap.stats().cached).toBe(0);
  heap.free(kept);
  expect(heap.checkReport().problems).toEqual([]);
  expect(inner.i32[slotAt(1) + Slot.busy]).toBe(Busy.outside);
  return reached;
}

test('a cache that a thread left in the middle of a malloc is not believed while another takes the slot over', () => {
  const afterState = 2; // writes: the flag of the section, the state, the top
  let at = 0;
  while (overtakeNewcomer(afterState, at)) at += at < 40 ? 1 : 9;
  expect(at).toBeGreaterThan(40);
});

test('pages of a slab whose releaser died go back only when no thread can be in a fast section there', () => {
  let scenes = 0;
  for (let fatal = 0, isOver = false; !isOver; fatal++) {
    const threads = new FakeThreads();
    const options = { cacheBytes: 64, threads: 3, host: threads.hostOf(11) };
    const heap = Heap.create(new SharedArrayBuffer(SIZE), options);
    const mortal = new MortalThread(threads.hostOf(MORTAL));
    let theirs: Heap | undefined;
    mortal.run(() => (theirs = mortal.attach(heap.handle)));
    Heap.attach(heap.handle, { host: threads.hostOf(44) });
    const inner = new InnerHeap(heap);
    let pointers: number[] = [];
    mortal.run(() => (pointers = Array.from({ length: 12 }, () => theirs!.malloc(16_384))));
    isOver = mortal.run(() => pointers.forEach((ptr) => theirs!.free(ptr)), fatal);
    const withdrawn = inner
      .extents()
      .filter(({ page, kind }) => kind === PageKind.slab && inner.pageMap.sizeClass(page) < 0);
    if (isOver || withdrawn.length === 0 || inner.i32[Extents.lock] === 0) continue;
    scenes++;
    threads.kill(MORTAL);
    const { page } = withdrawn[0];
    const busy = slotAt(2) + Slot.busy; // the guest is in a fast section
    inner.i32[busy] = Busy.inside;
    const kinds: PageKind[] = [];
    const wait = jest.spyOn(Atomics, 'wait').mockImplementation(() => {
      kinds.push(inner.pageMap.kind(asPage(page)));
      inner.i32[busy] = Busy.outside;
      return 'ok';
    });
    heap.malloc(40_000);
    wait.mockRestore();
    expect(kinds[0]).toBe(PageKind.slab);
    expect(heap.checkReport().problems).toEqual([]);
  }
  expect(scenes).toBeGreaterThan(0);
});
