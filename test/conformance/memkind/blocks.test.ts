// malloc, calloc, realloc, posix_memalign, free and malloc_usable_size of kinds.

import { constants } from 'node:os';
import {
  MEMKIND_DEFAULT,
  MEMKIND_PMEM_CHUNK_SIZE,
  MEMKIND_PMEM_MIN_SIZE,
  MEMKIND_REGULAR,
  SIZE_MAX,
  errno,
  memkind_calloc,
  memkind_defrag_reallocate,
  memkind_detect_kind,
  memkind_free,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_posix_memalign,
  memkind_realloc,
  memkind_set_allow_zero_allocs,
  memkind_view,
  setErrno,
} from '@vmem-ts/vmem-api/memkind';
import { KIB, PART_SIZE, bytesOf, fill, freeAll, newKind } from '../../support/kinds';
import { MIB, describeFiles } from '../../support/pools';
import { randomFrom, seedFor } from '../../support/random';

const { EINVAL, ENOMEM, EFAULT } = constants.errno;

/** What a call returns, and errno after it, which was 0 before. */
function outcome<T>(call: () => T): [result: T, errno: number] {
  setErrno(0);
  return [call(), errno()];
}

const SIZES = [10, 100, 200, 500, 1000, 2000, 3000, MIB, 2 * MIB, 3 * MIB, 4 * MIB];

describeFiles('memkind_malloc', () => {
  it('malloc: gives a block, and NULL for more than the kind has', () => {
    const kind = newKind();
    const ptr = memkind_malloc(kind, KIB);
    bytesOf(ptr, KIB).set(Buffer.from('a text'));
    expect(Buffer.from(bytesOf(ptr, 6)).toString()).toBe('a text');
    memkind_free(kind, ptr);
    expect(outcome(() => memkind_malloc(kind, 2 * PART_SIZE))).toEqual([0, ENOMEM]);
  });

  it('malloc 0', () => {
    expect(outcome(() => memkind_malloc(newKind(), 0))).toEqual([0, 0]);
  });

  it('malloc max', () => {
    const kind = newKind();
    expect(outcome(() => memkind_malloc(kind, SIZE_MAX))).toEqual([0, ENOMEM]);
    expect(outcome(() => memkind_malloc(kind, -1))).toEqual([0, ENOMEM]);
  });

  it('malloc of what is no size, of what is no kind', () => {
    const kind = newKind();
    for (const size of [NaN, 1.5, '8' as never, undefined as never]) {
      expect(outcome(() => memkind_malloc(kind, size))).toEqual([0, EINVAL]);
    }
    for (const wrong of [null, undefined as never, {} as never]) {
      expect(outcome(() => memkind_malloc(wrong, 8))).toEqual([0, EINVAL]);
    }
  });

  it('malloc fragmentation: 11 sizes, 1000 times', () => {
    const kind = newKind(MEMKIND_PMEM_MIN_SIZE);
    for (let i = 0; i < 1000; i++) {
      for (const size of SIZES) {
        const ptr = memkind_malloc(kind, size);
        if (ptr === 0) throw new Error(`no memory for ${size} bytes in round ${i}`);
        memkind_free(kind, ptr);
      }
    }
    expect(kind.check()).toBe(1);
    expect(kind.stats().live).toBe(0);
  });

  it('max fill: the largest block there can be, then one that leaves room for others, until nothing is left', () => {
    const kind = newKind();
    const largest = (): number => {
      let [fits, tooMuch] = [0, kind.size + 1];
      while (tooMuch - fits > 1) {
        const size = Math.floor((fits + tooMuch) / 2);
        const ptr = memkind_malloc(kind, size);
        if (ptr === 0) tooMuch = size;
        else fits = size;
        memkind_free(kind, ptr);
      }
      return fits;
    };
    const first = largest();
    expect(first).toBeGreaterThan(MEMKIND_PMEM_MIN_SIZE);
    const blocks = [memkind_malloc(kind, first - MIB)];
    for (let size = largest(); size > 0; size = largest()) blocks.push(...fill(kind, size));
    expect(blocks).not.toContain(0);
    expect(blocks.length).toBeGreaterThan(1);
    for (let size = 1; size <= MIB; size *= 2) expect(memkind_malloc(kind, size)).toBe(0);
    expect(kind.check()).toBe(1);
    freeAll(kind, blocks);
    expect(largest()).toBe(first);
  });
});

