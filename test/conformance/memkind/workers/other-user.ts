// Makes a kind in a directory as a user who may not write there, and prints the result and errno.

import { errno, memkind_create_pmem, MEMKIND_PMEM_MIN_SIZE } from '@vmem-ts/vmem-api/memkind';

process.setgid?.(65534);
process.setuid?.(65534);
const status = memkind_create_pmem(process.argv[2], MEMKIND_PMEM_MIN_SIZE, { value: null });
process.stdout.write(JSON.stringify([status, errno()]));
