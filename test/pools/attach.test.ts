// Other threads come in by a handle: one that came by workerData or a message works, a forged one is refused.

import { openSync, closeSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { MIB, PAGE, describeEachKind, describeFiles, expectEmptyAndWhole, filePool } from '../support/pools';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, exitOf, nextMessage, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';

describeEachKind('attaching to a pool', ({ name, create }) => {
  it('works from a worker, by workerData and by a message', async () => {
    const pool = create();
    const byData = startWorker('pool-user', pool.handle);
    const byMessage = startWorker('pool-user', undefined);
    await Promise.all([nextMessage(byData), nextMessage(byMessage)]);
    expect(await ask<Answer>(byMessage, { attach: pool.handle })).toEqual({ failure: 'none' });
    expect(pool.stats()).toMatchObject({ threads: 3, liveBlocks: 2 });
    const mine = pool.malloc(100);
    expect((await ask<Answer>(byData, { free: mine })).failure).toBe('none');
    expect((await ask<Answer>(byMessage, { free: mine })).failure).toBe('VmemError EDOUBLEFREE');
    const { ptr } = await ask<Answer>(byMessage, { malloc: 5000 });
    pool.free(ptr!);
    expect(pool.stats()).toMatchObject({ liveBlocks: 2 });
  });

  it('works again after detach, and a detached pool gives ECLOSED', () => {
    const pool = create();
    const { handle } = pool;
    const ptr = pool.malloc(64);
    pool.detach();
    expect(failureOf(() => pool.malloc(64))).toBe('VmemError ECLOSED');
    expect(failureOf(() => pool.free(ptr))).toBe('VmemError ECLOSED');
    for (let i = 0; i < 300; i++) {
      const again = Vmem.attach(handle);
      expect(again.usableSize(ptr)).toBe(64);
      again.free(again.malloc(10));
      again.detach();
      again.detach();
    }
    const last = Vmem.attach(handle);
    last.free(ptr);
    expectEmptyAndWhole(last);
    expect(last.stats().threads).toBe(1);
    last.delete();
  });

  it('is refused to more threads than the pool was made for, until one leaves', async () => {
    const pool = create(VMEM_MIN_POOL, { threads: 2 });
    const worker = startWorker('pool-user', pool.handle);
    expect(await nextMessage<Answer>(worker)).toEqual({ failure: 'none' });
    expect(failureOf(() => Vmem.attach(pool.handle))).toBe('VmemError EAGAIN');
    expect(pool.check()).toBe(1);
    const third = startWorker('pool-user', pool.handle);
    expect(await nextMessage<Answer>(third)).toEqual({ failure: 'VmemError EAGAIN' });
    await ask(worker, { detach: true });
    expect(await ask<Answer>(third, { attach: pool.handle })).toEqual({ failure: 'none' });
    await third.terminate();
    expect(failureOf(() => Vmem.attach(pool.handle))).toBe('none');
    expect(pool.check()).toBe(1);
  });

  it('is possible for any number of threads, one after the other', async () => {
    const pool = create(VMEM_MIN_POOL, { threads: 2 });
    const rounds = name === 'overlay' ? 120 : 20;
    for (let i = 0; i < rounds; i++) {
      const worker = startWorker('visitor', { handle: pool.handle, leaves: i % 2 === 0 });
      const exit = exitOf(worker);
      expect(await nextMessage(worker)).toBe('none');
      await exit;
    }
    expectEmptyAndWhole(pool);
  });

  it('works when the thread that made the pool is gone', async () => {
    if (name === 'mmap-io') return; // Node closes the file with the thread that opened it
    if (name === 'region') return; // made as here
    const worker = startWorker('pool-maker', { backend: name, size: VMEM_MIN_POOL });
    const exit = exitOf(worker);
    const handle = await nextMessage<VmemHandle>(worker);
    await exit;
    const heir = startWorker('pool-user', handle);
    expect(await nextMessage<Answer>(heir)).toEqual({ failure: 'none' });
    const { ptr } = await ask<Answer>(heir, { malloc: 5 * MIB });
    expect(ptr).toBeGreaterThan(0);
    expect(await ask<Answer>(heir, { keepView: MIB })).toEqual({ failure: 'none' });
    expect(await ask<Answer>(heir, { readView: true })).toEqual({ failure: 'none', sum: 7 * MIB });
    expect(await ask<Answer>(heir, { delete: true })).toEqual({ failure: 'none' });
  });
});

const NO_HANDLES: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', 1],
  ['a string', 'handle'],
  ['a function', () => undefined],
  ['an empty object', {}],
  ['an array', []],
  ['a buffer', new SharedArrayBuffer(VMEM_MIN_POOL)],
];

