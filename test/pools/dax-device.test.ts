// Pools on a device. That of a DAX device, whose contents are lost, runs only where VMEM_TEST_DAX_DEVICE names one, such as
// /dev/dax0.0.

import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { readdirSync, statSync } from 'node:fs';
import { Vmem } from '@vmem-ts/vmem-api';
import { errno, vmem_create, vmem_delete } from '@vmem-ts/vmem-api/libvmem';
import { describeDax } from '../support/dax';
import { describeFiles, tracked } from '../support/pools';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, nextMessage, scriptPath, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';

describeFiles('a device', () => {
  it('that is no DAX device is refused, and closed again', () => {
    const before = readdirSync('/proc/self/fd').length;
    expect(failureOf(() => Vmem.create('/dev/null', 64 * 2 ** 20, { backend: 'overlay' }))).toBe(
      'VmemError ENODEV',
    );
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });

  it('is told by its path, and why it can’t be used', () => {
    const words = (path: string): string => thrownBy(() => Vmem.create(path, 2 ** 24)).message;
    expect(words('/dev/zero')).toMatch(/'\/dev\/zero' is no DAX device/);
    const disk = readdirSync('/dev').find((name) => statSync(`/dev/${name}`).isBlockDevice());
    if (disk !== undefined) expect(words(`/dev/${disk}`)).toMatch(/ is a block device; name a directory/);
  });

  it('is not even opened if it is no DAX device', () => {
    // to open one's terminal fails in another way where there is none
    const { status, stdout } = spawnSync(
      'setsid',
      [process.execPath, scriptPath('device-opener'), '/dev/tty'],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stdout]).toEqual([0, 'VmemError ENODEV']);
  });

  it.each(['yes', 1, null])('is wanted whole or not, and not %p', (wholeDevice) => {
    const options = { wholeDevice: wholeDevice as unknown as boolean };
    const create = (): Vmem => Vmem.create('/dev/null', 2 ** 24, options);
    expect(failureOf(create)).toBe('VmemError EINVAL');
  });

  it('is a name like others for anonymous memory', () => {
    expect(failureOf(() => Vmem.create('/dev/null', 2 ** 24, { backend: 'anonymous' }).delete())).toBe(
      'none',
    );
  });
});

describeDax('a DAX device', 'DEVICE', (device) => {
  const create = (size = 0): Vmem => tracked(Vmem.create(device, size, { backend: 'overlay' }));

  it('is a pool as a whole, whatever size is asked for', () => {
    const pool = create();
    expect(pool.size).toBeGreaterThan(64 * 2 ** 20);
    expect(pool.size % 4096).toBe(0);
    const most = Math.floor(0.9 * pool.size);
    const ptr = pool.malloc(most);
    const block = pool.view(Uint8Array, ptr, most);
    block[0] = block[block.length - 1] = 1;
    expect(pool.check()).toBe(1);
    const { size } = pool;
    pool.delete();
    expect(create(2 ** 40).size).toBe(size);
  });

  it('has nothing of its last pool for calloc', () => {
    const first = create();
    const bytes = Math.min(Math.floor(first.size / 2), 96 * 2 ** 20);
    first.alloc(Uint8Array, bytes).fill(0x5a);
    for (let i = 0; i < 1000; i++) first.alloc(Uint8Array, 1000).fill(0x5a);
    first.delete();
    const second = create();
    for (let i = 0; i < 1000; i++) {
      const small = second.view(Uint8Array, second.calloc(1, 1000), 1000);
      expect(small.every((byte) => byte === 0)).toBe(true);
    }
    const large = second.view(Float64Array, second.calloc(1, bytes), bytes >>> 3);
    expect(large.findIndex((word) => word !== 0)).toBe(-1);
    expect(second.check()).toBe(1);
  });

  it('has one pool at a time', () => {
    const pool = create();
    expect(failureOf(() => create())).toBe('VmemError EBUSY');
    expect([vmem_create(device, 0), errno()]).toEqual([null, constants.errno.EBUSY]);
    pool.delete();
    const vmp = vmem_create(device, 0);
    expect(vmp?.check()).toBe(1);
    vmem_delete(vmp);
  });

  it('is shared by threads, and gives no pages back', async () => {
    const pool = create();
    const worker = startWorker('pool-user', pool.handle);
    expect((await nextMessage<Answer>(worker)).failure).toBe('none');
    const { ptr } = await ask<Answer>(worker, { malloc: 1_000_000 });
    pool.view(Uint8Array, ptr!, 1_000_000).fill(1);
    pool.free(ptr!);
    expect([pool.purge(), pool.check()]).toEqual([0, 1]);
    await worker.terminate();
    pool.delete();
    expect(failureOf(() => pool.malloc(1))).toBe('VmemError ECLOSED');
  });
});
