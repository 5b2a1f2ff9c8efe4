// Pools as a whole: their end, their check, attaching to them, many of them.

import {
  VMEM_MIN_POOL,
  vmem_attach,
  vmem_check,
  vmem_create,
  vmem_create_in_region,
  vmem_delete,
  vmem_detach,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_stats_print,
  type VMEM,
  type VmemHandle,
} from '@vmem-ts/vmem-api/libvmem';
import { testOnTmpfs } from '../../support/disk';
import { MIB, POOL_DIR, describeFiles, tracked } from '../../support/pools';
import { NOTHING_MORE, held, heldSince } from '../../support/process-resources';
import { nextMessage, startWorker } from '../../support/worker';
import { bytesAt, describeEachForm, expectEmptyAndWhole, outcome, script } from './forms';
import { everyFunction } from './every-function';

describeEachForm('vmem_delete', ({ name, create }) => {
  it('ends the pool: every use of it is EBADF, none a crash', () => {
    const vmp = create();
    const ptr = vmem_malloc(vmp, 100);
    const view = bytesAt(vmp, ptr, 100).fill(1);
    vmem_delete(vmp);
    for (const [call, failure] of everyFunction(vmp, ptr)) {
      expect([call.name, ...outcome(call)]).toEqual([call.name, failure, 'EBADF']);
      expect(vmem_errormsg()).toMatch(/delete/);
    }
    if (name !== 'region') expect(view.every((byte) => byte === 0)).toBe(true);
    else expect(view).toHaveLength(100);
  });

  it('EBADF for a pool that was deleted before', () => {
    const vmp = create();
    expect(outcome(() => vmem_delete(vmp))).toEqual([undefined, '']);
    expect(outcome(() => vmem_delete(vmp))).toEqual([undefined, 'EBADF']);
  });

  it('leaves other pools alone', () => {
    const [first, second] = [create(), create()];
    const ptr = vmem_malloc(second, 10_000);
    bytesAt(second, ptr, 10_000).fill(3);
    vmem_delete(first);
    expect(bytesAt(second, ptr, 10_000).every((byte) => byte === 3)).toBe(true);
    vmem_free(second, ptr);
    expectEmptyAndWhole(second);
  });

  it('ends it in other threads, too', async () => {
    const vmp = create();
    const worker = startWorker(script('guest'), vmp.handle);
    expect(await nextMessage(worker)).toBe('attached');
    vmem_delete(vmp);
    worker.postMessage('use it');
    const outcomes = await nextMessage<[string, unknown, string][]>(worker);
    expect(outcomes.length).toBeGreaterThan(8);
    for (const [call, , error] of outcomes) expect([call, error]).toEqual([call, 'EBADF']);
    worker.postMessage('delete it');
    expect(await nextMessage(worker)).toEqual(['', 'EBADF']);
  });
});

describe('vmem_delete', () => {
  it.each<[string, unknown]>([
    ['NULL', null],
    ['nothing', undefined],
    ['a number', 4096],
    ['an object', {}],
    ['a handle', { backend: 'overlay' }],
  ])('EINVAL, like every function, for %s', (_, vmp) => {
    for (const [call, failure] of everyFunction(vmp as VMEM, 4096)) {
      expect([call.name, ...outcome(call)]).toEqual([call.name, failure, 'EINVAL']);
    }
  });
});

describeFiles('vmem_delete', () => {
  testOnTmpfs('size=64m', 'gives the space back at once, as df shows it, though views exist', (disk) => {
    const before = disk.used();
    const vmp = tracked(vmem_create(disk.dir, 32 * MIB)!);
    const view = bytesAt(vmp, vmem_malloc(vmp, 16 * MIB), 16 * MIB).fill(1);
    expect(disk.used() - before).toBeGreaterThanOrEqual(32 * MIB);
    vmem_delete(vmp);
    expect(disk.used()).toBe(before);
    expect(view[12_345]).toBe(0);
    expect(disk.used()).toBe(before);
  });
});

describeEachForm('vmem_check', ({ create }) => {
  it('is 1 for a pool in order, in any state of use', () => {
    const vmp = create();
    expect(outcome(() => vmem_check(vmp))).toEqual([1, '']);
    const pointers = Array.from({ length: 1000 }, (_, i) => vmem_malloc(vmp, i * 10));
    expect(vmem_check(vmp)).toBe(1);
    for (const ptr of pointers) vmem_free(vmp, ptr);
    expect(vmem_check(vmp)).toBe(1);
  });

  it('is 0 for one whose own data were written over, says what is wrong, and changes nothing', () => {
    const vmp = create();
    vmem_malloc(vmp, 100);
    const head = bytesAt(vmp, 0, MIB);
    head.fill(0xff, 40_000, 60_000);
    const damaged = head.slice();
    expect(outcome(() => vmem_check(vmp))).toEqual([0, expect.stringMatching(/^(EIO)?$/)]);
    expect(vmem_errormsg()).toMatch(/\[[A-Z]+-\d+\]/);
    expect(Buffer.compare(damaged, head)).toBe(0);
  });

  it('is -1 for one that can’t be checked', () => {
    const vmp = create();
    vmem_delete(vmp);
    expect(outcome(() => vmem_check(vmp))).toEqual([-1, 'EBADF']);
    expect(outcome(() => vmem_check(null))).toEqual([-1, 'EINVAL']);
  });
});

