/*
 * Finds and loads the native addon. The package can be imported without it: whoever needs it gets the reason then.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** What a native function answers instead of a result when it refused or failed. */
export interface Failure {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  readonly reason: string;
}

type Done = Failure | null;

/** The functions of native/src/lib.rs. They check again what memory safety depends on, and throw nothing useful. */
interface NativeAddon {
  readonly INTERFACE_VERSION: number;
  pageSize(): number;
  openUnnamedFile(dir: string): number | Failure;
  openFile(path: string): number | Failure;
  openMemoryFile(): number | Failure;
  adoptFile(fd: number): number | Failure;
  lockFile(fd: number, lock: string): Done;
  closeFile(fd: number): Done;
  allocateFile(fd: number, offset: number, length: number): Done;
  punchHole(fd: number, offset: number, length: number): Done;
  fileInfo(fd: number): NativeFileInfo | Failure;
  addressModulo(bytes: Uint8Array, modulus: number): number;
  overlayFile(bytes: Uint8Array, fd: number, fileOffset: number, mode: NativeMode | 'sync'): Done;
  dropMapping(bytes: Uint8Array): Done;
  mayMap(count: number): boolean;
  freeFileSpace(bytes: Uint8Array): Done;
  advise(bytes: Uint8Array, advice: string): Done;
  sync(bytes: Uint8Array, wait: boolean): Done;
  mapFile(fd: number, offset: number, length: number, mode: NativeMode): ArrayBuffer | Failure;
  openLending(bytes: Uint8Array, desk: Uint8Array): number | Failure;
  lend(lending: number, offset: number, length: number): ArrayBuffer | Failure;
  canLendShared(): boolean;
  lendShared(lending: number, offset: number, length: number): SharedArrayBuffer | Failure;
  returnedCount(lending: number): number;
  takeReturned(lending: number): number;
  collectGarbage(): void;
  isLent(bytes: Uint8Array): boolean;
  detachBuffer(buffer: ArrayBuffer): boolean;
  threadIdentity(): { pid: number; tid: number; startTime: number } | Failure;
  isThreadAlive(pid: number, tid: number, startTime?: number): boolean;
  threadBarrier(): boolean;
  startWatch(bytes: Uint8Array, words: number[]): number | Failure;
  cancelWatch(id: number): boolean;
  cancelWatchesInside(bytes: Uint8Array): number;
}

type NativeMode = 'shared' | 'private';

export interface NativeFileInfo {
  readonly size: number;
  readonly blocksBytes: number;
  readonly alignment: number;
  readonly isCharDevice: boolean;
  readonly isDax: boolean;
  readonly major: number;
  readonly minor: number;
  readonly fsType: number;
  readonly id: string;
}

/** That of `INTERFACE_VERSION` in native/src/lib.rs. */
const INTERFACE_VERSION = 10;

const BUILD = 'npm run build:native -w packages/mmap-helper';

class NoAddonError extends Error {
  declare readonly name: 'NoAddonError';
  readonly code = 'ERR_NO_ADDON';
}
// not by an assignment in the constructor, which fails where a program has frozen Error.prototype
Object.defineProperty(NoAddonError.prototype, 'name', {
  value: 'NoAddonError',
  writable: true,
  configurable: true,
});

function load(): NativeAddon | NoAddonError {
  const { platform, arch } = process;
  if (platform !== 'linux') {
    return new NoAddonError(`@vmem-ts/mmap-helper works on Linux only; this is ${platform}`);
  }
  const folder = path.join(__dirname, '..', 'native');
  const files = ['gnu', 'musl'].map((libc) =>
    path.join(folder, `vmem-mmap-helper.linux-${arch}-${libc}.node`),
  );
  const require = createRequire(__filename);
  let reason = `expected ${files.join(' or ')}, and there is none; to build it, in a checkout: ${BUILD}`;
  for (const file of files) {
    if (!existsSync(file)) continue;
    try {
      const addon = require(file) as NativeAddon;
      if (addon.INTERFACE_VERSION === INTERFACE_VERSION) return addon;
      reason = `${file} was built from other sources; to build it again, in a checkout: ${BUILD}`;
    } catch (error) {
      reason = `${file}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return new NoAddonError(`The native addon of @vmem-ts/mmap-helper can't be loaded: ${reason}`);
}

const loaded = load();

/**
 * Why the native addon could not be loaded, or null when it was. While it isn't, every other function of the package
 * throws this error; its `code` is `'ERR_NO_ADDON'`.
 */
export function loadError(): Error | null {
  return loaded instanceof NoAddonError ? loaded : null;
}

/** The addon, or the throw of `loadError()`. */
export function addon(): NativeAddon {
  if (loaded instanceof NoAddonError) throw loaded;
  return loaded;
}