describeFiles('memkind_calloc', () => {
  it.each([
    [10, 0],
    [0, 0],
    [0, 10],
  ])('calloc 0: %i of %i bytes', (num, size) => {
    expect(outcome(() => memkind_calloc(newKind(), num, size))).toEqual([0, 0]);
  });

  it('calloc max', () => {
    expect(outcome(() => memkind_calloc(newKind(), 1, SIZE_MAX))).toEqual([0, ENOMEM]);
  });

  it('calloc num max', () => {
    const kind = newKind();
    expect(outcome(() => memkind_calloc(kind, SIZE_MAX, 10))).toEqual([0, ENOMEM]);
    expect(outcome(() => memkind_calloc(kind, 2 ** 32, 2 ** 32))).toEqual([0, ENOMEM]);
    expect(outcome(() => memkind_calloc(kind, NaN, 1))).toEqual([0, EINVAL]);
  });

  it.each([
    ['small class', KIB],
    ['huge class', MEMKIND_PMEM_CHUNK_SIZE],
  ])('calloc %s, many times: all zeros, also where others have written', (_class, size) => {
    const kind = newKind();
    for (let i = 0; i < 100; i++) {
      const ptr = memkind_calloc(kind, 1, size);
      const bytes = bytesOf(ptr, size);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
      bytes.fill(0xa5);
      memkind_free(kind, ptr);
    }
  });
});

describeFiles('memkind_realloc', () => {
  const given = (size = KIB): { kind: ReturnType<typeof newKind>; ptr: number } => {
    const kind = newKind();
    return { kind, ptr: memkind_malloc(kind, size) };
  };

  it('realloc: from nothing, and to more', () => {
    const kind = newKind();
    const ptr = memkind_realloc(kind, 0, 512);
    expect(memkind_malloc_usable_size(kind, ptr)).toBeGreaterThanOrEqual(512);
    expect(memkind_malloc_usable_size(kind, memkind_realloc(kind, ptr, KIB))).toBeGreaterThanOrEqual(KIB);
  });

  it('realloc 0: frees', () => {
    const { kind, ptr } = given();
    for (let i = 0; i < 100; i++) {
      const next = i === 0 ? ptr : memkind_malloc(kind, KIB);
      expect(outcome(() => memkind_realloc(kind, next, 0))).toEqual([0, 0]);
      expect(memkind_detect_kind(next)).toBe(null);
    }
    expect(kind.stats().live).toBe(0);
  });

  it('realloc max', () => {
    const { kind, ptr } = given();
    expect(outcome(() => memkind_realloc(kind, ptr, SIZE_MAX))).toEqual([0, ENOMEM]);
    expect(outcome(() => memkind_realloc(kind, ptr, PART_SIZE + 2 * MIB))).toEqual([0, ENOMEM]);
    expect(memkind_detect_kind(ptr)).toBe(kind); // the old block stays
  });

  it('realloc null', () => {
    const kind = newKind();
    const [ptr, failed] = outcome(() => memkind_realloc(kind, 0, KIB));
    expect(ptr).not.toBe(0);
    expect(failed).toBe(0);
    expect(outcome(() => memkind_realloc(kind, 0, 0))).toEqual([0, 0]);
    expect(outcome(() => memkind_realloc(kind, 0, SIZE_MAX))).toEqual([0, ENOMEM]);
  });

  it('realloc null kind', () => {
    const { kind, ptr } = given();
    for (const size of [KIB, 0, SIZE_MAX])
      expect(outcome(() => memkind_realloc(null, 0, size))).toEqual([0, EINVAL]);
    expect(outcome(() => memkind_realloc(null, ptr, SIZE_MAX))).toEqual([0, ENOMEM]);
    expect(outcome(() => memkind_realloc(null, ptr, 0))).toEqual([0, 0]);
    expect(kind.stats().live).toBe(0);
    expect(outcome(() => memkind_realloc(null, ptr, KIB))).toEqual([0, EFAULT]);
  });

  describe.each(['kind', 'null kind'])('with %s', (which) => {
    it('realloc increase: contents stay', () => {
      const { kind, ptr } = given();
      bytesOf(ptr, KIB).set(Buffer.from('increase'));
      const moved = memkind_realloc(which === 'kind' ? kind : null, ptr, 2 * KIB);
      expect(Buffer.from(bytesOf(moved, 8)).toString()).toBe('increase');
      expect(memkind_malloc_usable_size(kind, moved)).toBeGreaterThanOrEqual(2 * KIB);
    });

    it('realloc decrease: contents stay as far as there is room', () => {
      const { kind, ptr } = given();
      bytesOf(ptr, KIB).set(Buffer.from('decrease'));
      const moved = memkind_realloc(which === 'kind' ? kind : null, ptr, 4);
      expect(Buffer.from(bytesOf(moved, 4)).toString()).toBe('decr');
    });
  });

  it('realloc in place: a large block shrinks and grows where it is, and what it gives up can be had', () => {
    const kind = newKind();
    const first = memkind_malloc(kind, 10 * MIB);
    for (const size of [6 * MIB, 10 * MIB, 8 * MIB]) expect(memkind_realloc(kind, first, size)).toBe(first);
    const second = memkind_malloc(kind, 4 * MIB);
    const small = memkind_realloc(kind, second, 16);
    expect(small).not.toBe(0);
    const smaller = memkind_realloc(kind, first, 16);
    expect([0, first]).not.toContain(smaller);
    const third = memkind_malloc(kind, 5 * MIB);
    expect(third).not.toBe(0);
    freeAll(kind, [small, smaller, third]);
    expect(kind.stats().live).toBe(0);
  });
});

