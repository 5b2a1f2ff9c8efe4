// What vmem_stats_print prints, and where.

import { spawnSync } from 'node:child_process';
import {
  vmem_free,
  vmem_malloc,
  vmem_realloc,
  vmem_set_funcs,
  vmem_stats_print,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';
import { PAGE } from '../../support/pools';
import { randomFrom, seedFor } from '../../support/random';
import { nextMessage, startWorker } from '../../support/worker';
import { Counting } from './counting';
import { describeEachForm, freeAll, outcome, script } from './forms';

afterEach(() => {
  vmem_set_funcs(null, null, null, null, null);
});

function printed(vmp: VMEM, opts?: string | null): string {
  const texts: string[] = [];
  vmem_set_funcs(null, null, null, null, (text) => texts.push(text));
  vmem_stats_print(vmp, opts);
  expect(texts).toHaveLength(1);
  return texts[0];
}

/** A line that only the section of the letter has. */
const SECTIONS: Record<string, RegExp> = {
  g: /^Backend: \w+$/m,
  m: /^Merged arenas stats:$/m,
  a: /^arenas\[0\]: /m,
  b: /^bins: /m,
  l: /^large: +blocks/m,
};
const TOTALS = /^Allocated: \d+, active: \d+, metadata: \d+, mapped: \d+, retained: \d+$/m;

describeEachForm('vmem_stats', ({ create }) => {
  it('prints all sections of an unused pool, and of one in use, with functions of the caller’s or without', () => {
    const [unused, used] = [create(), create()];
    vmem_malloc(used, 400);
    for (const opts of [null, '', undefined]) {
      for (const vmp of [unused, used]) {
        const text = printed(vmp, opts);
        for (const section of [TOTALS, ...Object.values(SECTIONS)]) expect(text).toMatch(section);
      }
    }
    expect(printed(unused)).toContain('Allocated: 0, active: 0,');
    expect(printed(used)).toMatch(/Allocated: (4[0-9]{2}), /);
    const counting = new Counting();
    counting.set({ print: () => {} });
    vmem_stats_print(used);
    expect(counting.calls).toBeGreaterThan(0);
    expect(counting.live.size).toBe(0);
  });

  it.each(Object.keys(SECTIONS))('omits a section by the letter %s, and no other one', (letter) => {
    const vmp = create();
    for (const size of [10, 1000, 100_000]) vmem_malloc(vmp, size);
    for (const opts of [letter, `x${letter}y${letter}`]) {
      const text = printed(vmp, opts);
      expect(text).toMatch(TOTALS);
      for (const [other, section] of Object.entries(SECTIONS)) {
        expect([opts, other, section.test(text)]).toEqual([opts, other, other !== letter]);
      }
    }
  });

  it('omits several, and ignores other letters', () => {
    const vmp = create();
    expect(printed(vmp, 'gmabl').split('\n')).toHaveLength(4);
    expect(printed(vmp, 'lbamg')).toBe(printed(vmp, 'gmabl'));
    expect(printed(vmp, 'xyz GMABL 123')).toBe(printed(vmp));
  });

  it.each([1, {}, [], Symbol('g'), true])('EINVAL: opts is %p', (opts) => {
    const vmp = create();
    expect(outcome(() => vmem_stats_print(vmp, opts as string))).toEqual([undefined, 'EINVAL']);
  });

  it('prints figures that add up, and are those of a walk over all blocks', () => {
    const random = randomFrom(seedFor('vmem_stats'));
    const vmp = create();
    const pointers: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const size = random(10) === 0 ? random(200_000) : random(2000);
      if (pointers.length < 200 || random(2) === 0) pointers.push(vmem_malloc(vmp, size));
      else if (random(3) === 0) {
        const at = random(pointers.length);
        const ptr = vmem_realloc(vmp, pointers[at], size + 1);
        if (ptr !== 0) pointers[at] = ptr;
      } else vmem_free(vmp, pointers.splice(random(pointers.length), 1)[0]);
      if (i % 250 === 0) expectToAddUp(vmp);
    }
    freeAll(vmp, pointers);
    expectToAddUp(vmp);
    expect(figures(vmp).stats.allocated).toBe(0);
  });

  it('tells of every thread', async () => {
    const vmp = create();
    const worker = startWorker(script('guest'), vmp.handle);
    await nextMessage(worker);
    expect(printed(vmp)).toMatch(/^assigned threads: 2$/m);
    expect(Object.keys(figures(vmp)['stats.arenas'])).toEqual(['0', '1', 'merged']);
    expectToAddUp(vmp);
  });

  it('goes to stderr by default', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [script('stats-printer.js'), 'gma'], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/^___ Begin vmem statistics ___\n[^]*--- End vmem statistics ---\n$/);
    expect(stderr).not.toMatch(SECTIONS['g']);
    expect(stderr).toMatch(SECTIONS['b']);
  });
});

