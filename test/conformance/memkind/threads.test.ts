// Kinds and threads: each thread with kinds of its own, all with one, and how they learn of each other's.

import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import {
  MEMKIND_DEFAULT,
  MEMKIND_ERROR_INVALID,
  MEMKIND_ERROR_OPERATION_FAILED,
  MEMKIND_SUCCESS,
  PmemKind,
  errno,
  memkind_attach,
  memkind_detach,
  memkind_detect_kind,
  memkind_free,
  memkind_malloc,
  memkind_set_allow_zero_allocs,
  memkind_view,
  setErrno,
} from '@vmem-ts/vmem-api/memkind';
import { KIB, attachKind, expectDestroyed, newKind, nowhere, startKindWorker } from '../../support/kinds';
import { MIB, POOL_DIR, describeFiles } from '../../support/pools';
import { NOTHING_MORE, held, heldSince } from '../../support/process-resources';
import { failureOf } from '../../support/thrown';
import { ask, exitOf, nextMessage } from '../../support/worker';
import type { Answer, Question } from './workers/kind-user';

const { EFAULT, EBADF } = constants.errno;

async function ended(worker: Worker): Promise<void> {
  const exit = exitOf(worker);
  worker.postMessage({ end: true } satisfies Question);
  await exit;
}

/** A worker that holds what it is told to. */
async function user(handle?: PmemKind['handle']): Promise<(question: Question) => Promise<Answer>> {
  const worker = startKindWorker('kind-user', handle);
  await nextMessage(worker);
  return (question) => ask<Answer>(worker, question);
}

describeFiles('memkind_create_pmem multithreads', () => {
  it('multithreads: each makes kinds, uses and destroys them; no number is given twice', async () => {
    const before = held();
    const rounds = 30;
    const workers = Array.from({ length: 8 }, () =>
      startKindWorker('kind-maker', { dir: POOL_DIR, rounds, keep: 3 }),
    );
    const exits = workers.map(exitOf);
    const ids = (await Promise.all(workers.map((worker) => nextMessage<number[]>(worker)))).flat();
    await Promise.all(exits);
    expect(ids).toHaveLength(8 * rounds);
    expect(new Set(ids).size).toBe(ids.length);
    expect(heldSince(before)).toEqual(NOTHING_MORE);
  });

  it('multithreads: workers of workers take part in the numbering', async () => {
    const workers = [0, 1].map(() => startKindWorker('kind-maker', { dir: POOL_DIR, rounds: 10, depth: 2 }));
    const ids = (await Promise.all(workers.map((worker) => nextMessage<number[]>(worker)))).flat();
    expect(ids).toHaveLength(2 * 3 * 10);
    expect(new Set([...ids, newKind().id]).size).toBe(ids.length + 1);
  });

  it('multithreads one kind: blocks go from thread to thread, and each is freed once', async () => {
    const kind = newKind(64 * MIB);
    const threads = 6;
    const count = 5000;
    const board = new SharedArrayBuffer(threads * count * 8 + 16);
    const workers = Array.from({ length: threads }, (_, me) =>
      startKindWorker('kind-trader', { handle: kind.handle, board, me, threads, count }),
    );
    const results = await Promise.all(workers.map((worker) => nextMessage<string>(worker)));
    expect(new Set(results)).toEqual(new Set(['ok']));
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(kind.check()).toBe(1);
    expect(kind.stats().liveBlocks).toBe(0);
  });

  it('multithreads: kinds that their thread left behind are there for others', async () => {
    const worker = startKindWorker('kind-user', undefined);
    await nextMessage(worker);
    const { handle, ptr } = await ask<Answer>(worker, { create: POOL_DIR, malloc: 1000 });
    const kind = attachKind(handle!);
    await ended(worker);
    expect(memkind_detect_kind(ptr!)).toBe(kind);
    memkind_free(null, ptr!);
    expect(kind.stats().liveBlocks).toBe(0);
  });
});

