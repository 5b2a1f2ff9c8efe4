// A pool in a file by libvmem's C names, as a program that was ported from C calls them: what the names add to class Vmem,
// their log switched off among it.

import {
  vmem_attach,
  vmem_create,
  vmem_delete,
  vmem_detach,
  vmem_errormsg,
  vmem_free,
  vmem_malloc,
  type VMEM,
  type VmemHandle,
} from '@vmem-ts/vmem-api/libvmem';
import { allocatorOn } from './pool-allocator';
import type { Allocator, Block, Blocks, Place, SharedAllocator, Subject } from './subject';

class LibvmemBlocks implements Blocks {
  constructor(private readonly vmp: VMEM) {}

  malloc(size: number): number {
    return vmem_malloc(this.vmp, size);
  }

  free(block: Block): void {
    vmem_free(this.vmp, block as number);
  }
}

function required(vmp: VMEM | null): VMEM {
  if (vmp === null) throw new Error(vmem_errormsg());
  return vmp;
}

function open({ dir, poolBytes }: Place): SharedAllocator {
  const vmp = required(vmem_create(dir, poolBytes));
  return allocatorOn(new LibvmemBlocks(vmp), vmp, () => vmem_delete(vmp));
}

export const libvmemNames: Subject = {
  id: 'vmem_malloc',
  title: "vmem-ts, libvmem's C names",
  package: '@vmem-ts/vmem-api',
  hasPool: true,
  inFile: true,
  open: (place) => Promise.resolve(open(place)),
  shared: {
    open,
    attach(share): Allocator {
      const vmp = required(vmem_attach(share as VmemHandle));
      return allocatorOn(new LibvmemBlocks(vmp), vmp, () => vmem_detach(vmp));
    },
  },
};
