import { MAX_REGION } from '@vmem-ts/allocator';
import { PAGE_SIZE, VMEM_MIN_POOL, poolSize, runtimeLimit, usableBytes } from '#src/pool/limits';
import { thrownBy } from '../support/thrown';

describe('poolSize', () => {
  it('takes 14 MiB, and not a byte less', () => {
    expect(VMEM_MIN_POOL).toBe(14 * 2 ** 20);
    expect(poolSize(VMEM_MIN_POOL)).toBe(VMEM_MIN_POOL);
    expect(thrownBy(() => poolSize(VMEM_MIN_POOL - 1))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
      message: expect.stringMatching(/14680064 bytes \(14 MiB\), got 14680063/) as string,
    });
  });

  it('rounds up to whole pages, exactly also above 2^32', () => {
    expect(poolSize(VMEM_MIN_POOL + 1)).toBe(VMEM_MIN_POOL + PAGE_SIZE);
    expect(poolSize(VMEM_MIN_POOL + PAGE_SIZE)).toBe(VMEM_MIN_POOL + PAGE_SIZE);
    expect(poolSize(5 * 2 ** 30 + 1)).toBe(5 * 2 ** 30 + PAGE_SIZE);
    expect(poolSize(2 ** 38 + 1)).toBe(2 ** 38 + PAGE_SIZE);
  });

  it.each([
    ['NaN', NaN, 'NaN'],
    ['Infinity', Infinity, 'Infinity'],
    ['a fraction', VMEM_MIN_POOL + 0.5, '14680064.5'],
    ['2^53', 2 ** 53, '9007199254740992'],
    ['a negative number', -VMEM_MIN_POOL, '-14680064'],
    ['0', 0, '0'],
    ['-0', -0, '-0'],
    ['a string', '16777216', '"16777216"'],
    ['a bigint', 16777216n, '16777216n'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['an object that is a number', Object(16777216), 'an object'],
    ['a symbol', Symbol('size'), 'a symbol'],
  ])('refuses %s, and tells it by its name and value', (_, size, told) => {
    expect(thrownBy(() => poolSize(size, 'maxSize'))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
      message: `maxSize: expected a whole number of at least 14680064 bytes (14 MiB), got ${told}`,
    });
  });
});

describe('usableBytes', () => {
  const [MIB, GIB] = [2 ** 20, 2 ** 30];

  it('is all where the runtime has buffers for it', () => {
    expect(usableBytes(GIB, 2 * MIB, 4 * GIB)).toBe(GIB);
    expect(usableBytes(4 * GIB, PAGE_SIZE, 4 * GIB)).toBe(4 * GIB);
  });

  it('leaves room to align the rest, in whole units', () => {
    expect(usableBytes(4 * GIB, 2 * MIB, 4 * GIB)).toBe(4 * GIB - 2 * MIB);
    expect(usableBytes(5 * GIB, GIB, 4 * GIB)).toBe(3 * GIB);
    expect(usableBytes(5 * GIB, GIB, 4.5 * GIB)).toBe(3 * GIB);
    expect(usableBytes(GIB, GIB, GIB)).toBe(0);
  });

  it('is no more than the largest pool', () => {
    expect(usableBytes(2 ** 40, GIB, 2 ** 52)).toBe(MAX_REGION);
    expect(usableBytes(2 ** 40, 2 ** 37, 2 ** 52)).toBe(3 * 2 ** 37);
  });
});

describe('runtimeLimit', () => {
  it('names the size and keeps the cause', () => {
    const cause = new RangeError('Array buffer allocation failed');
    const error = runtimeLimit(2 ** 34, cause);
    expect(error).toMatchObject({ name: 'VmemError', cause });
    expect(error.message).toContain(String(2 ** 34));
  });

  it('tells what the runtime never makes from what it has no room for now', () => {
    const isOld = Number(process.versions.node.split('.')[0]) < 22;
    expect(runtimeLimit(2 ** 32, undefined).code).toBe('ENOMEM');
    expect(runtimeLimit(2 ** 34, undefined).code).toBe(isOld ? 'ENOTSUP' : 'ENOMEM');
    expect(runtimeLimit(2 ** 54, undefined).code).toBe('ENOTSUP');
  });

  it('names the limit of 4 GiB where the runtime has it, and only for a pool above it', () => {
    const isOld = Number(process.versions.node.split('.')[0]) < 22;
    expect(runtimeLimit(2 ** 32 + PAGE_SIZE, undefined).message.includes('4 GiB')).toBe(isOld);
    expect(runtimeLimit(2 ** 32, undefined).message).not.toContain('4 GiB');
  });
});
