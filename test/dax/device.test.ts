// Pools on DAX devices of each alignment.

import { execFileSync } from 'node:child_process';
import { constants } from 'node:buffer';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Vmem, type PoolInfo } from '@vmem-ts/vmem-api';
import {
  MEMKIND_SUCCESS,
  PmemKind,
  memkind_check_dax_path,
  memkind_pmem_validate_dir,
} from '@vmem-ts/vmem-api/memkind';
import { describeDax, factsOf, mappingsOf } from '../support/dax';
import { MIB, PAGE, expectEmptyAndWhole, tracked } from '../support/pools';
import { countOpenFiles } from '../support/process-resources';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { Answer } from '../pools/workers/pool-user';
import { countElsewhere, killOwner, openElsewhere } from './processes';
import { testSharing } from './sharing';

/** What tests write, and read back: all of a device would take minutes in an emulated machine. */
const SAMPLE = 32 * MIB;

describeDax('a pool on a device of each alignment', 'DEVICES', (device) => {
  const { size: deviceSize, alignment, sysfs } = factsOf(device);
  const create = (options = {}): Vmem => tracked(Vmem.create(device, 0, options));

  it('tells what it is, in each thread', async () => {
    const pool = create();
    const room = constants.MAX_LENGTH - (alignment > PAGE ? alignment : 0);
    const size = Math.floor(Math.min(deviceSize, room) / alignment) * alignment;
    const info = pool.info();
    expect(info).toEqual({
      backend: 'overlay',
      kind: 'device',
      path: realpathSync(device),
      fileSystem: undefined,
      dax: true,
      sync: false,
      exclusive: true,
      size,
      deviceSize,
      alignment,
      baseAlignment: info.baseAlignment,
    } satisfies PoolInfo);
    expect(info.baseAlignment).toBeGreaterThanOrEqual(alignment);
    expect(pool.size).toBe(size);
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    expect((await ask<Answer>(worker, { info: true })).info).toEqual(info);
  });

  it('is one mapping that begins at a multiple of the alignment, and ends with the pool', () => {
    const pool = create();
    const mappings = mappingsOf(realpathSync(device));
    expect(mappings).toMatchObject([{ bytes: pool.size }]);
    expect(mappings[0].start % alignment).toBe(0);
    pool.delete();
    expect(mappingsOf(realpathSync(device))).toEqual([]);
  });

  it('begins inside its buffer where that is not aligned', () => {
    // V8 chooses addresses at random, at multiples of a page at least
    const fillers: SharedArrayBuffer[] = [];
    const offsets: number[] = [];
    for (let attempt = 0; attempt < 20; attempt++) {
      const pool = create();
      offsets.push(pool.byteOffset);
      expect(pool.info().baseAlignment).toBeGreaterThanOrEqual(alignment);
      const last = pool.buffer.byteLength - pool.byteOffset - pool.size;
      expect(Math.min(last, pool.byteOffset)).toBeGreaterThanOrEqual(0);
      expectUsable(pool);
      pool.delete();
      if (pool.byteOffset > 0) break;
      fillers.push(new SharedArrayBuffer(PAGE, { maxByteLength: (attempt + 1) * 17 * PAGE }));
    }
    if (alignment === PAGE) expect(new Set(offsets)).toEqual(new Set([0]));
    else expect(offsets.at(-1)).toBeGreaterThan(0);
    expect(fillers.length).toBeLessThan(21);
  });

  it('has all of the device that a pool can have, or is refused', () => {
    const pool = create();
    const isWhole = pool.size === Math.floor(deviceSize / alignment) * alignment;
    expect(isWhole).toBe(deviceSize + alignment <= constants.MAX_LENGTH);
    expectUsable(pool);
    pool.delete();
    const refused = failureOf(() => create({ wholeDevice: true }));
    expect(refused).toBe(isWhole ? 'none' : 'VmemError ENOTSUP');
    if (!isWhole)
      expect(thrownBy(() => create({ wholeDevice: true })).message).toMatch(/4 GiB in one buffer/);
  });

  it('has a part of it with maxSize, in whole units', () => {
    const pool = create({ maxSize: 32 * MIB });
    expect(pool.size).toBe(Math.max(32 * MIB, alignment));
    expect(pool.info().deviceSize).toBe(deviceSize);
    const [ptr, most] = [pool.malloc(16 * MIB), 16 * MIB];
    pool.view(Uint8Array, ptr, most).fill(1);
    expect(pool.check()).toBe(1);
  });

  it('is a kind of memkind, of its limit', () => {
    for (const check of [memkind_check_dax_path, memkind_pmem_validate_dir]) {
      expect(check(device)).toBe(MEMKIND_SUCCESS);
    }
    const kind = PmemKind.create(device, 32 * MIB);
    try {
      expect([kind.size, kind.capacity]).toEqual(Array(2).fill(Math.max(32 * MIB, alignment)));
      expect(kind.info()).toMatchObject({ kind: 'device', exclusive: true });
      expect(PmemKind.detect(kind.malloc(1000))).toBe(kind);
    } finally {
      kind.delete();
    }
    const whole = PmemKind.create(device);
    expect(whole.capacity).toBe(whole.size);
    whole.delete();
  });

  describe('of which sysfs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmem-test-sysfs-'));
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    // as if the kernel said so
    it.each([
      ['tells no size', 'size', ''],
      ['tells a size in words', 'size', 'much'],
      ['tells no alignment', 'align', ''],
      ['tells an alignment that can be none', 'align', '12345'],
    ])('%s is refused (EIO)', (_, name, text) => {
      const path = realpathSync(join(sysfs, name));
      const fake = join(folder, name);
      writeFileSync(fake, `${text}\n`);
      execFileSync('mount', ['-o', 'bind', fake, path]);
      const before = countOpenFiles();
      try {
        expect(thrownBy(() => create())).toMatchObject({ name: 'VmemError', code: 'EIO' });
        expect(countOpenFiles()).toBe(before);
      } finally {
        execFileSync('umount', [path]);
      }
    });

    it('tells less than a pool needs is refused (EINVAL)', () => {
      const path = realpathSync(join(sysfs, 'size'));
      writeFileSync(join(folder, 'small'), `${8 * MIB}\n`);
      execFileSync('mount', ['-o', 'bind', join(folder, 'small'), path]);
      try {
        expect(thrownBy(() => create())).toMatchObject({ code: 'EINVAL' });
      } finally {
        execFileSync('umount', [path]);
      }
    });
  });
});

