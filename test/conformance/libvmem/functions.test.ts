// vmem_set_funcs: what the library allocates on the side, and where it prints.

import {
  VMEM_MIN_POOL,
  vmem_aligned_alloc,
  vmem_attach,
  vmem_create,
  vmem_create_in_region,
  vmem_delete,
  vmem_detach,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  vmem_malloc_usable_size,
  vmem_set_funcs,
  vmem_stats_print,
  type FreeFunc,
  type MallocFunc,
  type ReallocFunc,
  type StrdupFunc,
  type VMEM,
} from '@vmem-ts/vmem-api/libvmem';
import { POOL_DIR, describeFiles, tracked } from '../../support/pools';
import { NOTHING_MORE, countOpenFiles, held, heldSince } from '../../support/process-resources';
import { Counting } from './counting';
import { bytesAt, describeEachForm, expectEmptyAndWhole, outcome } from './forms';

afterEach(() => {
  vmem_set_funcs(null, null, null, null, null);
});

const nothing = (): null => null;
const silent = (): void => undefined;

describeEachForm('vmem_custom_alloc', ({ create }) => {
  function use(vmp: VMEM): void {
    const ptr = vmem_malloc(vmp, 32);
    bytesAt(vmp, ptr, 32).fill(1);
    expect(vmem_malloc_usable_size(vmp, ptr)).toBeGreaterThanOrEqual(32);
    vmem_free(vmp, ptr);
    vmem_delete(vmp);
  }

  it('calls no function that was not set', () => {
    const counting = new Counting();
    use(create());
    expect(counting.calls).toBe(0);
  });

  it('calls those that were, and gives back all that it had from them', () => {
    const counting = new Counting();
    counting.set();
    for (let round = 0; round < 20; round++) use(create());
    expect(counting.calls).toBeGreaterThan(0);
    expect(counting.live.size).toBe(0);
    expect(counting.wrong).toEqual([]);
  });

  it('fails with ENOMEM where malloc_func has nothing, and leaves nothing behind', () => {
    const counting = new Counting();
    counting.set({ malloc: nothing });
    expect(() => create()).toThrow('ENOMEM');
    expect(vmem_errormsg()).toContain('malloc_func');
    expect([counting.live.size, counting.wrong]).toEqual([0, []]);
  });

  it('fails with ENOMEM where strdup_func has nothing, and leaves nothing behind', () => {
    const counting = new Counting();
    counting.set({ strdup: nothing });
    expect(() => create()).toThrow('ENOMEM');
    expect(vmem_errormsg()).toContain('strdup_func');
    expect(counting.calls).toBeGreaterThan(0);
    expect([counting.live.size, counting.wrong]).toEqual([0, []]);
  });

  it('vmem_aligned_alloc leaves nothing behind, either', () => {
    const counting = new Counting();
    counting.set();
    for (let alignment = 2; alignment <= 2 ** 22; alignment *= 2) {
      const vmp = create();
      for (let i = 0; i < 100 && vmem_aligned_alloc(vmp, alignment, 4) !== 0; i++);
      vmem_delete(vmp);
    }
    expect([counting.live.size, counting.wrong]).toEqual([0, []]);
  });
});

