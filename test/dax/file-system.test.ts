// Pools on a file system with DAX.

import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem, type PoolInfo } from '@vmem-ts/vmem-api';
import { MEMKIND_SUCCESS, PmemKind, memkind_check_dax_path } from '@vmem-ts/vmem-api/memkind';
import { DAX_BLOCK_DEVICE, describeDax, mappingsOf } from '../support/dax';
import { usedBytes } from '../support/disk-usage';
import { MIB, PAGE, tracked } from '../support/pools';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { Answer } from '../pools/workers/pool-user';
import { killOwner, openElsewhere } from './processes';
import { testSharing } from './sharing';

const HUGE_PAGE = 2 * MIB;

describeDax('a pool on a file system with DAX', 'DIR', (dir) => {
  const create = (options = {}, size = 32 * MIB): Vmem => tracked(Vmem.create(dir, size, options));

  it('tells what it is, in each thread', async () => {
    const pool = create();
    const info = pool.info();
    expect(info).toEqual({
      backend: 'overlay',
      kind: 'file',
      path: realpathSync(dir),
      fileSystem: execFileSync('df', ['--output=fstype', dir], { encoding: 'utf8' })
        .trim()
        .split('\n')
        .at(-1),
      dax: true,
      sync: true,
      exclusive: false,
      size: 32 * MIB,
      deviceSize: undefined,
      alignment: PAGE,
      baseAlignment: info.baseAlignment,
    } satisfies PoolInfo);
    expect(info.baseAlignment).toBeGreaterThanOrEqual(HUGE_PAGE);
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    expect((await ask<Answer>(worker, { info: true })).info).toEqual(info);
    expect(memkind_check_dax_path(dir)).toBe(MEMKIND_SUCCESS);
  });

  it('is mapped with MAP_SYNC, at a huge page', () => {
    const pool = create();
    const [mapping, ...others] = mappingsOf(`${realpathSync(dir)}/`);
    expect(others).toEqual([]);
    expect(mapping).toMatchObject({ bytes: 32 * MIB, flags: expect.arrayContaining(['sf']) as string[] });
    expect(mapping.start % HUGE_PAGE).toBe(0);
    pool.delete();
    expect(mappingsOf(`${realpathSync(dir)}/`)).toEqual([]);
  });

  it('grows in each thread, with MAP_SYNC, and gives pages and file back', async () => {
    const before = usedBytes(dir);
    const pool = create({ maxSize: 128 * MIB }, VMEM_MIN_POOL);
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage(worker);
    const { ptr } = await ask<Answer>(worker, { malloc: 40 * MIB });
    const here = pool.alloc(Uint8Array, 40 * MIB).fill(1);
    pool.view(Uint8Array, ptr!, 40 * MIB).fill(2);
    const mappings = mappingsOf(`${realpathSync(dir)}/`);
    expect(mappings.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(80 * MIB);
    expect(mappings.filter(({ flags }) => !flags.includes('sf'))).toEqual([]);
    const most = usedBytes(dir);
    pool.free(ptr!);
    pool.free(here);
    await ask(worker, { detach: true });
    expect(pool.purge()).toBeGreaterThan(60 * MIB);
    expect(usedBytes(dir)).toBeLessThan(most - 60 * MIB);
    // the worker keeps a block
    expect([pool.check(), pool.stats().liveBlocks]).toEqual([1, 1]);
    pool.delete();
    expect(usedBytes(dir)).toBe(before);
  });

  it('is no other one’s: two at a time have a file each', () => {
    const pool = create();
    expect(openElsewhere(dir, MIB)).toEqual({ failure: 'none', isZero: true });
    const kind = PmemKind.create(dir, 32 * MIB);
    expect(kind.info()).toMatchObject({ kind: 'file', dax: true, sync: true });
    kind.delete();
    expect(pool.check()).toBe(1);
  });

  it('leaves nothing when its process is killed', async () => {
    const before = usedBytes(dir);
    await killOwner(dir, () => expect(usedBytes(dir)).toBeGreaterThanOrEqual(before + 16 * MIB));
    expect(usedBytes(dir)).toBe(before);
    expect(openElsewhere(dir, MIB)).toEqual({ failure: 'none', isZero: true });
  });

  it('leaves its contents on the block device, until the file system gives the blocks to another file', () => {
    const text = `left on the file system: ${Math.random()}`;
    const pool = create();
    const block = pool.alloc(Uint8Array, MIB);
    Buffer.from(block.buffer, block.byteOffset).write(text);
    pool.delete();
    expect(openElsewhere(dir, 24 * MIB)).toEqual({ failure: 'none', isZero: true });
    if (DAX_BLOCK_DEVICE === undefined) return;
    const second = create();
    const other = second.alloc(Uint8Array, MIB);
    Buffer.from(other.buffer, other.byteOffset).write(text);
    second.delete();
    const found = execFileSync('grep', ['-a', '-c', '-m', '1', text, DAX_BLOCK_DEVICE], { encoding: 'utf8' });
    expect(found.trim()).toBe('1');
  });

  testSharing(() => create());
});