describeFiles('memkind_posix_memalign', () => {
  const SENTINEL = 12345;

  it('posix_memalign 0', () => {
    const out = { value: SENTINEL };
    expect(outcome(() => memkind_posix_memalign(newKind(), out, 8, 0))).toEqual([0, 0]);
    expect(out.value).toBe(0);
  });

  it('posix_memalign max', () => {
    const kind = newKind();
    const out = { value: SENTINEL };
    expect(outcome(() => memkind_posix_memalign(kind, out, 64, SIZE_MAX))).toEqual([ENOMEM, 0]);
    expect(out.value).toBe(0);
    expect(outcome(() => memkind_posix_memalign(kind, out, 2 ** 63, 8))).toEqual([ENOMEM, 0]);
  });

  it.each([3, 4, 9, 0, -8, NaN, 12, 2 ** 50 + 1, 2 ** 53 - 1, SIZE_MAX])(
    'posix_memalign wrong alignment: %p',
    (alignment) => {
      const out = { value: SENTINEL };
      expect(outcome(() => memkind_posix_memalign(newKind(), out, alignment, 32))).toEqual([EINVAL, 0]);
      expect(out.value).toBe(0);
    },
  );

  it('posix_memalign lowest correct alignment', () => {
    const out = { value: 0 };
    expect(outcome(() => memkind_posix_memalign(newKind(), out, 8, 32))).toEqual([0, 0]);
    expect(out.value).not.toBe(0);
  });

  it('posix_memalign nowhere to write to, no kind', () => {
    expect(memkind_posix_memalign(newKind(), null as never, 8, 32)).toBe(EINVAL);
    expect(memkind_posix_memalign(null, { value: 0 }, 8, 32)).toBe(EINVAL);
  });

  it('posix_memalign: from 1 KiB to 128 KiB, until memory is out', () => {
    const kind = newKind();
    const out = { value: 0 };
    for (let alignment = KIB; alignment <= 128 * KIB; alignment *= 2) {
      let most = 0;
      for (let round = 0; round < 3; round++) {
        const blocks: number[] = [];
        setErrno(0);
        while (memkind_posix_memalign(kind, out, alignment, 8) === 0) {
          blocks.push(out.value);
          const view = memkind_view(Int32Array, out.value, 2)!;
          view[0] = 123456;
          if (view[0] !== 123456 || out.value % alignment !== 0) throw new Error(`block at ${out.value}`);
        }
        expect(errno()).toBe(0);
        expect(out.value).toBe(0);
        freeAll(kind, blocks);
        expect(blocks.length).toBeGreaterThanOrEqual(most);
        most = blocks.length;
      }
      expect(most).toBeGreaterThan(0);
    }
  });
});