describeEachForm('vmem_set_funcs', ({ name, create }) => {
  it('has the name of what a pool was made in copied, until the pool is deleted or detached from', () => {
    const counting = new Counting();
    counting.set();
    const vmp = create();
    expect(counting.names).toEqual([name === 'region' ? 'a region' : POOL_DIR]);
    expect(counting.live.size).toBe(2);
    const again = vmem_attach(vmp.handle)!;
    expect(counting.live.size).toBe(4);
    vmem_detach(again);
    expect(counting.live.size).toBe(2);
    vmem_delete(vmp);
    expect([counting.live.size, counting.wrong]).toEqual([0, []]);
  });

  it('has the text of statistics on the side while it is made', () => {
    const vmp = create();
    const counting = new Counting();
    let text = '';
    counting.set({ print: (part) => (text += part) });
    vmem_stats_print(vmp, null);
    expect(counting.calledFor('malloc', 'realloc', 'free')).toBe(true);
    expect([counting.live.size, counting.wrong]).toEqual([0, []]);
    vmem_set_funcs(null, null, null, null, (part) => (text += part));
    vmem_stats_print(vmp, null);
    const half = text.length / 2;
    expect(text.slice(0, half)).toBe(text.slice(half));
  });

  it.each<[string, Partial<Record<'malloc' | 'realloc', (...args: never[]) => unknown>>]>([
    ['malloc_func', { malloc: nothing }],
    ['realloc_func', { realloc: nothing }],
    ['malloc_func', { malloc: () => new Uint8Array(3) }],
    ['realloc_func', { realloc: (block: Uint8Array) => block }],
  ])('prints no statistics where %s has too little', (which, functions) => {
    const vmp = create();
    const counting = new Counting();
    let printed = '';
    counting.set({ ...(functions as object), print: (text) => (printed += text) });
    expect(outcome(() => vmem_stats_print(vmp, null))).toEqual([undefined, 'ENOMEM']);
    expect(vmem_errormsg()).toContain(which);
    expect([printed, counting.live.size]).toEqual(['', 0]);
    vmem_set_funcs(null, null, null, null, (text) => (printed += text));
    vmem_stats_print(vmp, null);
    expect(printed).toContain('Begin vmem statistics');
  });

  it('gives each block back by the function beside the one that it came from', () => {
    const [first, second] = [new Counting(), new Counting()];
    first.set();
    const one = create();
    second.set();
    const two = create();
    vmem_set_funcs(null, null, null, null, null);
    vmem_delete(one);
    vmem_delete(two);
    expect([first, second].map(({ live, wrong }) => [live.size, wrong])).toEqual([
      [0, []],
      [0, []],
    ]);
  });

  it('takes memory on the side from another pool', () => {
    const side = tracked(vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL)!);
    const malloc: MallocFunc = (size) => side.alloc(Uint8Array, size);
    const free: FreeFunc = (block) => side.free(block);
    const realloc: ReallocFunc = (block, size) => {
      const ptr = side.realloc(block.byteOffset - side.byteOffset, size);
      return ptr === 0 ? null : side.view(Uint8Array, ptr, size);
    };
    const strdup: StrdupFunc = (text) => {
      const ptr = side.strdup(text);
      return ptr === 0 ? null : side.view(Uint8Array, ptr, Buffer.byteLength(text) + 1);
    };
    let printed = '';
    vmem_set_funcs(malloc, free, realloc, strdup, (text) => (printed += text));
    const vmp = create();
    expect(side.stats().liveBlocks).toBe(2);
    vmem_stats_print(vmp, null);
    expect(printed).toMatch(/^___ Begin [^]* ___\n[^]*--- End [^]* ---\n$/);
    vmem_delete(vmp);
    expectEmptyAndWhole(side);
  });

  it('lets through what the functions throw, and leaves nothing behind', () => {
    const files = countOpenFiles();
    for (const broken of ['malloc', 'strdup'] as const) {
      const counting = new Counting();
      counting.set({
        [broken]: () => {
          throw new Error('theirs');
        },
      });
      expect(() => create()).toThrow('theirs');
      expect(counting.live.size).toBe(0);
    }
    vmem_set_funcs(null, null, null, null, null);
    expect(countOpenFiles()).toBe(files);
    const vmp = create();
    const counting = new Counting();
    counting.set({
      print: () => {
        throw new Error('theirs');
      },
    });
    expect(() => vmem_stats_print(vmp, null)).toThrow('theirs');
    expect(counting.live.size).toBe(0);
  });

  it('prints by the default where print_func calls the library', () => {
    const vmp = create();
    let calls = 0;
    vmem_set_funcs(null, null, null, null, () => {
      calls++;
      if (calls < 100) vmem_free(vmp, 12_345);
    });
    vmem_stats_print(vmp, 'gmabl');
    expect(calls).toBe(1);
  });
});

describe('vmem_set_funcs', () => {
  it.each(['malloc', 1, {}, Symbol('malloc'), true])('EINVAL: %p is no function', (wrong) => {
    const counting = new Counting();
    counting.set();
    for (let i = 0; i < 5; i++) {
      const functions = [nothing, silent, nothing, nothing, silent] as unknown[];
      functions[i] = wrong;
      const call = (): unknown => Reflect.apply(vmem_set_funcs, undefined, functions);
      expect(outcome(call)).toEqual([undefined, 'EINVAL']);
    }
    const vmp = vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL);
    expect(counting.live.size).toBe(2); // those of before are still set
    vmem_delete(vmp);
  });

  it.each([1, 'block', {}, new ArrayBuffer(100)])('EINVAL: malloc_func returns %p', (block) => {
    vmem_set_funcs(() => block as Uint8Array, silent, null, null, null);
    const region = new SharedArrayBuffer(VMEM_MIN_POOL);
    expect(outcome(() => vmem_create_in_region(region, VMEM_MIN_POOL))).toEqual([null, 'EINVAL']);
  });
});

describeFiles('vmem_set_funcs', () => {
  it('leaves no file and no mapping where there is no memory on the side', () => {
    const before = held();
    for (const [malloc, strdup] of [
      [nothing, null],
      [null, nothing],
    ]) {
      vmem_set_funcs(malloc, null, null, strdup, null);
      expect(outcome(() => vmem_create(POOL_DIR, VMEM_MIN_POOL))).toEqual([null, 'ENOMEM']);
    }
    expect(heldSince(before)).toEqual(NOTHING_MORE);
  });
});
