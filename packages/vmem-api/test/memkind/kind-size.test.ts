import { constants } from 'node:buffer';
import { tmpdir } from 'node:os';
import { VmemError } from '@vmem-ts/allocator';
import { fileSystemSize, largestPool, mostOf, sizeLimit } from '#src/memkind/kind-size';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test('a limit is 0 or at least 16 MiB, in whole chunks of 2 MiB', () => {
  expect([0, 16 * MIB, 16 * MIB + 1, 18 * MIB].map(sizeLimit)).toEqual([0, 16, 18, 18].map((n) => n * MIB));
  for (const wrong of [16 * MIB - 1, 1, -1, NaN, 16.5 * MIB + 0.5, '0', null, undefined, {}]) {
    expect(() => sizeLimit(wrong)).toThrow(VmemError);
  }
  expect(() => sizeLimit(2 ** 41)).toThrow(expect.objectContaining({ code: 'ENOTSUP' }));
});

test('without a limit a pool has what there is room for, as far as the runtime and the heap can use it', () => {
  expect(mostOf(100 * MIB + 5)).toBe(100 * MIB);
  expect(mostOf(0)).toBe(16 * MIB);
  expect(mostOf(2 ** 50)).toBe(Math.min(256 * GIB, constants.MAX_LENGTH));
});

test('a pool that there are no addresses for is made smaller, down to the least size', () => {
  const tried: number[] = [];
  const room = (limit: number, code: string) => (size: number) => {
    tried.push(size);
    if (size <= limit) return size;
    throw new VmemError(code, 'too large');
  };
  expect(largestPool(4 * GIB, room(100 * MIB, 'ENOMEM'))).toBe(64 * MIB);
  expect(tried.splice(0)).toEqual([4096, 1024, 256, 64].map((n) => n * MIB));
  expect(() => largestPool(GIB, room(0, 'ENOTSUP'))).toThrow('too large');
  expect(tried.splice(0).at(-1)).toBe(16 * MIB);
  expect(() => largestPool(GIB, room(0, 'ENOSPC'))).toThrow('too large');
  expect(tried).toEqual([GIB]);
});

test('the size of a file system is that of all its blocks', () => {
  expect(fileSystemSize(tmpdir())).toBeGreaterThan(MIB);
  expect(() => fileSystemSize('/no such directory')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