describeDax('a device', 'DEVICE', (device) => {
  const create = (): Vmem => tracked(Vmem.create(device, 0));

  it('keeps others out, in this process and elsewhere, until it is deleted', () => {
    const before = countOpenFiles();
    const pool = create();
    expect(failureOf(() => create())).toBe('VmemError EBUSY');
    expect(thrownBy(() => create()).message).toContain(device);
    expect(openElsewhere(device).failure).toBe('VmemError EBUSY');
    expectUsable(pool);
    pool.delete();
    expect(countOpenFiles()).toBe(before);
    expect(openElsewhere(device).failure).toBe('none');
  });

  it('is let go of at once though other threads have it and views are left', async () => {
    const pool = create();
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    await ask(worker, { keepView: 1000 });
    const view = pool.alloc(Uint8Array, 1000).fill(5);
    pool.delete();
    expect(openElsewhere(device).failure).toBe('none');
    expect(view.every((byte) => byte === 0)).toBe(true);
    expect((await ask<Answer>(worker, { readView: true })).sum).toBe(0);
  });

  it('leaves what was written on the device, for other programs to read, and not to calloc', () => {
    const text = `left on the device: ${Math.random()}`;
    const pool = create();
    // below what the heaps of the next pools write
    const block = pool.alloc(Uint8Array, SAMPLE / 2);
    Buffer.from(block.buffer, block.byteOffset + SAMPLE / 4).write(text);
    const place = block.byteOffset - pool.byteOffset + SAMPLE / 4;
    const most = Math.max(SAMPLE, place + MIB);
    expect(countElsewhere(device, text, most)).toBe(1);
    pool.delete();
    expect(countElsewhere(device, text, most)).toBe(1);
    expect(openElsewhere(device, SAMPLE)).toEqual({ failure: 'none', isZero: true });
  });

  it('is free again when its process was killed, and nothing of it is left for calloc', async () => {
    await killOwner(device, () => expect(failureOf(() => create())).toBe('VmemError EBUSY'));
    expect(openElsewhere(device, SAMPLE)).toEqual({ failure: 'none', isZero: true });
    expectUsable(create());
  });

  testSharing(create);
});

function expectUsable(pool: Vmem): void {
  const [small, large] = [pool.alloc(Uint8Array, 100).fill(1), pool.alloc(Uint8Array, MIB).fill(2)];
  expect(pool.check()).toBe(1);
  expect([small[99], large[MIB - 1]]).toEqual([1, 2]);
  pool.free(small);
  pool.free(large);
  expectEmptyAndWhole(pool);
}
