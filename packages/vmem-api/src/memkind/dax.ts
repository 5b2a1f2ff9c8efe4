// Whether files of a directory, or a device, are persistent memory that can be mapped directly (DAX).

import { ftruncateSync } from 'node:fs';
import { VmemError } from '@vmem-ts/allocator';
import { closeFile, dropMapping, loadError, openUnnamedFile, overlayFile, reserve } from '../native';
import { isDaxDevice } from '../backends/dax-device';
import { requireDirectory } from '../pool/directory';
import { failingAs } from '../pool/failures';
import { PAGE_SIZE } from '../pool/limits';
import { MEMKIND_ERROR_MMAP, MEMKIND_ERROR_RUNTIME } from './codes';
import { attempt } from './failures';

/**
 * Maps a file in `dir` for a moment in the way that only DAX allows (mmap(2), MAP_SYNC). A DAX device is persistent memory, too,
 * which C does not know.
 *
 * MEMKIND_ERROR_RUNTIME: there can be no file, or this can't be found out without the addon; MEMKIND_ERROR_MMAP: it has no
 * DAX, and errno is EOPNOTSUPP. memkind_pmem_validate_dir, memkind_pmem(3)
 */
export function memkind_pmem_validate_dir(dir: string): number {
  let hasFile = false;
  return attempt(
    () => {
      requireDirectory(dir);
      const reason = loadError();
      if (reason !== null) throw new VmemError('ENOTSUP', `files can't be mapped: ${reason.message}`);
      if (isDaxDevice(dir)) return;
      failingAs(`files in '${dir}' can't be mapped with MAP_SYNC`, () => {
        const fd = openUnnamedFile(dir);
        try {
          ftruncateSync(fd, PAGE_SIZE);
          hasFile = true;
          const buffer = reserve(PAGE_SIZE);
          overlayFile(buffer, 0, PAGE_SIZE, fd, 0, 'sync');
          dropMapping(buffer, 0, PAGE_SIZE);
        } finally {
          closeFile(fd);
        }
      });
    },
    () => (hasFile ? MEMKIND_ERROR_MMAP : MEMKIND_ERROR_RUNTIME),
  );
}

/** The same. memkind_check_dax_path(3) */
export const memkind_check_dax_path = memkind_pmem_validate_dir;
