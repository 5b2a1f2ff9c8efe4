// Kinds for TypeScript: what goes wrong is thrown, and pointers tell their kind.

import { tmpdir } from 'node:os';
import { VmemError } from '@vmem-ts/allocator';
import { errno, setErrno } from '#src/c/errno';
import { KIND_SPAN } from '#src/memkind/kind-id';
import { PmemKind, kinds } from '#src/memkind/pmem-kind';
import type { Vmem } from '#src/vmem';

const MIB = 2 ** 20;

const codeOf = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof VmemError) return error.code;
    throw error;
  }
  return 'none';
};

const made: PmemKind[] = [];
const newKind = (): PmemKind => {
  const kind = PmemKind.createFixed(new SharedArrayBuffer(16 * MIB));
  made.push(kind);
  return kind;
};
afterEach(() => {
  for (const kind of made.splice(0)) kind.delete();
});

describe('PmemKind', () => {
  test('gives pointers in a range of its own', () => {
    const [one, other] = [newKind(), newKind()];
    for (const kind of [one, other]) {
      const pointers = [kind.malloc(100), kind.calloc(5, 5), kind.alignedAlloc(64, 10), kind.realloc(0, 10)];
      for (const ptr of pointers) {
        expect(Math.floor(ptr / KIND_SPAN)).toBe(kind.id);
        expect(PmemKind.detect(ptr)).toBe(kind);
        expect(kind.contains(ptr)).toBe(true);
      }
      expect(new Set([...kind.blocks()].map(({ ptr }) => ptr))).toEqual(new Set(pointers));
      for (const ptr of pointers) kind.free(ptr);
    }
  });

  test('refuses pointers of others, and what is none', () => {
    const [kind, other] = [newKind(), newKind()];
    const ptr = other.malloc(100);
    for (const wrong of [ptr, kind.id * KIND_SPAN, ptr - other.id * KIND_SPAN, -1, NaN, '5' as never]) {
      for (const use of [
        () => kind.free(wrong),
        () => kind.usableSize(wrong),
        () => kind.realloc(wrong, 5),
        () => kind.view(Uint8Array, wrong, 1),
        () => kind.defragReallocate(wrong),
      ]) {
        expect(codeOf(use)).toBe('EBADPTR');
      }
      expect(kind.contains(wrong)).toBe(false);
    }
    expect(other.stats().liveBlocks).toBe(1);
  });

  test('frees NULL, views, and blocks that were resized', () => {
    const kind = newKind();
    kind.free(0);
    expect(kind.usableSize(0)).toBe(0);
    expect(kind.defragReallocate(0)).toBe(0);
    kind.free(kind.alloc(Float64Array, 10).fill(1));
    const ptr = kind.realloc(kind.malloc(10), 1000);
    expect(kind.view(Uint8Array, ptr, 1000)).toHaveLength(1000);
    expect(kind.realloc(ptr, 0)).toBe(0);
    expect(kind.stats().live).toBe(0);
    expect(kind.malloc(2 ** 50)).toBe(0);
    expect(kind.check()).toBe(1);
  });

  test('lies in a buffer where pointers lead by `base`', () => {
    const region = new Uint8Array(new SharedArrayBuffer(20 * MIB), 4096, 16 * MIB);
    const kind = PmemKind.createFixed(region);
    made.push(kind);
    const ptr = kind.malloc(8);
    kind.view(Uint8Array, ptr, 1)[0] = 77;
    expect(new Uint8Array(kind.buffer)[ptr - kind.base]).toBe(77);
  });

  test('is gone after delete, for whoever finds it by a pointer, too', () => {
    const kind = newKind();
    const ptr = kind.malloc(8);
    expect(kind.isOpen).toBe(true);
    kind[Symbol.dispose]();
    kind.delete();
    kind.detach();
    expect(kind.isOpen).toBe(false);
    expect(PmemKind.detect(ptr)).toBe(undefined);
    expect(kinds.of(ptr)).toBe(undefined);
    for (const use of [() => kind.malloc(8), () => kind.free(ptr), () => kind.handle, () => kind.stats()]) {
      expect(codeOf(use)).toBe('ECLOSED');
    }
  });

  test('that others deleted is let go of when the next one is made', () => {
    const kind = newKind();
    const before = kinds.get(kind.id);
    expect(before).toBe(kind);
    // as another thread would
    (Reflect.get(kind, 'pool') as Vmem).delete();
    expect(kind.isOpen).toBe(false);
    newKind();
    expect(kinds.get(kind.id)).toBe(undefined);
  });

  test('is made by its own functions alone, of arguments that make sense', () => {
    const Constructor = PmemKind as unknown as new (...args: unknown[]) => PmemKind;
    expect(codeOf(() => new Constructor(Symbol('PmemKind')))).toBe('EINVAL');
    expect(codeOf(() => PmemKind.create(tmpdir(), 5))).toBe('EINVAL');
    expect(codeOf(() => PmemKind.create(tmpdir(), 0, 'frugal' as never))).toBe('EINVAL');
    expect(codeOf(() => PmemKind.create(5 as never))).toBe('EINVAL');
    expect(codeOf(() => PmemKind.create('/no such directory'))).toBe('ENOENT');
    expect(codeOf(() => PmemKind.attach({} as never))).toBe('EINVAL');
    expect(codeOf(() => PmemKind.createFixed(new ArrayBuffer(5)))).toBe('EINVAL');
    expect(PmemKind.detect('5')).toBe(undefined);
  });

  test('never touches errno', () => {
    setErrno(0);
    const kind = newKind();
    codeOf(() => kind.free(5));
    expect(kind.malloc(2 ** 50)).toBe(0);
    expect(errno()).toBe(0);
  });
});
