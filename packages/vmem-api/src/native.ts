// The only importer of the native helper: what pools need of it, and what the heap needs to know of threads.

import { isThreadAlive, loadError, onThreadDeath, threadBarrier, threadIdentity } from '@vmem-ts/mmap-helper';
import type { ThreadHost } from '@vmem-ts/allocator';

export {
  adoptFile,
  addressAlignment,
  advise,
  alignedOffset,
  allocateFile,
  canLendShared,
  cancelThreadDeaths,
  closeFile,
  collectGarbage,
  detachBuffer,
  dropMapping,
  fileInfo,
  isLent,
  loadError,
  lockFile,
  mayMap,
  openFile,
  openLending,
  openMemoryFile,
  openUnnamedFile,
  overlayFile,
  privatePages,
  punchHole,
  reserve,
} from '@vmem-ts/mmap-helper';
export type { Lending } from '@vmem-ts/mmap-helper';

let knownBarrier: boolean | undefined;
/** Whether there is a fence in all threads: the system may refuse, and says the same each time. */
const hasBarrier = (): boolean => (knownBarrier ??= threadBarrier());

/** Tells living threads of this process from dead ones; undefined where the addon is missing. */
export function threadHost(): ThreadHost | undefined {
  if (loadError() !== null) return undefined;
  return {
    identity: threadIdentity,
    isAlive({ tid, startTime = -1 }) {
      // one that is no time was read from a pool that somebody has written over
      const isTime = Number.isSafeInteger(startTime) && startTime >= 0;
      return isThreadAlive({ pid: process.pid, tid, ...(isTime && { startTime }) });
    },
    onDeath: onThreadDeath,
    ...(hasBarrier() && { barrier: threadBarrier }),
  };
}
