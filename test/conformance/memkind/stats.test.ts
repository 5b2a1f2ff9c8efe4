// Statistics of kinds: figures of the last update, and text.

import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import {
  MEMKIND_DEFAULT,
  MEMKIND_ERROR_INVALID,
  MEMKIND_HBW,
  MEMKIND_REGULAR,
  MEMKIND_STAT_PRINT_ALL,
  MEMKIND_STAT_PRINT_JSON_FORMAT,
  MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA,
  MEMKIND_STAT_PRINT_OMIT_EXTENT,
  MEMKIND_STAT_PRINT_OMIT_GENERAL,
  MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA,
  MEMKIND_STAT_PRINT_OMIT_MUTEX,
  MEMKIND_STAT_PRINT_OMIT_PER_ARENA,
  MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS,
  MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE,
  MEMKIND_STAT_TYPE_ACTIVE,
  MEMKIND_STAT_TYPE_ALLOCATED,
  MEMKIND_STAT_TYPE_MAX_VALUE,
  MEMKIND_STAT_TYPE_RESIDENT,
  MEMKIND_SUCCESS,
  errno,
  memkind_free,
  memkind_get_stat,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_stats_print,
  memkind_update_cached_stats,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';
import { KIB, expectDestroyed, fill, freeAll, newKind } from '../../support/kinds';
import { MIB, describeFiles } from '../../support/pools';

function stat(kind: memkind_t | null, type: number): number {
  const out = { value: -1 };
  expect(memkind_get_stat(kind, type, out)).toBe(MEMKIND_SUCCESS);
  return out.value;
}

const TYPES = [MEMKIND_STAT_TYPE_RESIDENT, MEMKIND_STAT_TYPE_ACTIVE, MEMKIND_STAT_TYPE_ALLOCATED] as const;
const figures = (kind: memkind_t | null): number[] => TYPES.map((type) => stat(kind, type));

describeFiles('memkind_get_stat', () => {
  it('stat unknown type', () => {
    for (const kind of [null, MEMKIND_REGULAR, newKind()]) {
      for (const type of [MEMKIND_STAT_TYPE_MAX_VALUE, -1, 0.5, NaN]) {
        expect(memkind_get_stat(kind, type, { value: 0 })).toBe(MEMKIND_ERROR_INVALID);
      }
    }
    expect(memkind_get_stat(MEMKIND_HBW, 0, { value: 0 })).toBe(MEMKIND_ERROR_INVALID);
    expect(memkind_get_stat({} as never, 0, { value: 0 })).toBe(MEMKIND_ERROR_INVALID);
    expect(memkind_get_stat(null, 0, null as never)).toBe(MEMKIND_ERROR_INVALID);
    expect(errno()).toBe(constants.errno.EINVAL);
  });

  it('empty regular kind', () => {
    expect(memkind_update_cached_stats()).toBe(MEMKIND_SUCCESS);
    expect(stat(MEMKIND_REGULAR, MEMKIND_STAT_TYPE_ALLOCATED)).toBe(0);
  });

  it('default kind', () => {
    const allocated = (): number => {
      memkind_update_cached_stats();
      return stat(MEMKIND_DEFAULT, MEMKIND_STAT_TYPE_ALLOCATED);
    };
    const before = allocated();
    const ptr = memkind_malloc(MEMKIND_DEFAULT, 100);
    expect(allocated() - before).toBe(memkind_malloc_usable_size(MEMKIND_DEFAULT, ptr));
    memkind_free(null, ptr);
  });

  it('stats: a kind has storage for what is active, and is active for what is allocated', () => {
    const kind = newKind(64 * MIB);
    const blocks = fill(kind, 100, 5000, 300_000);
    memkind_update_cached_stats();
    const [resident, active, allocated] = figures(kind) as [number, number, number];
    expect(allocated).toBe(blocks.reduce((sum, ptr) => sum + memkind_malloc_usable_size(kind, ptr), 0));
    expect(allocated).toBe([...kind.blocks()].reduce((sum, { size }) => sum + size, 0));
    expect(active).toBeGreaterThanOrEqual(allocated);
    expect(resident).toBeGreaterThan(active);
    const file = fstatSync(kind.handle.pool.fd).blocks * 512; // with what the file system needs to find them
    expect(file).toBeGreaterThanOrEqual(resident);
    expect(file).toBeLessThan(resident + 256 * KIB);
    freeAll(kind, blocks);
    memkind_update_cached_stats();
    expect(stat(kind, MEMKIND_STAT_TYPE_ALLOCATED)).toBe(0);
  });

  it('stats are those of the last update', () => {
    const kind = newKind();
    expect(figures(kind)).toEqual([0, 0, 0]);
    memkind_update_cached_stats();
    const before = figures(kind);
    memkind_malloc(kind, MIB);
    expect(figures(kind)).toEqual(before);
    memkind_update_cached_stats();
    expect(stat(kind, MEMKIND_STAT_TYPE_ALLOCATED)).toBe(MIB);
  });

  it('get global: NULL stands for all kinds', () => {
    const kinds = [newKind(), newKind(), newKind()];
    for (const kind of kinds) memkind_malloc(kind, MIB);
    memkind_malloc(MEMKIND_DEFAULT, KIB);
    memkind_update_cached_stats();
    const all = [...kinds, MEMKIND_DEFAULT, MEMKIND_REGULAR].map(figures);
    expect(figures(null)).toEqual(TYPES.map((type) => all.reduce((sum, one) => sum + one[type], 0)));
    expectDestroyed(kinds[0]);
    memkind_update_cached_stats();
    expect(stat(null, MEMKIND_STAT_TYPE_ALLOCATED)).toBeLessThan(3 * MIB);
    expect(figures(kinds[0])).toEqual([0, 0, 0]);
  });
});

describeFiles('memkind_stats_print', () => {
  const printed = (opts: number): string => {
    const texts: string[] = [];
    const status = memkind_stats_print((opaque: string[], text) => opaque.push(text), texts, opts);
    expect(status).toBe(MEMKIND_SUCCESS);
    return texts.join('');
  };

  it('prints every kind', () => {
    const kinds = [newKind(), newKind()];
    const text = printed(MEMKIND_STAT_PRINT_ALL);
    for (const { id } of kinds) expect(text).toContain(`kind ${id}\n`);
  });

  /** What only the part has, in text and in JSON. */
  const PARTS: readonly (readonly [option: number, line: RegExp, path: readonly string[]])[] = [
    [MEMKIND_STAT_PRINT_OMIT_GENERAL, /^Size classes: /m, ['general']],
    [MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA, /^Merged arenas stats:$/m, ['stats.arenas', 'merged']],
    [MEMKIND_STAT_PRINT_OMIT_PER_ARENA, /^arenas\[0\]: /m, ['stats.arenas', '0']],
    [MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS, /^bins: /m, ['bins']],
    [MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE, /^large: +blocks/m, ['large']],
  ];

  const holds = (object: unknown, [name = '', ...rest]: readonly string[]): boolean =>
    typeof object === 'object' && object !== null && Object.hasOwn(object, name)
      ? rest.length === 0 || holds((object as Record<string, unknown>)[name], rest)
      : false;

  it.each([
    ['nothing', MEMKIND_STAT_PRINT_ALL],
    ['general', MEMKIND_STAT_PRINT_OMIT_GENERAL],
    ['merged', MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA],
    ['destroyed, of which nothing is told', MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA],
    ['per arena', MEMKIND_STAT_PRINT_OMIT_PER_ARENA],
    ['bins', MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS],
    ['large', MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE],
    ['mutexes, of which nothing is told', MEMKIND_STAT_PRINT_OMIT_MUTEX],
    ['extents, of which nothing is told', MEMKIND_STAT_PRINT_OMIT_EXTENT],
    ['two', MEMKIND_STAT_PRINT_OMIT_GENERAL | MEMKIND_STAT_PRINT_OMIT_PER_ARENA],
  ])('omits %s, and no other part, as text and as JSON', (_part, options) => {
    const kind = newKind();
    memkind_malloc(kind, 100);
    const all = printed(options);
    const text = all.slice(all.indexOf(`kind ${kind.id}\n`)).replace(/(?<=^--- End .*\n)[^]*/m, '');
    const { kinds } = JSON.parse(printed(options | MEMKIND_STAT_PRINT_JSON_FORMAT)) as {
      kinds: Record<string, { vmem: unknown }>;
    };
    const { vmem } = kinds[kind.id];
    for (const [option, line, path] of PARTS) {
      const isThere = (options & option) === 0;
      expect([path, line.test(text), holds(vmem, path)]).toEqual([path, isThere, isThere]);
    }
    expect(text).toMatch(/^Allocated: 1\d\d, /m);
    expect(vmem).toHaveProperty(
      'stats.allocated',
      memkind_malloc_usable_size(kind, [...kind.blocks()][0].ptr),
    );
  });

  it('refuses options that there are not', () => {
    for (const opts of [1 << 9, -1, 0.5, NaN, 2 ** 40, 'J' as never]) {
      expect(memkind_stats_print(null, null, opts)).toBe(MEMKIND_ERROR_INVALID);
    }
  });

  it('lets through what the callback throws', () => {
    newKind();
    const call = (): number =>
      memkind_stats_print(
        () => {
          throw new RangeError('enough');
        },
        null,
        0,
      );
    expect(call).toThrow(new RangeError('enough'));
  });
});
