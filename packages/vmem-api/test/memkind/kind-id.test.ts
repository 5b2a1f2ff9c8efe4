import { getEnvironmentData } from 'node:worker_threads';
import {
  MAX_KIND_ID,
  allowZeroAllocs,
  allowsZeroAllocs,
  claimKindId,
  returnKindId,
  takeKindId,
} from '#src/memkind/kind-id';

const TABLE = getEnvironmentData('@vmem-ts/vmem-api kinds 2') as unknown as SharedArrayBuffer;

const codeOf = (call: () => unknown): unknown => {
  try {
    call();
    return 'none';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('numbers of kinds', () => {
  test('come in turn, and one that was returned comes last', () => {
    const first = takeKindId(11);
    returnKindId(first, 11);
    const seen = new Set<number>();
    for (let id = takeKindId(12); id !== first; id = takeKindId(12)) {
      expect(id).toBeGreaterThan(0);
      expect(id).toBeLessThanOrEqual(MAX_KIND_ID);
      expect(seen.has(id)).toBe(false);
      seen.add(id);
      returnKindId(id, 12);
    }
    returnKindId(first, 12);
    expect(seen.size).toBeGreaterThan(MAX_KIND_ID - 10); // kinds of other tests of this process
  });

  test('run out, and can be had again', () => {
    const ids = new Set<number>();
    for (let code: unknown = 'none'; code === 'none';) code = codeOf(() => ids.add(takeKindId(14)));
    expect(codeOf(() => takeKindId(14))).toBe('EAGAIN');
    expect(ids.size).toBeGreaterThan(MAX_KIND_ID - 10);
    const one = [...ids][100];
    returnKindId(one, 14);
    expect(takeKindId(15)).toBe(one);
    returnKindId(one, 15);
    for (const id of ids) returnKindId(id, 14);
  });

  test('are passed over while they are in use, also where they begin anew', () => {
    const words = new Int32Array(TABLE);
    words[0] = MAX_KIND_ID - 3;
    const kept = takeKindId(16);
    const ids = Array.from({ length: 8 }, () => takeKindId(17));
    expect([kept, ...ids.slice(0, 2)]).toEqual([-2, -1, 0].map((n) => MAX_KIND_ID + n));
    expect(new Set([kept, ...ids]).size).toBe(9);
    expect(Math.max(...ids.slice(2))).toBeLessThan(MAX_KIND_ID - 10);
    expect(words[0]).toBe(ids[7]); // not a count of all that ever were
    for (const id of ids) returnKindId(id, 17);
    returnKindId(kept, 16);
  });

  test('are only returned for the kind that has them', () => {
    const id = takeKindId(18);
    returnKindId(id, 19);
    expect(claimKindId(id, 18)).toBe(false);
    expect(codeOf(() => claimKindId(id, 19))).toBe('EEXIST');
    returnKindId(id, 18);
    returnKindId(id, 18);
    expect(claimKindId(id, 19)).toBe(true);
    returnKindId(id, 19);
  });

  test('of new kinds allow no blocks of size 0', () => {
    const id = takeKindId(20);
    allowZeroAllocs(id, true);
    expect(allowsZeroAllocs(id)).toBe(true);
    returnKindId(id, 20);
    claimKindId(id, 21);
    expect(allowsZeroAllocs(id)).toBe(false);
    returnKindId(id, 21);
  });
});
