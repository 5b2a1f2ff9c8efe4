import { cancelThreadDeaths, mapFile, onThreadDeath } from '@vmem-ts/mmap-helper';
import { collectGarbageUntil } from './support/collect-garbage.js';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';
import type { DeathTask } from './workers/dying-thread.js';

const STORED = 0;
const ADDED = 1;

/** Words that a dying thread stores -5 to and adds 7 to, before: 1 and 100. */
function newWords(kind: 'plain' | 'growable' = 'growable'): Int32Array {
  const buffer =
    kind === 'plain' ? new SharedArrayBuffer(4096) : new SharedArrayBuffer(4096, { maxByteLength: 8192 });
  const words = new Int32Array(buffer, 0, 4);
  words.set([1, 100, 3, 4]);
  return words;
}

const BEFORE = [1, 100, 3, 4];
const AFTER = [-5, 107, 3, 4];

async function die(task: Omit<DeathTask, 'buffer'>, words: Int32Array): Promise<number> {
  const worker = startWorker(
    'dying-thread',
    { ...task, buffer: words.buffer },
    { resourceLimits: { maxOldGenerationSizeMb: 24 }, stderr: true },
  );
  const exit = exitOf(worker);
  if (task.end === 'terminate') {
    await nextMessage(worker);
    expect([...words]).toEqual(BEFORE);
    void worker.terminate();
  }
  return exit;
}

