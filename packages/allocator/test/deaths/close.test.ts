// Deaths in the making and in the closing of a heap: either there is a heap or there is none.

import { strict as assert } from 'node:assert';
import { Heap, VmemError, type HeapHandle } from '@vmem-ts/allocator';
import { Identity } from '#src/layout/region-layout';
import { FakeThreads } from '../support/fake-threads';
import { MortalThread } from '../support/mortal-thread';
import { liveBlocks } from './live-blocks';
import { recordingOf } from './matrix';
import { Naps } from '../support/naps';
import { GUEST, MORTAL, SIZE, SURVIVOR, type Scene } from './scene';
import { SURVIVORS } from './survivors';
import { twinOf } from './twin';

/** True if `call` succeeds, false if it is told that there is no heap any more, or none yet. */
function isOpenFor(call: () => unknown, ...refusals: string[]): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof VmemError && ['ECLOSED', ...refusals].includes(error.code)) return false;
    throw error;
  }
}

describe.each([
  ['with a barrier', true],
  ['without a barrier', false],
])('on a system %s', (_, hasBarrier) => {
  test.each([
    ['', false],
    [' whose memory vanishes', true],
  ])('a thread that dies at any write of the closing of a heap%s keeps nobody waiting', (__, vanishing) => {
    const naps = new Naps();
    let closed = 0;
    naps.during(() => {
      let live = new Map<number, number>();
      const { scene, recording } = recordingOf(
        { hasBarrier, grows: 'default' },
        true,
        ({ theirs, inner }) => {
          live = liveBlocks(inner);
          return () => theirs.heap.close(vanishing);
        },
      );
      recording.visit((moment) => {
        for (const [name, act] of SURVIVORS) {
          const threads = new FakeThreads(hasBarrier);
          threads.killSilently(MORTAL);
          recording.rewind();
          const heap = survivorOf(scene, threads);
          moment.restore();
          const state = scene.inner.i32[Identity.state];
          const stall = naps.of(() => {
            const isOpen = isOpenFor(() => act({ heap, live: new Map(live), ...livingIn(scene, threads) }));
            // whose cache has what it needs may not hear of it yet
            if (state === 1) assert(isOpen, `${name}: closed`);
          });
          assert(stall <= 7, `${name} slept ${stall} times`);
          if (state === 1) continue;
          closed++;
          assert(!isOpenFor(() => heap.stats()));
          assert(!isOpenFor(() => Heap.attach(scene.heap.handle, livingIn(scene, threads).options)));
          assert.equal(heap.close(), false);
        }
      });
    });
    expect(closed).toBeGreaterThan(0);
  });

  test('memory in which a thread died while it made a heap has none, or one that works, and can have another', () => {
    const buffer = new SharedArrayBuffer(SIZE);
    let fatal = 0;
    let heaps = 0;
    new Naps().during(() => {
      for (let survived = false; !survived; fatal++) {
        const threads = new FakeThreads(hasBarrier);
        const thread = new MortalThread(threads.hostOf(MORTAL));
        new Uint8Array(buffer).fill(0xee);
        survived = thread.run(() => thread.create(buffer, { cacheBytes: 64, threads: 2 }), fatal);
        threads.killSilently(MORTAL);
        const host = threads.hostOf(SURVIVOR);
        const id = new Int32Array(buffer).subarray(Identity.idLow, Identity.idHigh + 1);
        const handle: HeapHandle = { buffer, byteOffset: 0, size: SIZE, id: [id[0], id[1]] };
        let heap: Heap | undefined;
        if (isOpenFor(() => (heap = Heap.attach(handle, { host })), 'ECORRUPT', 'EINVAL')) {
          heaps++;
          expectWorking(heap!);
          heap!.detach();
        }
        expectWorking(Heap.create(buffer, { cacheBytes: 64, threads: 2, host }));
      }
    });
    expect(fatal).toBeGreaterThan(20);
    expect(heaps).toBeGreaterThan(5);
  });
});

function expectWorking(heap: Heap): void {
  for (const size of [24, 3000, 20_000]) heap.free(heap.malloc(size));
  assert.equal(heap.malloc(SIZE), 0);
  assert.deepEqual(heap.checkReport().problems, []);
  const { threads, live, cached } = heap.stats();
  assert.deepEqual({ threads, live, cached }, { threads: 1, live: 0, cached: 0 });
}

const survivorOf = ({ heap, inner, storage }: Scene, threads: FakeThreads): Heap =>
  twinOf(heap.handle, inner.slotOf(SURVIVOR), threads.hostOf(SURVIVOR), storage);

function livingIn({ inner, storage }: Scene, threads: FakeThreads) {
  const options = { host: threads.hostOf(GUEST), source: storage! };
  return { memory: inner.u8, left: [], isFull: true, options };
}
