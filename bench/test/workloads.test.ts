// Each workload frees what it allocates, and finds a fault that is planted in its allocator.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CAPACITY_SIZES } from '../workloads/measures';
import { ROWS, type Row } from '../workloads/rows';
import { PlantedHeap, type Fault } from './support/planted-heap';
import { runVerified } from './support/run-job';

/** One row of each job and kind of sizes; more threads than four add nothing here. */
const JOB_ROWS = ROWS.filter(
  ({ kind, group, params, x = 0 }) =>
    kind !== 'measure' && params.threads <= 4 && (['core', 'suite'].includes(group) || x === 100),
);

/** Here one block is live at a time, and there is no other one that it could be or that could be hit. */
const ONE_BLOCK = ['pair', 'cache-thrash', 'cache-scratch'];

/** Between filling and verifying them the heap is not called. */
const ALL_AT_ONCE = ['many'];

const heapFor = (row: Row, fault: Fault): PlantedHeap =>
  new PlantedHeap(Math.min(row.params.poolBytes, 2 ** 30), fault);

describe.each(JOB_ROWS.map((row) => [row.id, row] as const))('%s', (_, row) => {
  test('on a sound heap, does what it counts and leaves no block', () => {
    const heap = heapFor(row, 'none');
    expect(runVerified(row, heap)).toBeGreaterThanOrEqual(2000);
    expect(heap.live).toBe(0);
  });

  test('finds a block that was handed out twice', () => {
    if (ONE_BLOCK.includes(row.job)) return;
    expect(() => runVerified(row, heapFor(row, 'twice'))).toThrow();
  });

  test('finds a byte that changed', () => {
    if (ONE_BLOCK.includes(row.job) || ALL_AT_ONCE.includes(row.job)) return;
    expect(() => runVerified(row, heapFor(row, 'scribbles'))).toThrow(/changed|overwritten/);
  });
});

test('finds blocks that overlap', () => {
  const row = ROWS.find(({ id }) => id === 'batch')!;
  expect(() => runVerified(row, heapFor(row, 'too short'))).toThrow(/changed|overwritten/);
});

test('the same seed gives the same blocks, another seed others', () => {
  const churn = ROWS.find(({ id }) => id === 'churn')!;
  const sizesWith = (seed: number): number[] => {
    const sizes: number[] = [];
    const heap = heapFor(churn, 'none');
    const malloc = heap.malloc.bind(heap);
    heap.malloc = (size) => {
      sizes.push(size);
      return malloc(size);
    };
    runVerified({ ...churn, params: { ...churn.params, seed } }, heap);
    return sizes;
  };
  expect(sizesWith(1)).toEqual(sizesWith(1));
  expect(sizesWith(1)).not.toEqual(sizesWith(2));
});

describe('the programs in C', () => {
  const source = (name: string): string =>
    readFileSync(join(__dirname, '../../native', name), 'utf8').replaceAll(/\s+/g, ' ');

  test.each([...new Set(ROWS.filter(({ kind }) => kind !== 'measure').map(({ job }) => job))])(
    'have the job %s',
    (job) => expect(source('jobs.h')).toContain(`{"${job}", `),
  );

  test.each([...new Set(ROWS.filter(({ kind }) => kind === 'measure').map(({ job }) => job))])(
    'have the measure %s',
    (job) => expect(source('measures.c')).toContain(`{"${job}", `),
  );

  test('fill pools with the same sizes', () => {
    expect(source('measures.c')).toContain(`CAPACITY_SIZES[] = {${CAPACITY_SIZES.join(', ')}}`);
  });
});
