// Pools in a caller's own memory.

import { runInNewContext } from 'node:vm';
import { VMEM_MIN_POOL, Vmem, type VmemRegion } from '@vmem-ts/vmem-api';
import { PAGE, expectEmptyAndWhole, tracked } from '../support/pools';
import { failureOf, thrownBy } from '../support/thrown';

const create = (region: VmemRegion): Vmem => tracked(Vmem.createInRegion(region));

const REGIONS: [string, () => VmemRegion][] = [
  ['a SharedArrayBuffer', () => new SharedArrayBuffer(VMEM_MIN_POOL)],
  [
    'a growable SharedArrayBuffer',
    () => new SharedArrayBuffer(VMEM_MIN_POOL, { maxByteLength: 2 * VMEM_MIN_POOL }),
  ],
  ['an ArrayBuffer', () => new ArrayBuffer(VMEM_MIN_POOL)],
  ['a resizable ArrayBuffer', () => new ArrayBuffer(VMEM_MIN_POOL, { maxByteLength: 2 * VMEM_MIN_POOL })],
  ['a Uint8Array', () => new Uint8Array(VMEM_MIN_POOL)],
  ['a Float64Array', () => new Float64Array(new ArrayBuffer(VMEM_MIN_POOL))],
  ['a DataView', () => new DataView(new SharedArrayBuffer(VMEM_MIN_POOL))],
  ['a Buffer', () => Buffer.alloc(VMEM_MIN_POOL)],
  [
    'a view that begins at a page',
    () => new Uint8Array(new SharedArrayBuffer(VMEM_MIN_POOL + 3 * PAGE), 2 * PAGE, VMEM_MIN_POOL),
  ],
];

describe.each(REGIONS)('a pool in %s', (_, make) => {
  it('is a pool like others, and loses what was there', () => {
    const region = make();
    const bytes = ArrayBuffer.isView(region)
      ? new Uint8Array(region.buffer, region.byteOffset, region.byteLength)
      : new Uint8Array(region, 0, region.byteLength);
    bytes.fill(0xff);
    const pool = create(region);
    expect(pool.backend).toBe('region');
    expect(pool.buffer).toBe(bytes.buffer);
    expect(pool.byteOffset).toBe(bytes.byteOffset);
    expect(pool.size).toBe(region.byteLength);
    const views = Array.from({ length: 300 }, (_, i) => pool.alloc(Uint8Array, 1 + i * 40).fill(i));
    expect(views.every((view, i) => view.every((byte) => byte === (i & 255)))).toBe(true);
    expect(
      views.every(
        (view) => view.byteOffset > bytes.byteOffset && view.byteOffset < bytes.byteOffset + bytes.length,
      ),
    ).toBe(true);
    expect(pool.calloc(1000, 8)).toBeGreaterThan(0);
    expect(pool.check()).toBe(1);
  });

  it('leaves the memory to the caller when it is deleted', () => {
    const region = make();
    const pool = create(region);
    const view = pool.alloc(Uint8Array, 1000).fill(5);
    pool.delete();
    expect(view.every((byte) => byte === 5)).toBe(true);
    expect(region.byteLength).toBeGreaterThanOrEqual(VMEM_MIN_POOL);
    const again = create(region);
    expectEmptyAndWhole(again);
    expect(failureOf(() => pool.malloc(8))).toBe('VmemError ECLOSED');
  });
});

describe('memory that no pool can be made in', () => {
  const bytes = new SharedArrayBuffer(VMEM_MIN_POOL + 2 * PAGE);
  const detached = new ArrayBuffer(VMEM_MIN_POOL);
  structuredClone(detached, { transfer: [detached] });

  it.each<[string, unknown]>([
    ['a byte too little', new SharedArrayBuffer(VMEM_MIN_POOL - 1)],
    ['a view of a byte too little', new Uint8Array(bytes, 0, VMEM_MIN_POOL - 1)],
    ['nothing', new ArrayBuffer(0)],
    ['a view that begins in a page', new Uint8Array(bytes, 8, VMEM_MIN_POOL)],
    ['a view that begins at the end of a page', new Uint8Array(bytes, PAGE - 1, VMEM_MIN_POOL)],
    ['a detached ArrayBuffer', detached],
    ['a view of nothing', new DataView(bytes, 0, 0)],
    ['the prototype of buffers', SharedArrayBuffer.prototype],
    ['a Buffer from the small pool', Buffer.from('small')],
    ['undefined', undefined],
    ['null', null],
    ['a number', VMEM_MIN_POOL],
    ['a string', 'x'.repeat(100)],
    ['an array', [1, 2, 3]],
    ['a lookalike', { byteLength: VMEM_MIN_POOL, [Symbol.toStringTag]: 'SharedArrayBuffer' }],
    ['a function', () => bytes],
  ])('EINVAL: %s', (_, region) => {
    expect(thrownBy(() => Vmem.createInRegion(region as VmemRegion))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
    });
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['-0', -0],
    ['"memory"', 'memory'],
    ['an array', [1, 2, 3]],
    ['a function', () => bytes],
  ])('is told by its value: %s', (told, region) => {
    expect(thrownBy(() => Vmem.createInRegion(region as VmemRegion)).message).toBe(
      `region: expected a SharedArrayBuffer, an ArrayBuffer or a view, got ${told}`,
    );
  });

  it.each<[string, unknown]>([
    ['a Proxy of a buffer', new Proxy(bytes, {})],
    ['an heir of a buffer', Object.create(bytes)],
  ])('EINVAL: %s', (_, region) => {
    expect(failureOf(() => Vmem.createInRegion(region as VmemRegion))).toBe('VmemError EINVAL');
  });

  it.each([{ threads: 0 }, { threads: 255 }, { threads: 1.5 }, { cacheBytes: 63 }, { cacheBytes: 2 ** 21 }])(
    'options %j are refused',
    (options) => {
      expect(failureOf(() => Vmem.createInRegion(bytes, options))).toBe('VmemError EINVAL');
    },
  );
});

