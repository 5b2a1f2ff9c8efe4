import { setImmediate } from 'node:timers/promises';
import {
  canLendShared,
  collectGarbage,
  detachBuffer,
  isLent,
  openLending,
  reserve,
  type Lending,
} from '@vmem-ts/mmap-helper';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';

const MIB = 2 ** 20;
const DESK = { byteOffset: 0, length: 80 };

interface Lent {
  readonly memory: SharedArrayBuffer;
  readonly lending: Lending;
}

function opened(): Lent {
  const memory = reserve(MIB);
  return { memory, lending: openLending(memory, 0, MIB, DESK) };
}

/** Offsets of what comes back within some collections. */
async function returnedTo(lending: Lending, count: number): Promise<number[]> {
  const found: number[] = [];
  for (let attempt = 0; attempt < 50 && found.length < count; attempt++) {
    await setImmediate();
    collectGarbage();
    await setImmediate();
    const taken = lending.takeReturned();
    found.push(...lending.desk.subarray(1, 1 + taken));
    lending.desk.fill(0);
  }
  return found.sort((a, b) => a - b);
}

describeWithAddon('a part that is lent', () => {
  it('is an ArrayBuffer over the memory, of exactly its length', () => {
    const { memory, lending } = opened();
    const buffer = lending.lend(4096, 100);
    expect(Object.prototype.toString.call(buffer)).toBe('[object ArrayBuffer]');
    expect(buffer.byteLength).toBe(100);
    new Uint8Array(buffer)[99] = 7;
    expect(new Uint8Array(memory, 0, MIB)[4195]).toBe(7);
    expect([isLent(buffer), isLent(new ArrayBuffer(8))]).toEqual([true, false]);
  });

  it('comes back once when it is garbage, in a later turn of the event loop', async () => {
    const { lending } = opened();
    (() => {
      for (let part = 1; part <= 30; part++) new Uint8Array(lending.lend(part * 1000, 500)).fill(part);
    })();
    expect(await returnedTo(lending, 30)).toEqual(
      Array.from({ length: 30 }, (_, index) => (index + 1) * 1000),
    );
    expect(await returnedTo(lending, 1)).toEqual([]);
  });

  it('stays as long as any view on it, or what transfer() has made of it', async () => {
    const { lending } = opened();
    const view = new Uint16Array(lending.lend(8192, 512), 100, 3);
    const buffer = lending.lend(16384, 512) as ArrayBuffer & { transfer?(): ArrayBuffer };
    const kept = buffer.transfer?.() ?? buffer;
    expect(await returnedTo(lending, 1)).toEqual([]);
    expect([view.length, kept.byteLength]).toEqual([3, 512]);
  });

  it('comes back when it was detached', async () => {
    const { lending } = opened();
    const buffer = lending.lend(8192, 512);
    expect(detachBuffer(buffer)).toBe(true);
    expect([buffer.byteLength, isLent(buffer), detachBuffer(buffer)]).toEqual([0, false, false]);
    expect(await returnedTo(lending, 1)).toEqual([8192]);
  });

  it('comes back when its thread ends, however it does, with what the thread had in hand', async () => {
    const { memory, lending } = opened();
    for (const end of ['return', 'exit', 'throw', 'terminate']) {
      const worker = startWorker('lender', {
        memory,
        length: MIB,
        desk: { byteOffset: 4096, length: 80 },
        end,
      });
      worker.on('error', () => undefined);
      const exit = exitOf(worker);
      expect(await nextMessage(worker)).toBe('lent');
      if (end === 'throw') worker.postMessage('end');
      if (end === 'terminate') await worker.terminate();
      await exit;
      // the parts, one that was not lent yet, one that was not free yet, and the desk
      expect(await returnedTo(lending, 5)).toEqual([4096, 20000, 30000, 40000, 50000]);
    }
  });

  it('may be a SharedArrayBuffer, which comes back when no thread has it any more', async () => {
    const { lending } = opened();
    if (!canLendShared()) {
      expect(thrownBy(() => lending.lendShared(8192, 64))).toMatchObject({ code: 'EOPNOTSUPP' });
      return;
    }
    const worker = startWorker('shared-holder', undefined);
    const exit = exitOf(worker);
    (() => {
      const shared = lending.lendShared(8192, 64);
      new Uint8Array(shared)[0] = 9;
      worker.postMessage(shared);
    })();
    expect(await nextMessage(worker)).toBe(9);
    expect(await returnedTo(lending, 1)).toEqual([]);
    worker.postMessage('drop');
    await exit;
    expect(await returnedTo(lending, 1)).toEqual([8192]);
  });
});

describeWithAddon('openLending', () => {
  it('refuses a worker that is the first', async () => {
    const worker = startWorker('lender', { memory: reserve(MIB), length: MIB, desk: DESK, end: 'return' });
    await expect(nextMessage(worker)).rejects.toMatchObject({ code: 'EPERM' });
  });

  it('refuses a second time in a thread, and desks that are none', () => {
    const { memory } = opened();
    expect(thrownBy(() => openLending(memory, 0, MIB, DESK))).toMatchObject({ code: 'EBUSY' });
    const other = reserve(MIB);
    const deskAt = (byteOffset: number, length: number) => () =>
      openLending(other, 0, MIB, { byteOffset, length });
    for (const [byteOffset, length] of [
      [MIB, 80],
      [MIB - 8, 16],
      [0, 8],
      [-8, 80],
      [0.5, 80],
    ]) {
      expect(thrownBy(deskAt(byteOffset, length))).toBeInstanceOf(RangeError);
    }
    expect(thrownBy(deskAt(4, 80))).toMatchObject({ code: 'EINVAL' });
    expect(thrownBy(deskAt(0, 81))).toMatchObject({ code: 'EINVAL' });
  });

  it.each([
    [-1, 8],
    [MIB, 1],
    [MIB - 8, 9],
    [0, 0],
    [NaN, 8],
    [0, 2 ** 53],
  ])('lends no part from %p on of %p bytes', (offset, length) => {
    const { lending } = opened();
    expect(thrownBy(() => lending.lend(offset, length))).toBeInstanceOf(RangeError);
  });
});

describeWithAddon('collectGarbage', () => {
  it('finds all garbage at once', async () => {
    const garbage = Array.from({ length: 20 }, () => new WeakRef({ some: 'object' }));
    await setImmediate();
    collectGarbage();
    expect(garbage.filter((reference) => reference.deref() !== undefined)).toEqual([]);
  });
});