describeEachForm('vmem_attach, vmem_detach', ({ create }) => {
  it('let another thread use the same blocks', async () => {
    const vmp = create();
    const ptr = vmem_malloc(vmp, 64);
    const worker = startWorker(script('guest'), vmp.handle);
    expect(await nextMessage(worker)).toBe('attached');
    worker.postMessage({ free: ptr, malloc: 5000 });
    const theirs = await nextMessage<number>(worker);
    expect(bytesAt(vmp, theirs, 5000).every((byte) => byte === 9)).toBe(true);
    expect(vmem_malloc_usable_size(vmp, theirs)).toBeGreaterThanOrEqual(5000);
    worker.postMessage('detach');
    expect(await nextMessage(worker)).toEqual(['', 'EBADF']);
    vmem_free(vmp, theirs);
    expectEmptyAndWhole(vmp);
  });

  it('fail with an errno for what is no handle, and for that of a deleted pool', () => {
    const vmp = create();
    const { handle } = vmp;
    vmem_delete(vmp);
    expect(outcome(() => vmem_attach(handle))).toEqual([null, 'EBADF']);
    for (const wrong of [null, undefined, 1, {}, { ...handle, backend: 'none' }]) {
      expect(outcome(() => vmem_attach(wrong as VmemHandle))).toEqual([null, 'EINVAL']);
    }
    expect(outcome(() => vmem_detach(vmp))).toEqual([undefined, 'EBADF']);
  });

  it('leave the pool to be deleted by a thread that has detached', () => {
    const vmp = create();
    vmem_detach(vmp);
    expect(outcome(() => vmem_malloc(vmp, 1))).toEqual([0, 'EBADF']);
    expect(outcome(() => vmem_delete(vmp))).toEqual([undefined, '']);
  });
});

describeFiles('vmem_multiple_pools', () => {
  it('makes and deletes pools of both forms in turn, and leaks neither descriptors nor mappings', () => {
    const POOLS = 8;
    const regions = Array.from({ length: POOLS / 2 }, () => new SharedArrayBuffer(VMEM_MIN_POOL));
    const pools: (VMEM | null)[] = Array.from({ length: POOLS }, () => null);
    const before = held();
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < POOLS; i++) {
        if (pools[i] !== null) vmem_delete(pools[i]);
        const vmp =
          i % 2 === 0
            ? vmem_create_in_region(regions[i / 2], VMEM_MIN_POOL)
            : vmem_create(POOL_DIR, VMEM_MIN_POOL);
        pools[i] = tracked(vmp!);
        const ptr = vmem_malloc(vmp, 8);
        expect(ptr).not.toBe(0);
        vmem_free(vmp, ptr);
      }
    }
    for (const vmp of pools) vmem_delete(vmp);
    expect(heldSince(before)).toEqual(NOTHING_MORE);
  });

  it('does so in several threads at once', async () => {
    const before = held();
    const workers = Array.from({ length: 4 }, () =>
      startWorker(script('pool-maker'), { dir: POOL_DIR, pools: 4, rounds: 10 }),
    );
    expect(await Promise.all(workers.map((worker) => nextMessage(worker)))).toEqual(workers.map(() => ''));
    await Promise.all(workers.map((worker) => worker.terminate()));
    expect(heldSince(before)).toEqual(NOTHING_MORE);
  });

  it('never hands out a block of one pool for another', () => {
    const pools = Array.from({ length: 10 }, () => tracked(vmem_create(POOL_DIR, VMEM_MIN_POOL)!));
    const blocks = pools.map((vmp, i) => {
      const ptr = vmem_malloc(vmp, 1000);
      bytesAt(vmp, ptr, 1000).fill(i);
      return ptr;
    });
    pools.forEach((vmp, i) => {
      expect(bytesAt(vmp, blocks[i], 1000).every((byte) => byte === i)).toBe(true);
      vmem_free(vmp, blocks[i]);
      expectEmptyAndWhole(vmp);
    });
  });
});

it('vmem_stats_print of a pool that was deleted prints nothing', () => {
  const vmp = vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL)!;
  vmem_delete(vmp);
  expect(outcome(() => vmem_stats_print(vmp, null))).toEqual([undefined, 'EBADF']);
});
