import { loadError, threadBarrier } from '@vmem-ts/mmap-helper';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';
import type { StoreBufferResult, StoreBufferTask } from './workers/store-buffer-thread.js';

async function storeBufferLitmus(hasBarrier: boolean): Promise<StoreBufferResult> {
  const task = {
    buffer: new SharedArrayBuffer(4096),
    hasBarrier,
    rounds: 300_000,
    milliseconds: 5000,
  };
  const [fast, slow] = (['fast', 'slow'] as const).map((side) =>
    startWorker('store-buffer-thread', { ...task, side } satisfies StoreBufferTask),
  );
  const exit = exitOf(fast);
  const result = (await nextMessage(slow)) as StoreBufferResult;
  await exit;
  return result;
}

const describeWithBarrier = loadError() === null && !threadBarrier() ? describe.skip : describeWithAddon;

describeWithBarrier('threadBarrier', () => {
  it('leaves no round in which neither of two threads sees the other', async () => {
    const without = await storeBufferLitmus(false);
    const result = await storeBufferLitmus(true);
    // how sharp the test was here: a store that waits in its core's buffer is what the barrier is there for
    process.stdout.write(
      `store buffers: ${result.bothMissed} of ${result.rounds} rounds, ` +
        `without a barrier ${without.bothMissed} of ${without.rounds}\n`,
    );
    expect(result).toMatchObject({ bothMissed: 0, refused: 0 });
    expect(result.rounds).toBeGreaterThan(100);
  });

  it('may be called by many threads at once', async () => {
    const workers = Array.from({ length: 6 }, () => startWorker('barrier-caller', { calls: 5000 }));
    const refused = await Promise.all(workers.map((worker) => nextMessage(worker)));
    expect(refused).toEqual(workers.map(() => 0));
  });

  it('allocates nothing', () => {
    const calls = (count: number): void => {
      for (let call = 0; call < count; call++) threadBarrier();
    };
    calls(20_000); // compiled by now
    const before = process.memoryUsage().heapUsed;
    calls(100_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(400_000); // 16 bytes a call would be 1.6 MB
  });
});
