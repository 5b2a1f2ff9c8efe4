import { closedHeap } from '#src/pool/closed-heap';
import { thrownBy } from '../support/thrown';

describe('the heap of pools that were deleted', () => {
  it('is one, and closed', () => {
    const heap = closedHeap();
    expect(closedHeap()).toBe(heap);
    expect(heap.isOpen).toBe(false);
    for (const call of [
      () => heap.malloc(8),
      () => heap.free(4096),
      () => heap.calloc(2 ** 30, 2 ** 30),
      () => heap.check(),
      () => heap.stats(),
    ]) {
      expect(thrownBy(call)).toMatchObject({
        code: 'ECLOSED',
        message: expect.stringMatching(/deleted/) as string,
      });
    }
    expect(heap.close()).toBe(false);
  });
});
