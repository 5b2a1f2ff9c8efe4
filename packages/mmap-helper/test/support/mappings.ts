/*
 * What this process has mapped, as proc(5) lists it in /proc/self/maps.
 */
import { fstatSync, readFileSync } from 'node:fs';

/** How many mappings of the file there are. */
export function countMappings(fd: number): number {
  const inode = String(fstatSync(fd).ino);
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .filter((line) => line.split(/\s+/)[4] === inode).length;
}

/** How many mappings there are at all. The kernel's limit is /proc/sys/vm/max_map_count. */
export function countAllMappings(): number {
  return readFileSync('/proc/self/maps', 'utf8').split('\n').length - 1;
}
