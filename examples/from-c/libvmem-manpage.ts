// The example of libvmem's manual page: a pool of the smallest size, and a string in it.

import {
  VMEM_MIN_POOL,
  vmem_create,
  vmem_delete,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
} from '@vmem-ts/vmem-api/libvmem';
import { fail, run } from './program';
import { strcpy, stringIn } from './strings';

void run((dir) => {
  const vmp = vmem_create(dir, VMEM_MIN_POOL);
  if (vmp === null) fail(`vmem_create: ${vmem_errormsg()}`);

  const ptr = vmem_malloc(vmp, 100);
  if (ptr === 0) fail(`vmem_malloc: ${vmem_errormsg()}`);

  const bytes = vmp.view(Uint8Array, ptr, 100);
  strcpy(bytes, 'hello, world');
  console.log(stringIn(bytes));

  vmem_free(vmp, ptr);
  vmem_delete(vmp);
});
