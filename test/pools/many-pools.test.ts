// Hundreds of pools, made and deleted by several threads, a dozen alive at once. None leaves a slot, a descriptor, a
// mapping, addresses or file space behind, and blocks of one never come from another. They are made in processes of their
// own, whose holdings are counted before and after.

import { VMEM_MIN_POOL } from '@vmem-ts/vmem-api';
import { resultOfChild } from '../support/child';
import { testOnTmpfs } from '../support/disk';
import { POOL_DIR, describeEachKind } from '../support/pools';
import type { Fault, Ring } from './workers/pool-ring';

const ring = (dir: string, backend: string, rounds: number, fault: Fault = 'none'): Ring =>
  resultOfChild<Ring>('pool-ring', [dir, backend, String(rounds), fault]);

/** Pools whose addresses would be missed. */
const MANY = 20;

function expectNothingLeft(result: Ring, pools: number): void {
  const { files, mappings, attached, wrong } = result;
  expect({ pools: result.pools, files, mappings, attached, wrong }).toEqual({
    pools,
    files: 0,
    mappings: 0,
    attached: 0,
    wrong: [],
  });
  expect(result.addresses).toBeLessThan(MANY); // of threads that have ended, runtimes keep some
}

describeEachKind(
  'hundreds of pools in four threads',
  ({ name }) => {
    const hasFile = name === 'overlay';

    it('leave nothing behind, and keep their contents apart', () => {
      expectNothingLeft(ring(POOL_DIR, name, 40), 481);
    });

    if (hasFile)
      testOnTmpfs('size=512m', 'leave no file space behind', ({ dir }) => {
        const result = ring(dir, name, 40);
        expectNothingLeft(result, 481);
        expect(result.used).toBe(0);
      });

    it.each<[Fault, object]>([
      ['keeps a slot', { wrong: ['the common pool: VmemError EAGAIN', 'VmemError EAGAIN'] }],
      [
        'writes into another pool',
        { wrong: ['a visitor reads another pool', 'the owner reads another pool'] },
      ],
    ])('would be noticed: a thread %s', (fault, expected) => {
      expect(ring(POOL_DIR, name, 3, fault)).toMatchObject(expected);
    });

    it('would be noticed: pools are kept', () => {
      const { files, mappings, addresses, wrong } = ring(POOL_DIR, name, 1, 'keeps pools');
      expect({ files, mappings, wrong }).toEqual({
        files: hasFile ? 21 : 0,
        mappings: hasFile ? 21 : 0,
        wrong: [],
      });
      expect(addresses).toBeGreaterThanOrEqual(MANY);
    });

    if (hasFile)
      testOnTmpfs('size=512m', 'would be noticed: the file space of pools that are kept', ({ dir }) => {
        expect(ring(dir, name, 1, 'keeps pools').used).toBeGreaterThanOrEqual(21 * VMEM_MIN_POOL);
      });
  },
  ['overlay', 'anonymous'],
);