describeFiles('memkind_malloc_usable_size', () => {
  it('usable size: at least what was asked for, and not much more', () => {
    const kind = newKind(MEMKIND_PMEM_MIN_SIZE);
    expect(outcome(() => memkind_malloc_usable_size(kind, 0))).toEqual([0, 0]);
    expect(outcome(() => memkind_malloc_usable_size(null, 0))).toEqual([0, 0]);
    const spare = [8, 16, 32, 64, 128, 256, 512, 4096, 4096, 4096, 4096];
    SIZES.forEach((size, i) => {
      const ptr = memkind_malloc(kind, size);
      const usable = memkind_malloc_usable_size(kind, ptr);
      expect(memkind_malloc_usable_size(null, ptr)).toBe(usable);
      expect(usable).toBeGreaterThanOrEqual(size);
      expect(usable - size).toBeLessThanOrEqual(spare[i]);
      memkind_free(kind, ptr);
    });
  });

  it('usable size of what is no block is 0 and EFAULT', () => {
    const [kind, other] = [newKind(), newKind()];
    const ptr = memkind_malloc(kind, 100);
    for (const wrong of [ptr + 8, 1, -1, NaN, 2 ** 60, other.base]) {
      expect(outcome(() => memkind_malloc_usable_size(kind, wrong))).toEqual([0, EFAULT]);
      expect(outcome(() => memkind_malloc_usable_size(null, wrong))).toEqual([0, EFAULT]);
    }
    expect(outcome(() => memkind_malloc_usable_size(other, ptr))).toEqual([0, EFAULT]);
  });
});

describeFiles('memkind_free', () => {
  it('free null: nothing happens, with and without a kind', () => {
    const kind = newKind();
    for (let i = 0; i < 1000; i++) {
      expect(outcome(() => memkind_free(kind, 0))).toEqual([undefined, 0]);
      expect(outcome(() => memkind_free(null, 0))).toEqual([undefined, 0]);
    }
  });

  it('free with NULL instead of the kind: the block goes back to its own kind', () => {
    const kinds = Array.from({ length: 10 }, () => newKind());
    const blocks = kinds.map((kind) => fill(kind, KIB));
    memkind_free(null, blocks[5][5]);
    kinds.forEach((kind, i) => {
      const ptr = memkind_malloc(kind, KIB);
      if (i === 5) expect(ptr).toBe(blocks[5][5]);
      else expect(ptr).toBe(0);
    });
    kinds.forEach((kind, i) => {
      freeAll(null, blocks[i]);
      expect(kind.stats().live).toBe(0);
    });
  });

  it('free of what is no block is EFAULT, and leaves everything as it is', () => {
    const [kind, other] = [newKind(), newKind()];
    const ptr = memkind_malloc(kind, 100);
    const freed = memkind_malloc(kind, 100);
    memkind_free(kind, freed);
    for (const wrong of [ptr + 8, freed, 1, -5, 2 ** 52, kind.base, other.base, 1.5, 'x' as never]) {
      expect(outcome(() => memkind_free(null, wrong))[1]).toBe(EFAULT);
    }
    expect(outcome(() => memkind_free(other, ptr))).toEqual([undefined, EFAULT]);
    expect(kind.stats().liveBlocks).toBe(1);
    expect(kind.check()).toBe(1);
  });
});

describeFiles('memkind_detect_kind', () => {
  it('detect kind: null', () => {
    expect(memkind_detect_kind(0)).toBe(null);
  });

  it('detect kind: a mix of kinds', () => {
    const kinds = [newKind(), newKind(), MEMKIND_DEFAULT, MEMKIND_REGULAR];
    const blocks = kinds.map((kind) =>
      [8, 512, 4096, 100_000, MIB].map((size) => memkind_malloc(kind, size)),
    );
    kinds.forEach((kind, i) => {
      for (const ptr of blocks[i]) expect(memkind_detect_kind(ptr)).toBe(kind);
    });
    for (const ptr of blocks.flat()) memkind_free(memkind_detect_kind(ptr), ptr);
    for (const ptr of blocks.flat()) expect(memkind_detect_kind(ptr)).toBe(null);
  });

  it('detect kind: of what is no pointer', () => {
    const ptr = memkind_malloc(newKind(), 100);
    for (const wrong of [
      ptr + 1,
      -ptr,
      NaN,
      Infinity,
      2 ** 53,
      'x' as never,
      undefined as never,
      {} as never,
    ]) {
      expect(memkind_detect_kind(wrong)).toBe(null);
    }
  });

  it('pointers are whole numbers below 2^53, and the ranges of kinds lie apart', () => {
    const kinds = Array.from({ length: 5 }, () => newKind());
    const ranges = kinds.map((kind) => {
      const blocks = fill(kind, 300 * KIB);
      expect(blocks.every(Number.isSafeInteger)).toBe(true);
      return [Math.min(...blocks), Math.max(...blocks)] as const;
    });
    ranges.sort(([a], [b]) => a - b);
    ranges.slice(1).forEach(([low], i) => expect(low).toBeGreaterThan(ranges[i][1] + 2 ** 39));
  });
});

