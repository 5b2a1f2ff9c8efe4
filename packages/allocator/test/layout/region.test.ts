import { Heap, VmemError } from '@vmem-ts/allocator';
import { Region } from '#src/layout/region';
import { Identity } from '#src/layout/region-layout';
import { CLASS_COUNT } from '#src/slab/size-classes';

const GIB = 2 ** 30;

/** The region of a new heap, and its id. */
function newRegion(): { region: Region; heap: Heap } {
  const heap = Heap.create(new SharedArrayBuffer(1 << 20));
  return { region: new Region(heap.buffer, 0, heap.size), heap };
}

function refusalOf(region: Region, id: readonly [number, number]): { code: string; message: string } {
  try {
    region.validate(CLASS_COUNT, id);
  } catch (error) {
    if (error instanceof VmemError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'none', message: '' };
}

test('the identity of a heap is accepted', () => {
  const { region, heap } = newRegion();
  expect(refusalOf(region, heap.handle.id).code).toBe('none');
});

test('memory that holds no heap is refused', () => {
  expect(refusalOf(new Region(new SharedArrayBuffer(1 << 20), 0, 1 << 20), [1, 2])).toEqual({
    code: 'ECLOSED',
    message: 'the heap of this handle was deleted: its region is empty',
  });
});

test('a region is open for those who have looked at its identity, while it holds that heap', () => {
  const { region, heap } = newRegion();
  expect(region.isOpen).toBe(false);
  region.validate(CLASS_COUNT, heap.handle.id);
  expect(region.isOpen).toBe(true);
  Heap.create(heap.buffer);
  expect(region.isOpen).toBe(false);
});

test.each<[string, Identity, number, string, RegExp]>([
  ['magic number, low half', Identity.magicLow, 1, 'ECORRUPT', /first word is 1/],
  ['magic number, high half', Identity.magicHigh, 1, 'ECORRUPT', /second word is 1/],
  ['version', Identity.version, 99, 'EINVAL', /format version 99, .* reads version 9/],
  ['number of pages', Identity.pages, 255, 'ECORRUPT', /number of pages is 255, expected 256/],
  ['first data page', Identity.firstDataPage, 3, 'ECORRUPT', /first data page is 3, expected 10/],
  ['granule shift', Identity.granuleShift, 4, 'ECORRUPT', /granule shift is 4, expected 3/],
  ['number of classes', Identity.classCount, 7, 'ECORRUPT', /size classes is 7, expected \d+/],
  ['bytes a cache, too few', Identity.cacheBytes, 63, 'ECORRUPT', /63 bytes a cache/],
  ['bytes a cache, too many', Identity.cacheBytes, 2 ** 20 + 1, 'ECORRUPT', /1048577 bytes a cache/],
  ['slots, none', Identity.slots, 0, 'ECORRUPT', /0 slots/],
  ['slots, too many', Identity.slots, 255, 'ECORRUPT', /255 slots/],
  ['id, low half', Identity.idLow, 12345, 'ECORRUPT', /id is 12345/],
  ['id, high half', Identity.idHigh, 12345, 'ECORRUPT', /id is 12345/],
  ['state, closed', Identity.state, 2, 'ECLOSED', /was deleted/],
  ['state, unknown', Identity.state, 3, 'ECORRUPT', /state is 3, expected 1/],
  ['state, not open yet', Identity.state, 0, 'ECORRUPT', /state is 0, expected 1/],
])('a changed identity word is named: %s', (_, word, value, code, message) => {
  const { region, heap } = newRegion();
  const { id } = heap.handle;
  region.i32[word] = value;
  const refusal = refusalOf(region, id);
  expect(refusal).toEqual({ code, message: expect.stringMatching(message) as string });
});

test.each<[string, Identity[], RegExp]>([
  ['magic number', [Identity.magicLow, Identity.magicHigh], /its region is empty/],
  ['id', [Identity.idLow, Identity.idHigh], /another heap than the handle names/],
])('without any of its %s it is no heap any more', (_, words, message) => {
  const { region, heap } = newRegion();
  const { id } = heap.handle;
  for (const word of words) region.i32[word] = 0;
  const refusal = refusalOf(region, id);
  expect(refusal).toEqual({ code: 'ECLOSED', message: expect.stringMatching(message) as string });
});

test('a heap that another thread deletes while its identity is read is ECLOSED', () => {
  const { region, heap } = newRegion();
  let looks = 0;
  const watched = Object.create(region, {
    i32: { get: () => (++looks === 2 ? region.i32.fill(0) : region.i32) },
  }) as Region;
  expect(refusalOf(watched, heap.handle.id).code).toBe('ECLOSED');
  expect(looks).toBeGreaterThan(2);
});

test('only one closes a region', () => {
  const { region, heap } = newRegion();
  region.validate(CLASS_COUNT, heap.handle.id);
  expect(region.isOpen).toBe(true);
  expect([region.close(), region.close()]).toEqual([true, false]);
  expect(region.isOpen).toBe(false);
});

test('bytes behind the last whole page are left alone', () => {
  const memory = new Uint8Array(new SharedArrayBuffer((1 << 20) + 4095)).fill(7);
  const heap = Heap.create(memory);
  expect(heap.size).toBe(1 << 20);
  for (let i = 0; i < 300 && heap.calloc(1, 4096) !== 0; i++);
  expect(memory.subarray(1 << 20).every((byte) => byte === 7)).toBe(true);
});

test.each([
  [1, 3],
  [16, 3],
  [16.5, 4],
  [32, 4],
  [33, 5],
  [1023, 9],
])('every granule of a region of %p GiB has an index of 31 bits: shift %p', (gib, shift) => {
  const pages = (gib * GIB) / 4096;
  const { granuleShift } = Object.create(Region.prototype, { pages: { value: pages } }) as Region;
  expect(granuleShift).toBe(shift);
  expect((gib * GIB) / 2 ** granuleShift).toBeLessThanOrEqual(2 ** 31);
});