describeWithAddon('onThreadDeath', () => {
  it.each<[DeathTask['end'], number]>([
    ['return', 0],
    ['exit', 7],
    ['throw', 1],
    ['reject', 1],
    ['terminate', 1],
    ['out of memory', 1],
  ])('writes the words when a thread ends by %s', async (end, code) => {
    for (const kind of ['growable', 'plain'] as const) {
      const words = newWords(kind);
      expect(await die({ end }, words)).toBe(code);
      expect([...words]).toEqual(AFTER); // at the latest when the exit event comes
    }
  });

  it('writes them while the parent is busy', async () => {
    const words = newWords();
    const worker = startWorker('dying-thread', {
      end: 'terminate',
      buffer: words.buffer,
    } satisfies DeathTask);
    await nextMessage(worker);
    const exit = exitOf(worker);
    void worker.terminate();
    const patience = Date.now() + 20_000;
    while (Atomics.load(words, ADDED) === 100 && Date.now() < patience);
    expect([...words]).toEqual(AFTER);
    await exit;
  });

  it('writes the words of each watch of a thread', async () => {
    const words = newWords();
    expect(await die({ end: 'exit', watches: 1000 }, words)).toBe(7);
    expect(words[ADDED]).toBe(100 + 7 * 1000);
  });

  it('writes nothing after cancel', async () => {
    for (const end of ['return', 'terminate'] as const) {
      const words = newWords();
      await die({ end, cancel: true }, words);
      expect([...words]).toEqual(BEFORE);
    }
  });

  it('cancels one watch and not another', async () => {
    const words = newWords();
    await die({ end: 'return', watches: 10, cancel: true, cancelEvery: 2 }, words);
    expect(words[ADDED]).toBe(100 + 7 * 5);
  });

  it('keeps the buffer until it is cancelled, however often, and no longer', async () => {
    let buffer: SharedArrayBuffer | null = new SharedArrayBuffer(64);
    const weak = new WeakRef(buffer);
    const watch = onThreadDeath(buffer, [{ byteOffset: 0, op: 'store', value: 1 }]);
    buffer = null;
    expect(await collectGarbageUntil(() => weak.deref() === undefined)).toBe(false);
    watch.cancel();
    watch.cancel();
    expect(await collectGarbageUntil(() => weak.deref() === undefined)).toBe(true);
  });

  it('does not grow the process when watches come and go', () => {
    const words = newWords();
    const round = (): number => {
      for (let count = 0; count < 50_000; count++) {
        onThreadDeath(words.buffer, [{ byteOffset: 4 * STORED, op: 'store', value: 1 }]).cancel();
      }
      return process.memoryUsage().rss;
    };
    round();
    const before = round();
    let after = before;
    for (let count = 0; count < 3; count++) after = round();
    expect(after - before).toBeLessThan(16 * 2 ** 20); // a leak of 100 bytes each would be 15 MB, and hooks are more
  });

  it.each([
    ['beyond the end', 4096],
    ['across the end', 4094],
    ['between words', 2],
    ['before the start', -4],
  ])('refuses a word %s', (_where, byteOffset) => {
    const word = { byteOffset, op: 'store', value: 0 } as const;
    expect(thrownBy(() => onThreadDeath(newWords().buffer, [word]))).toMatchObject({
      name: 'RangeError',
      code: 'ERR_OUT_OF_RANGE',
    });
  });

  it('refuses buffers whose memory goes before the thread does', () => {
    const word = { byteOffset: 0, op: 'store', value: 0 } as const;
    const mapped = mapFile(tempFile(4096), 0, 4096, 'shared');
    expect(thrownBy(() => onThreadDeath(mapped, [word]))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    const detached = new ArrayBuffer(8);
    structuredClone(detached, { transfer: [detached] });
    expect(thrownBy(() => onThreadDeath(detached, [word]))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });

  it('survives an ArrayBuffer that is detached by the end', async () => {
    const words = newWords();
    expect(await die({ end: 'exit', detachOther: true }, words)).toBe(7);
    expect([...words]).toEqual(AFTER);
  });
});

describeWithAddon('cancelThreadDeaths', () => {
  const dieAfter = async (words: Int32Array, act: () => void): Promise<void> => {
    const worker = startWorker('dying-thread', {
      end: 'terminate',
      buffer: words.buffer,
    } satisfies DeathTask);
    await nextMessage(worker);
    act();
    const exit = exitOf(worker);
    void worker.terminate();
    await exit;
  };

  it.each(['growable', 'plain'] as const)('takes the wills of other threads back (%s)', async (kind) => {
    const words = newWords(kind);
    await dieAfter(words, () => {
      expect(cancelThreadDeaths(words.buffer, 7, 1)).toBe(0); // inside a word, not at one
      expect(cancelThreadDeaths(words.buffer, 4, 4092)).toBe(1);
      expect(cancelThreadDeaths(words.buffer, 0, 4096)).toBe(0);
    });
    expect([...words]).toEqual(BEFORE);
  });

  it('leaves those beside the range, and those of other buffers', async () => {
    const words = newWords();
    await dieAfter(words, () => {
      expect(cancelThreadDeaths(words.buffer, 8, 4088)).toBe(0);
      expect(cancelThreadDeaths(new SharedArrayBuffer(4096), 0, 4096)).toBe(0);
    });
    expect([...words]).toEqual(AFTER);
  });

  it('leaves nothing to cancel', () => {
    const words = newWords();
    const watch = onThreadDeath(words.buffer, [{ byteOffset: 0, op: 'store', value: 1 }]);
    expect(cancelThreadDeaths(words.buffer, 0, 4)).toBe(1);
    watch.cancel();
    onThreadDeath(words.buffer, [{ byteOffset: 0, op: 'store', value: 1 }]).cancel();
    expect(cancelThreadDeaths(words.buffer, 0, 4)).toBe(0);
  });

  it('lets nothing be written once it has returned, though threads are dying meanwhile', async () => {
    for (let round = 0; round < 6; round++) {
      const words = newWords();
      const task = { end: 'terminate', watches: 300, buffer: words.buffer } satisfies DeathTask;
      const worker = startWorker('dying-thread', task);
      await nextMessage(worker);
      const exit = exitOf(worker);
      void worker.terminate();
      const until = performance.now() + round / 2;
      while (performance.now() < until);
      cancelThreadDeaths(words.buffer, 0, 4096);
      words.set([8, 8]);
      await exit;
      expect([...words]).toEqual([8, 8, 3, 4]);
    }
  });
});
