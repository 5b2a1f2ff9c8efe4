// What a pool tells of its memory, beside what the system tells.

import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { VMEM_MIN_POOL, Vmem, type PoolInfo } from '@vmem-ts/vmem-api';
import { testOnTmpfs } from '../support/disk';
import { MIB, PAGE, POOL_DIR, describeEachKind, describeFiles, filePool, tracked } from '../support/pools';
import { failureOf, thrownBy } from '../support/thrown';
import { ask, nextMessage, startWorker } from '../support/worker';
import type { Answer } from './workers/pool-user';

const KINDS = { overlay: 'file', 'mmap-io': 'file', anonymous: 'anonymous', region: 'caller' } as const;
const POWERS = Array.from({ length: 31 }, (_, i) => 2 ** i);

const fileSystemOf = (dir: string): string =>
  execFileSync('df', ['--output=fstype', dir], { encoding: 'utf8' }).trim().split('\n').at(-1)!;

describeEachKind('info', ({ name, create }) => {
  const isFile = name === 'overlay' || name === 'mmap-io';

  it('tells what the pool is in', () => {
    const pool = create();
    const info = pool.info();
    const { dax, sync, baseAlignment } = info;
    expect(info).toEqual({
      backend: name,
      kind: KINDS[name],
      path: isFile ? realpathSync(POOL_DIR) : undefined,
      fileSystem: isFile ? fileSystemOf(POOL_DIR) : undefined,
      dax,
      sync,
      exclusive: false,
      size: pool.size,
      deviceSize: undefined,
      alignment: PAGE,
      baseAlignment,
    } satisfies PoolInfo);
    expect([false, ...(isFile ? [true] : [])]).toContain(dax);
    if (sync) expect([name, dax]).toEqual(['overlay', true]);
    expect(POWERS).toContain(baseAlignment);
    // a page, but for a buffer of fixed length
    if (name !== 'region') expect(baseAlignment).toBeGreaterThanOrEqual(PAGE);
  });

  it('is the same in another thread, that made the pool or not', async () => {
    const pool = create();
    const worker = startWorker('pool-user', pool.handle);
    await nextMessage<Answer>(worker);
    const { info } = await ask<Answer>(worker, { info: true });
    // each thread maps the file anew with that backend
    if (name === 'mmap-io') expect(info).toEqual({ ...pool.info(), baseAlignment: info?.baseAlignment });
    else expect(info).toEqual(pool.info());
  });

  it('is not to be had of a pool that is closed', () => {
    const pool = create();
    const other = Vmem.attach(pool.handle);
    other.detach();
    expect(thrownBy(() => other.info())).toMatchObject({ code: 'ECLOSED' });
    expect(pool.info().size).toBe(pool.size);
    pool.delete();
    expect(thrownBy(() => pool.info())).toMatchObject({ code: 'ECLOSED' });
  });
});

describeFiles('info', () => {
  testOnTmpfs('size=32m', 'knows a file system without DAX', ({ dir }) => {
    const pool = tracked(Vmem.create(dir, VMEM_MIN_POOL));
    expect(pool.info()).toMatchObject({ fileSystem: 'tmpfs', path: dir, dax: false, sync: false });
  });

  it('tells what a pool that grows can grow to', () => {
    const pool = filePool(VMEM_MIN_POOL, { maxSize: 64 * MIB });
    expect(pool.info()).toMatchObject({ size: 64 * MIB, alignment: PAGE });
  });
});

describe('info of memory of the caller', () => {
  it('is told though its buffer has been transferred', () => {
    const buffer = new ArrayBuffer(VMEM_MIN_POOL);
    const pool = tracked(Vmem.createInRegion(buffer));
    structuredClone(buffer, { transfer: [buffer] });
    expect(failureOf(() => pool.info())).toMatch(/^(none|VmemError ECLOSED)$/);
  });
});
