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
import type { Allocator, Block, Blocks, Place, SharedAllocator, Subject } from './subject';

class LibvmemAllocator implements SharedAllocator, Blocks {
  readonly blocks = this;
  private readonly memory: Uint8Array;

  constructor(
    private readonly vmp: VMEM,
    readonly close: () => void,
  ) {
    this.memory = new Uint8Array(vmp.buffer, vmp.byteOffset, vmp.size);
  }

  malloc(size: number): number {
    return vmem_malloc(this.vmp, size);
  }

  free(block: Block): void {
    vmem_free(this.vmp, block as number);
  }

  write(block: Block, at: number): void {
    this.memory[(block as number) + at] = at;
  }

  bytes(block: Block, size: number): Uint8Array {
    return this.memory.subarray(block as number, (block as number) + size);
  }

  share(): VmemHandle {
    return this.vmp.handle;
  }
}

function required(vmp: VMEM | null): VMEM {
  if (vmp === null) throw new Error(vmem_errormsg());
  return vmp;
}

function open({ dir, poolBytes }: Place): SharedAllocator {
  const vmp = required(vmem_create(dir, poolBytes));
  return new LibvmemAllocator(vmp, () => vmem_delete(vmp));
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
      return new LibvmemAllocator(vmp, () => vmem_detach(vmp));
    },
  },
};