describeEachKind('a forged handle', ({ name, create }) => {
  it('is refused, and the pool is not hurt', () => {
    const pool = create();
    const other = create(VMEM_MIN_POOL);
    const ptr = pool.malloc(64);
    const good = pool.handle;
    const hasBuffer = name !== 'mmap-io';
    const forgeries: [string, object][] = [
      ['no size', { size: undefined }],
      ['a size of less than a heap', { size: 4096 }],
      ['a smaller size', { size: good.size - 4096 }],
      ['a larger size', { size: good.size + 4096 }],
      ['a size beyond everything', { size: 2 ** 52 }],
      ['a misaligned place', { byteOffset: 8, size: good.size - 4096 }],
      ['an odd place', { byteOffset: 1, size: good.size - 4096 }],
      ['another place', { byteOffset: 4096, size: good.size - 4096 }],
      ['another id', { id: [1, 2] }],
      ['another pool’s id', { id: other.handle.id }],
      ['half an id', { id: good.id.slice(0, 1) }],
      ['an id of strings', { id: ['a', 'b'] }],
      ['a backend that there is not', { backend: 'file' }],
      ['no backend', { backend: undefined }],
      ['a backend of Object.prototype', { backend: 'constructor' }],
    ];
    if (hasBuffer) {
      forgeries.push(
        ['size 0', { size: 0 }],
        ['a place behind the end', { byteOffset: 2 ** 40 }],
        ['another pool’s memory', { buffer: other.buffer }],
        ['no memory', { buffer: undefined }],
        ['too little memory', { buffer: new SharedArrayBuffer(4096) }],
        ['empty memory', { buffer: new SharedArrayBuffer(good.size) }],
        ['an ArrayBuffer', { buffer: new ArrayBuffer(good.size) }],
        ['a view', { buffer: new Uint8Array(good.buffer!) }],
      );
    } else {
      forgeries.push(
        ['a descriptor that there is not', { fd: 9999 }],
        ['another pool’s file', { fd: other.handle.fd, size: other.size }],
      );
    }
    const accepted = forgeries
      .map(([what, forgery]) => {
        const handle = { ...good, ...forgery };
        // another pool's file has another pool's size, and what is refused leaves nothing attached
        return [what, failureOf(() => Vmem.attach(handle))];
      })
      .filter(([, outcome]) => !/^\w+ E[A-Z]+$/.test(outcome));
    expect(accepted).toEqual([]);
    for (const [what, handle] of NO_HANDLES) {
      expect([what, failureOf(() => Vmem.attach(handle as VmemHandle))]).toEqual([what, 'VmemError EINVAL']);
    }
    pool.free(ptr);
    expectEmptyAndWhole(pool);
    expectEmptyAndWhole(other);
    expect(pool.stats().threads).toBe(1);
  });
});

describeEachKind(
  'a forged handle of a file that each thread maps',
  ({ create }) => {
    it.each([{ size: 0 }, { fd: -1 }, { file: 'another' }, { fd: 0 }])('is refused: %j', (forgery) => {
      const { handle } = create();
      expect(failureOf(() => Vmem.attach({ ...handle, ...forgery }))).toMatch(/^VmemError E(INVAL|CLOSED)$/);
    });

    it('is ECLOSED when the pool was deleted and its descriptor means another file', () => {
      const pool = create();
      const { handle } = pool;
      pool.delete();
      const next = create();
      expect(next.handle.fd).toBe(handle.fd);
      expect(failureOf(() => Vmem.attach(handle))).toBe('VmemError ECLOSED');
      expectEmptyAndWhole(next);
    });

    it('is ECLOSED when another thread has deleted the pool, and the file is still open', async () => {
      const { handle } = create();
      const worker = startWorker('pool-user', handle);
      await nextMessage(worker);
      await ask(worker, { delete: true });
      expect(failureOf(() => Vmem.attach(handle))).toBe('VmemError ECLOSED');
    });

    it('may not be that of an overlay, whose storage would be given back under others', () => {
      const { handle } = filePool(VMEM_MIN_POOL);
      expect(failureOf(() => Vmem.attach({ ...handle, backend: 'mmap-io' }))).toBe('VmemError ECLOSED');
    });
  },
  ['mmap-io'],
);