describe('memory of another realm', () => {
  it.each(['new SharedArrayBuffer(14 << 20)', 'new ArrayBuffer(14 << 20)', 'new Uint8Array(14 << 20)'])(
    'is memory, too: %s',
    (code) => {
      const pool = create(runInNewContext(code) as VmemRegion);
      expect(pool.malloc(8)).toBeGreaterThan(0);
    },
  );
});

describe('the handle of a pool in memory that threads don’t share', () => {
  it.each<[string, () => VmemRegion]>([
    ['an ArrayBuffer', () => new ArrayBuffer(VMEM_MIN_POOL)],
    ['a Buffer', () => Buffer.alloc(VMEM_MIN_POOL)],
  ])('is refused: %s', (_, make) => {
    const pool = create(make());
    expect(thrownBy(() => pool.handle)).toMatchObject({ name: 'VmemError', code: 'ENOTSUP' });
    expect(pool.check()).toBe(1);
  });
});

describe('memory that changes its size under a pool', () => {
  it('makes every use of the pool ECLOSED when it was detached', () => {
    const region = new ArrayBuffer(VMEM_MIN_POOL);
    const pool = create(region);
    const ptr = pool.malloc(64);
    structuredClone(region, { transfer: [region] });
    for (const use of [
      () => pool.malloc(64),
      () => pool.free(ptr),
      () => pool.usableSize(ptr),
      () => pool.check(),
    ]) {
      expect(failureOf(use)).toBe('VmemError ECLOSED');
    }
    expect(failureOf(() => pool.delete())).toBe('none');
  });

  it.each([0, PAGE, VMEM_MIN_POOL / 2, VMEM_MIN_POOL - 1])(
    'does so when it was shrunk to %d bytes',
    (size) => {
      const region = new ArrayBuffer(VMEM_MIN_POOL, { maxByteLength: 2 * VMEM_MIN_POOL });
      const pool = create(region);
      const ptrs = [pool.malloc(64), pool.malloc(100_000), pool.malloc(10)];
      region.resize(size);
      const uses = ptrs.flatMap((ptr) => [
        () => pool.malloc(64),
        () => pool.malloc(100_000),
        () => pool.calloc(8, 8),
        () => pool.free(ptr),
        () => pool.realloc(ptr, 500),
        () => pool.usableSize(ptr),
        () => pool.alloc(Uint8Array, 1),
        () => pool.view(Uint8Array, ptr, 1),
        () => pool.check(),
        () => pool.stats(),
        () => pool.strdup('text'),
      ]);
      for (const use of uses) expect(failureOf(use)).toBe('VmemError ECLOSED');
      expect(failureOf(() => pool.detach())).toBe('none');
      expect(failureOf(() => pool.delete())).toBe('none');
    },
  );

  it('does not matter when it grows', () => {
    const shared = new SharedArrayBuffer(VMEM_MIN_POOL, { maxByteLength: 2 * VMEM_MIN_POOL });
    const own = new ArrayBuffer(VMEM_MIN_POOL, { maxByteLength: 2 * VMEM_MIN_POOL });
    const pools = [create(shared), create(own)];
    const ptrs = pools.map((pool) => pool.malloc(64));
    shared.grow(2 * VMEM_MIN_POOL);
    own.resize(2 * VMEM_MIN_POOL);
    for (const [i, pool] of pools.entries()) {
      pool.free(ptrs[i]);
      expect(pool.size).toBe(VMEM_MIN_POOL);
      expectEmptyAndWhole(pool);
    }
    expect(failureOf(() => Vmem.attach(pools[0].handle).detach())).toBe('none');
  });

  it('is refused when options shrink it while they are read', () => {
    const region = new ArrayBuffer(VMEM_MIN_POOL, { maxByteLength: VMEM_MIN_POOL });
    const options = {
      get threads() {
        region.resize(0);
        return 4;
      },
    };
    expect(failureOf(() => Vmem.createInRegion(region, options))).toBe('VmemError EINVAL');
  });
});
