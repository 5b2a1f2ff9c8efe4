// Calls malloc and free of libvmmalloc until V8 has compiled the loop.

import { free, malloc } from '@vmem-ts/vmem-api/vmmalloc';

function hotCaller(rounds: number): void {
  for (let i = 0; i < rounds; i++) free(malloc(64));
}

for (let i = 0; i < 100; i++) hotCaller(1000);
