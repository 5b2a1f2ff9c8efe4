/*
 * The package's public face. Everything here says in its docs which arguments it takes, what it throws and which
 * system call is behind it.
 */
export { loadError } from './addon.js';
export {
  adoptFile,
  allocateFile,
  closeFile,
  fileInfo,
  lockFile,
  openFile,
  openMemoryFile,
  openUnnamedFile,
  punchHole,
} from './file.js';
export type { FileInfo, FileLock } from './file.js';
export { canLendShared, collectGarbage, detachBuffer, isLent, openLending } from './lending.js';
export type { Lending } from './lending.js';
export { mapFile } from './mapped-file.js';
export type { MapMode } from './mapped-file.js';
export { MmapError } from './mmap-error.js';
export type { MmapErrorSubject } from './mmap-error.js';
export {
  addressAlignment,
  alignedOffset,
  dropMapping,
  freeFileSpace,
  mayMap,
  overlayFile,
  pageSize,
  reserve,
} from './overlay.js';
export type { OverlayMode } from './overlay.js';
export { advise, sync } from './paging.js';
export type { Advice } from './paging.js';
export { privatePages } from './private-pages.js';
export type { ByteRange } from './private-pages.js';
export { threadBarrier } from './thread-barrier.js';
export { cancelThreadDeaths, onThreadDeath } from './thread-death.js';
export type { DeathWatch, DeathWord } from './thread-death.js';
export { isThreadAlive, threadIdentity } from './thread-identity.js';
export type { ThreadIdentity } from './thread-identity.js';
