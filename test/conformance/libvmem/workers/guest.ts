// Attaches to a pool and does what it is asked to.

import { parentPort, workerData } from 'node:worker_threads';
import {
  vmem_attach,
  vmem_delete,
  vmem_detach,
  vmem_free,
  vmem_malloc,
  type VmemHandle,
} from '@vmem-ts/vmem-api/libvmem';
import { everyFunction } from '../every-function';
import { bytesAt, outcome } from '../outcomes';

const vmp = vmem_attach(workerData as VmemHandle)!;
const kept = vmem_malloc(vmp, 100);

type Question = 'use it' | 'delete it' | 'detach' | { readonly free: number; readonly malloc: number };

function answer(question: Question): unknown {
  switch (question) {
    case 'use it':
      return everyFunction(vmp, kept)
        .slice(0, -2)
        .map(([call]) => [call.name, ...outcome(call)]);
    case 'delete it':
      return [1, 2].map(() => outcome(() => vmem_delete(vmp))[1]);
    case 'detach':
      vmem_free(vmp, kept);
      return [outcome(() => vmem_detach(vmp))[1], outcome(() => vmem_malloc(vmp, 1))[1]];
    default: {
      vmem_free(vmp, question.free);
      const ptr = vmem_malloc(vmp, question.malloc);
      bytesAt(vmp, ptr, question.malloc).fill(9);
      return ptr;
    }
  }
}

parentPort!.on('message', (question: Question) => parentPort!.postMessage(answer(question)));
parentPort!.postMessage('attached');