describeFiles('memkind_attach', () => {
  it('gives another thread the kind: the same number, the same pointers', async () => {
    const kind = newKind();
    const mine = memkind_malloc(kind, KIB);
    memkind_view(Uint8Array, mine, KIB)!.fill(42);
    const they = await user(kind.handle);
    expect(await they({ detect: mine })).toMatchObject({ id: kind.id, byte: 42 });
    const { ptr } = await they({ malloc: KIB });
    expect(memkind_detect_kind(ptr!)).toBe(kind);
    memkind_free(null, ptr!);
    expect(await they({ free: mine })).toMatchObject({ errno: 0 });
    expect(memkind_detect_kind(mine)).toBe(null);
    expect(await they({ free: mine })).toMatchObject({ errno: EFAULT });
  });

  it('in a thread that has the kind gives that', () => {
    const kind = newKind();
    expect(attachKind(structuredClone(kind.handle))).toBe(kind);
    expect(kind.stats().threads).toBe(1);
  });

  it('after detach gives the kind anew', () => {
    const kind = newKind();
    const { handle } = kind;
    const ptr = memkind_malloc(kind, 100);
    expect(memkind_detach(kind)).toBe(MEMKIND_SUCCESS);
    expect(memkind_detach(kind)).toBe(MEMKIND_ERROR_OPERATION_FAILED);
    expect(memkind_detect_kind(ptr)).toBe(null);
    setErrno(0);
    memkind_free(null, ptr);
    expect(errno()).toBe(EFAULT);
    const again = attachKind(handle);
    expect(again).not.toBe(kind);
    expect(again.id).toBe(kind.id);
    memkind_free(null, ptr);
    expect(again.stats()).toMatchObject({ liveBlocks: 0, threads: 1 });
  });

  it('of a destroyed kind, of what is no handle, fails', () => {
    const kind = newKind();
    const { handle } = kind;
    expectDestroyed(kind);
    expect(memkind_attach(handle, nowhere())).not.toBe(MEMKIND_SUCCESS);
    expect(errno()).toBe(EBADF);
    const good = newKind().handle;
    const wrong = [
      null,
      {},
      { ...good, id: 0 },
      { ...good, id: 8192 },
      { ...good, tag: 0 },
      { ...good, pool: {} },
    ];
    for (const bad of wrong) expect(memkind_attach(bad as never, nowhere())).toBe(MEMKIND_ERROR_INVALID);
    expect(memkind_attach(good, null as never)).toBe(MEMKIND_ERROR_INVALID);
  });

  it('a kind that another thread destroys is gone for all', async () => {
    const kind = newKind();
    const ptr = memkind_malloc(kind, 100);
    const they = await user(kind.handle);
    expectDestroyed(kind);
    expect(await they({ malloc: 100 })).toMatchObject({ ptr: 0, errno: EBADF });
    expect(await they({ detect: ptr })).toEqual({ errno: 0 }); // of none
    expect((await they({ free: ptr })).errno).not.toBe(0);
    const next = newKind();
    expect(await they({ attach: next.handle, malloc: 100 })).toMatchObject({ errno: 0 });
    expect(await they({ destroy: true })).toMatchObject({ errno: 0 });
    expect(memkind_malloc(next, 10)).toBe(0);
    expect(errno()).toBe(EBADF);
  });

  it('of another kind with the same number: EEXIST', () => {
    const kind = newKind();
    const other = newKind();
    const forged = { ...other.handle, id: kind.id };
    expectDestroyed(other);
    const third = newKind();
    expect(failureOf(() => PmemKind.attach({ ...third.handle, id: kind.id }))).toBe('VmemError EEXIST');
    expect(memkind_attach({ ...forged, pool: third.handle.pool }, nowhere())).toBe(MEMKIND_ERROR_INVALID);
    expect(third.stats().threads).toBe(1);
  });
});

describeFiles('threads without a common parent that has loaded the module', () => {
  it('have numbers of their own, and are refused where these meet', async () => {
    // here this thread has loaded it; so they are started by one that has not
    const root = new Worker(
      `const { Worker, setEnvironmentData } = require('node:worker_threads');
       setEnvironmentData('@vmem-ts/vmem-api kinds 2', undefined);
       const { parentPort, workerData } = require('node:worker_threads');
       const start = () => new Promise((resolve) => {
         const worker = new Worker(workerData.script);
         worker.once('message', () => resolve(worker));
       });
       const ask = (worker, question) => new Promise((resolve) => {
         worker.once('message', resolve);
         worker.postMessage(question);
       });
       (async () => {
         const [a, b] = [await start(), await start()];
         const made = await ask(a, { create: workerData.dir, malloc: 100 });
         const guest = await ask(b, { attach: made.handle, detect: made.ptr });
         const own = await ask(b, { create: workerData.dir, malloc: 100 });
         const clash = await ask(a, { create: workerData.dir, malloc: 100 });
         const refused = await ask(b, { attach: clash.handle });
         parentPort.postMessage({ made: made.handle.id, guest, own: own.handle.id, clash: clash.handle.id, refused });
         process.exit();
       })();`,
      { eval: true, workerData: { script: require.resolve('./workers/kind-user.js'), dir: POOL_DIR } },
    );
    const result = await nextMessage<Record<string, unknown>>(root);
    await root.terminate();
    expect(result).toMatchObject({
      made: 1,
      guest: { id: 1, errno: 0 },
      own: 2, // 1 is in use here, by the other family's kind
      clash: 2,
      refused: { errno: constants.errno.EEXIST },
    });
  });
});

describeFiles('MEMKIND_DEFAULT', () => {
  it('is shared with workers that are started after it was used', async () => {
    const ptr = memkind_malloc(MEMKIND_DEFAULT, 100);
    memkind_view(Uint8Array, ptr, 100)!.fill(9);
    const they = await user();
    expect(await they({ detect: ptr })).toMatchObject({ name: 'MEMKIND_DEFAULT', byte: 9 });
    expect(await they({ free: ptr })).toMatchObject({ errno: 0 });
    expect(memkind_detect_kind(ptr)).toBe(null);
    const { ptr: theirs } = await they({ mallocDefault: 100 });
    expect(memkind_detect_kind(theirs!)).toBe(MEMKIND_DEFAULT);
    memkind_free(null, theirs!);
  });
});

describeFiles('memkind_set_allow_zero_allocs in threads', () => {
  it('allow_zero_allocs holds in every thread', async () => {
    const kind = newKind();
    const they = await user(kind.handle);
    expect(await they({ malloc: 0 })).toMatchObject({ ptr: 0 });
    memkind_set_allow_zero_allocs(kind, true);
    const { ptr } = await they({ malloc: 0 });
    expect(memkind_detect_kind(ptr!)).toBe(kind);
  });
});