describeFiles('memkind_set_allow_zero_allocs', () => {
  it('allow_zero_allocs: size 0 gives blocks once that is allowed, and NULL when it is forbidden again', () => {
    const [kind, other] = [newKind(), newKind()];
    const out = { value: 0 };
    memkind_set_allow_zero_allocs(kind, true);
    memkind_posix_memalign(kind, out, 64, 0);
    const blocks = [
      memkind_malloc(kind, 0),
      memkind_calloc(kind, 0, 5),
      memkind_calloc(kind, 5, 0),
      memkind_realloc(kind, 0, 0),
      out.value,
    ];
    for (const ptr of blocks) expect(memkind_detect_kind(ptr)).toBe(kind);
    expect(out.value % 64).toBe(0);
    expect(memkind_malloc(other, 0)).toBe(0);
    expect(outcome(() => memkind_realloc(kind, blocks[0], 0))).toEqual([0, 0]); // still frees
    memkind_set_allow_zero_allocs(kind, false);
    expect(memkind_malloc(kind, 0)).toBe(0);
    expect(outcome(() => memkind_set_allow_zero_allocs(null, true))).toEqual([undefined, EINVAL]);
  });
});

describeFiles('memkind_defrag_reallocate', () => {
  it('defrag reallocate: NULL stays NULL, and what is no block is EFAULT', () => {
    const kind = newKind();
    expect(outcome(() => memkind_defrag_reallocate(null, 0))).toEqual([0, 0]);
    expect(outcome(() => memkind_defrag_reallocate(MEMKIND_REGULAR, 0))).toEqual([0, 0]);
    expect(outcome(() => memkind_defrag_reallocate(null, 4096))).toEqual([0, EFAULT]);
    expect(outcome(() => memkind_defrag_reallocate(kind, kind.base + 8))).toEqual([0, EFAULT]);
  });

  it('defrag reallocate: a block alone stays where it is', () => {
    const kind = newKind();
    const ptr = memkind_malloc(kind, 512);
    expect(memkind_defrag_reallocate(kind, ptr)).toBe(0);
    expect(memkind_detect_kind(ptr)).toBe(kind);
  });

  it('defrag reallocate success: blocks with gaps between move together, with their contents', () => {
    const kind = newKind(0);
    const random = randomFrom(seedFor('defrag reallocate'));
    const blocks = new Map<number, number>();
    const all = Array.from({ length: 50_000 }, () => memkind_malloc(kind, KIB));
    for (const [i, ptr] of all.entries()) {
      if (random(4) !== 0) memkind_free(kind, ptr);
      else blocks.set(ptr, i);
    }
    for (const [ptr, i] of blocks) memkind_view(Int32Array, ptr, 256)!.fill(i);
    kind.purge(); // what threads have cached is no gap
    const { slabFree, live } = kind.stats();
    let moved = 0;
    for (const [ptr, i] of [...blocks].sort(([a], [b]) => b - a)) {
      const next = memkind_defrag_reallocate(moved % 2 === 0 ? kind : null, ptr);
      if (next === 0) continue;
      moved++;
      expect(memkind_detect_kind(ptr)).toBe(null);
      blocks.delete(ptr);
      blocks.set(next, i);
    }
    expect(moved).toBeGreaterThan(blocks.size / 4); // at random a quarter of each slab lives
    for (const [ptr, i] of blocks) {
      if (!memkind_view(Int32Array, ptr, 256)!.every((word) => word === i)) throw new Error(`block ${i}`);
    }
    expect(kind.stats()).toMatchObject({ live, liveBlocks: blocks.size });
    expect(kind.check()).toBe(1);
    kind.purge();
    expect(kind.stats().slabFree).toBeLessThan(slabFree / 2);
  });

  it.each([50_000, MIB])('defrag reallocate: of %i bytes', (size) => {
    const kind = newKind();
    const blocks = fill(kind, size);
    blocks.forEach((ptr, i) => {
      if (i % 2 === 0) memkind_free(kind, ptr);
      else bytesOf(ptr, size).fill(i);
    });
    for (let i = 1; i < blocks.length; i += 2) {
      const ptr = blocks[i];
      const next = memkind_defrag_reallocate(kind, ptr);
      expect(next).toBeLessThan(ptr);
      expect(bytesOf(next === 0 ? ptr : next, size).every((byte) => byte === i % 256)).toBe(true);
    }
    expect(kind.stats().liveBlocks).toBe(Math.floor(blocks.length / 2));
    expect(kind.check()).toBe(1);
  });
});
