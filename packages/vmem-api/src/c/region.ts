// Memory of the caller's, as the functions take it that make a pool there: `void *addr, size_t size`.

import { VmemError, describe } from '@vmem-ts/allocator';
import { memoryOf } from '../pool/buffers';

/**
 * The first `size` bytes of a buffer or a view.
 * @throws VmemError EINVAL if it is none, or has less
 */
export function startOf(addr: unknown, size: number): Uint8Array {
  const memory = memoryOf(addr);
  if (memory === undefined) {
    throw new VmemError('EINVAL', `addr: expected a buffer or a view, got ${describe(addr)}`);
  }
  const { buffer, byteOffset, byteLength } = memory;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || size > byteLength) {
    throw new VmemError(
      'EINVAL',
      `size: expected at most the ${byteLength} bytes of addr, got ${describe(size)}`,
    );
  }
  return new Uint8Array(buffer, byteOffset, size);
}