describeFiles('a handle with another file’s descriptor', () => {
  const fd = openSync('/dev/null', 'r');

  afterAll(() => {
    closeSync(fd);
  });

  it.each([
    ['another pool’s', () => filePool(VMEM_MIN_POOL).handle.fd],
    ['a device’s', () => fd],
    ['a closed one', () => 9999],
    ['none', () => -1],
    ['a number that is no descriptor', () => 2 ** 40],
  ])('is refused: %s', (_, forged) => {
    const pool = filePool(VMEM_MIN_POOL);
    const other = forged();
    expect(failureOf(() => Vmem.attach({ ...pool.handle, fd: other }))).toBe('VmemError EINVAL');
    expect(pool.stats().threads).toBe(1);
    expectEmptyAndWhole(pool);
  });

  it('is refused: another pool’s, with the name of that pool’s file', () => {
    const [pool, other] = [filePool(VMEM_MIN_POOL), filePool(VMEM_MIN_POOL + PAGE)];
    const { fd, file } = other.handle;
    const forged = { ...pool.handle, fd, ...(file !== undefined && { file }) };
    expect(thrownBy(() => Vmem.attach(forged)).message).toMatch(/14684160 bytes.*14680064/);
    expectEmptyAndWhole(pool);
  });

  it('is ECLOSED, and says nothing of descriptors, once the pool was deleted', () => {
    const pool = filePool(VMEM_MIN_POOL);
    const { handle } = pool;
    pool.delete();
    for (const forgery of [{}, { fd }, { fd: 9999 }]) {
      expect(failureOf(() => Vmem.attach({ ...handle, ...forgery }))).toBe('VmemError ECLOSED');
    }
  });

  it('that names no file at all: deleting is still an error of the pool, if any', () => {
    const pool = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    const outcome = failureOf(() => Vmem.attach({ ...pool.handle, backend: 'overlay' }).delete());
    expect(outcome).toMatch(/^VmemError E|^none/);
  });
});

describeEachKind(
  'a pool whose descriptor somebody has closed',
  ({ create }) => {
    it('is deleted nonetheless, with a word about it', () => {
      const pool = create();
      const { fd } = pool.handle;
      closeSync(fd);
      const reused = openSync('/dev/null', 'r');
      expect(reused).toBe(fd);
      expect(failureOf(() => pool.delete())).toBe('VmemError EBADF');
      expect(failureOf(() => pool.malloc(8))).toBe('VmemError ECLOSED');
      expect(failureOf(() => pool.delete())).toBe('none');
      closeSync(reused); // still open: nobody else has closed it
    });
  },
  ['overlay', 'mmap-io'],
);

describeEachKind('the handle of a pool', ({ create }) => {
  it('is a copy: changing it changes no pool', () => {
    const pool = create();
    const { handle } = pool;
    (handle.id as unknown as number[]).fill(0);
    Object.assign(handle, { size: 0, fd: -1, byteOffset: 8, buffer: undefined });
    expectEmptyAndWhole(pool);
    Vmem.attach(pool.handle).detach();
  });

  it('is still to be had when this thread has detached', () => {
    const pool = create();
    const other = Vmem.attach(pool.handle);
    pool.detach();
    Vmem.attach(pool.handle).detach();
    expectEmptyAndWhole(other);
  });

  it.each(['overlay', 'anonymous', 'mmap-io', 'region'] as const)('is refused as one of %s', (backend) => {
    const { handle } = create();
    const files = handle.fd === -1 ? ['anonymous', 'region'] : [handle.backend];
    if (files.includes(backend)) return; // its own kind, or one that differs in nothing that could be known
    expect(failureOf(() => Vmem.attach({ ...handle, backend }))).toMatch(
      /^VmemError E(INVAL|CLOSED|NOTSUP)$/,
    );
  });
});

describe('a handle with a buffer of no buffer’s making', () => {
  it.each([
    ['a Proxy', (buffer: SharedArrayBuffer) => new Proxy(buffer, {})],
    ['an heir', (buffer: SharedArrayBuffer) => Object.create(buffer) as SharedArrayBuffer],
  ])('is refused: %s', (_, disguise) => {
    const { handle } = filePool(VMEM_MIN_POOL, { backend: 'anonymous' });
    const forged = { ...handle, buffer: disguise(handle.buffer!) };
    expect(failureOf(() => Vmem.attach(forged))).toMatch(/^VmemError E/);
  });
});