interface Figures {
  readonly general: { readonly size: number };
  readonly stats: Readonly<Record<'allocated' | 'active' | 'metadata' | 'mapped' | 'retained', number>>;
  readonly 'stats.arenas': Readonly<Record<string, unknown>> & { readonly merged: Merged };
  readonly bins: readonly Readonly<
    Record<'size' | 'curregs' | 'cached' | 'free' | 'slab_bytes' | 'curslabs' | 'nslabs', number>
  >[];
  readonly large: { readonly allocated: number; readonly curlextents: number };
}

type Kind = Readonly<Record<'allocated' | 'blocks' | 'cached' | 'free', number>>;
interface Merged extends Readonly<Record<'small' | 'large' | 'total', Kind>> {
  readonly nthreads: number;
  readonly free_pages: number;
  readonly overhead: number;
}

interface Arena {
  readonly block_bytes: number;
  readonly run_bytes: number;
}

const figures = (vmp: VMEM): Figures => (JSON.parse(printed(vmp, 'J')) as { vmem: Figures }).vmem;

function expectToAddUp(vmp: VMEM): void {
  const { general, stats, 'stats.arenas': arenas, bins, large } = figures(vmp);
  const { merged, ...threads } = arenas;
  const { small, large: pages, total } = merged;

  // what a walk finds
  const live = [...vmp.blocks()];
  const bytes = live.reduce((sum, { size }) => sum + size, 0);
  expect([stats.allocated, total.allocated, total.blocks]).toEqual([bytes, bytes, live.length]);
  const counted = new Map<number, number>();
  for (const { size } of live) counted.set(size, (counted.get(size) ?? 0) + 1);
  for (const { size, curregs } of bins) counted.set(size, (counted.get(size) ?? 0) - curregs);
  // what is in no bin has pages of its own; a block that was larger once may have few
  const ofPages = [...counted].filter(([, count]) => count !== 0);
  expect(ofPages.filter(([size, count]) => size % PAGE !== 0 || count < 0)).toEqual([]);
  expect(large).toEqual({
    allocated: ofPages.reduce((all, [size, count]) => all + count * size, 0),
    curlextents: ofPages.reduce((all, [, count]) => all + count, 0),
  });

  // what must be the sum of what
  const kinds = ['allocated', 'blocks', 'cached', 'free'] as const;
  for (const key of kinds) expect([key, small[key] + pages[key]]).toEqual([key, total[key]]);
  const sum = (of: (bin: Figures['bins'][number]) => number): number =>
    bins.reduce((all, bin) => all + of(bin), 0);
  expect(small).toEqual({
    allocated: sum((bin) => bin.curregs * bin.size),
    blocks: sum((bin) => bin.curregs),
    cached: sum((bin) => bin.cached * bin.size),
    free: sum((bin) => bin.free * bin.size),
  });
  expect([pages.allocated, pages.blocks]).toEqual([large.allocated, large.curlextents]);
  const each = Object.values(threads) as unknown as Arena[];
  expect(each.reduce((all, thread) => all + thread.block_bytes, 0)).toBe(small.cached);
  expect(each.reduce((all, thread) => all + thread.run_bytes, 0)).toBe(pages.cached);
  expect(stats.active).toBe(sum((bin) => bin.slab_bytes) + pages.allocated + pages.cached);
  expect(stats.active % PAGE).toBe(0);
  expect(stats.mapped).toBe(stats.active + stats.metadata + merged.free_pages * PAGE);
  expect(stats.mapped).toBe(
    total.allocated + total.cached + total.free + merged.free_pages * PAGE + merged.overhead,
  );
  expect(stats.mapped + stats.retained).toBe(general.size);
  expect(Math.min(...Object.values(stats), merged.overhead - stats.metadata)).toBeGreaterThanOrEqual(0);
}
