// Which backend a new pool gets.

import { VmemError, describe } from '@vmem-ts/allocator';
import { anonymous } from './anonymous';
import type { Backend, BackendName } from './backend';
import { mmapIoBackend } from './mmap-io';
import { overlay } from './overlay';

/** Backends that a pool can be created on. */
export type BackendChoice = 'auto' | Exclude<BackendName, 'region'>;

const BACKENDS: Readonly<Record<Exclude<BackendName, 'region'>, Backend>> = {
  overlay,
  anonymous,
  'mmap-io': mmapIoBackend,
};

let warned = false;

/**
 * The backend of that name; for `auto` the overlay, or where it can't be had anonymous memory, with one warning a
 * thread.
 * @throws VmemError EINVAL for an unknown name, ENOTSUP for one that can't work here
 */
export function chooseBackend(choice: BackendChoice): Backend {
  if (choice !== 'auto') return backendNamed(choice);
  const reason = overlay.unavailable();
  if (reason === undefined) return overlay;
  if (!warned) {
    warned = true;
    process.emitWarning(`pools are in anonymous memory, not in files: ${reason}`, { type: 'VmemWarning' });
  }
  return anonymous;
}

/** @throws VmemError EINVAL for an unknown name, ENOTSUP for one that can't work here */
export function backendNamed(name: unknown): Backend {
  if (typeof name === 'string' && Object.hasOwn(BACKENDS, name)) {
    const backend = BACKENDS[name as keyof typeof BACKENDS];
    const reason = backend.unavailable();
    if (reason !== undefined) throw new VmemError('ENOTSUP', `backend ${name} can't be used: ${reason}`);
    return backend;
  }
  const names = Object.keys(BACKENDS).join(', ');
  throw new VmemError('EINVAL', `backend: expected auto, ${names}, got ${describe(name)}`);
}
