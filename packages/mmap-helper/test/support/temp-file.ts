/*
 * Unnamed files of the tests, closed at the end of each.
 */
import { tmpdir } from 'node:os';
import { allocateFile, closeFile, openUnnamedFile } from '@vmem-ts/mmap-helper';

const open: number[] = [];

/** An unnamed file with `size` bytes of storage. */
export function tempFile(size: number, dir: string = tmpdir()): number {
  const fd = openUnnamedFile(dir);
  open.push(fd);
  if (size > 0) allocateFile(fd, 0, size);
  return fd;
}

afterEach(() => {
  for (const fd of open.splice(0)) closeFile(fd);
});
