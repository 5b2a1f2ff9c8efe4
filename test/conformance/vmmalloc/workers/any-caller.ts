// Calls every function with all kinds of values in the place of each argument, the others being good ones, and prints what
// was thrown, or run, or done to the pool.

import { writeSync } from 'node:fs';
import * as C from '@vmem-ts/vmem-api/vmmalloc';
import { anyValues } from '../../any-values';

const odd: string[] = [];
const values = anyValues(() => odd.push('code of an argument was run'));
const block = C.malloc(64);

/** Good arguments. What a call makes is not taken back: the pool is large enough. */
const CALLS: [(...args: never[]) => unknown, () => unknown[]][] = [
  [C.malloc, () => [8]],
  [C.free, () => [C.malloc(8)]],
  [C.cfree, () => [C.malloc(8)]],
  [C.calloc, () => [8, 8]],
  [C.realloc, () => [C.malloc(8), 8]],
  [C.posix_memalign, () => [{ value: 0 }, 8, 8]],
  [C.aligned_alloc, () => [8, 8]],
  [C.memalign, () => [8, 8]],
  [C.valloc, () => [8]],
  [C.pvalloc, () => [8]],
  [C.malloc_usable_size, () => [block]],
];

let calls = 0;
for (const [call, good] of CALLS) {
  good().forEach((_, i) => {
    values.forEach((value, kind) => {
      const args = good();
      args[i] = value;
      calls++;
      try {
        const result: unknown = Reflect.apply(call, undefined, args);
        if (typeof result !== 'number' && result !== undefined) odd.push(`${call.name} returned no number`);
      } catch (error) {
        odd.push(`${call.name}, argument ${i}, value ${kind}: ${String(error)}`);
      }
    });
  });
}

// what the holder's own code throws is the caller's
const thrower = {
  set value(_: number) {
    throw new Error('of the holder');
  },
};
try {
  C.posix_memalign(thrower, 8, 8);
  odd.push('a setter that throws went unnoticed');
} catch (error) {
  if ((error as Error).message !== 'of the holder') odd.push(String(error));
}

// pointers into blocks, behind them, and to the heap's own data
const { size } = C.pool();
for (const ptr of [1, 8, 4096, block + 1, block + 8, block - 8, size - 8, size, size + 8, 2 ** 40]) {
  for (const call of [C.free, C.cfree, C.malloc_usable_size, (p: number) => C.realloc(p, 8)]) {
    C.setErrno(0);
    call(ptr);
    if (C.errno() !== 14) odd.push(`${call.name} of ${ptr}: errno ${C.errno()}`);
  }
}
C.free(block);
C.free(block);
if (C.errno() !== 14) odd.push('a double free went unnoticed');

const { problems } = C.pool().checkReport();
odd.push(...problems.map(({ message }) => message));

// the pool itself is the user's to end
C.pool().delete();
for (const [call, good] of CALLS) {
  if (call === C.posix_memalign) continue;
  C.setErrno(0);
  const result: unknown = Reflect.apply(call, undefined, good());
  if (C.errno() !== 9) odd.push(`${call.name} after delete: errno ${C.errno()}`);
  if (result !== 0 && result !== undefined) odd.push(`${call.name} after delete: a result`);
}
if (C.posix_memalign({ value: 1 }, 8, 8) !== 9) odd.push('posix_memalign after delete');

writeSync(1, JSON.stringify({ calls, odd }));
