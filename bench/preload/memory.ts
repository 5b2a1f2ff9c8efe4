// Where a process's memory is: anonymous, or in the file of its pool. Keeps so many buffers of 1 MiB, all written to, and
// prints sums of /proc/self/smaps, in MiB.
//
// Arguments: how many buffers.

import { readFileSync } from 'node:fs';

const MIB = 2 ** 20;
const count = Number(process.argv[2]);

const kept = Array.from({ length: count }, (_, i) => Buffer.alloc(MIB, i + 1));

const sums = { anonymous: 0, pool: 0 };
let isPools = false;
for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
  // a pool's file has no name
  if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isPools = / rw-s .*\(deleted\)$/.test(line);
  const [, name, kib] = /^(Rss|Anonymous): +(\d+) kB/.exec(line) ?? [];
  if (name === 'Rss' && isPools) sums.pool += Number(kib) / 1024;
  if (name === 'Anonymous') sums.anonymous += Number(kib) / 1024;
}
if (kept.some((bytes, i) => bytes[MIB - 1] !== (i + 1) % 256)) throw new Error('contents are lost');
console.log(JSON.stringify(sums));
