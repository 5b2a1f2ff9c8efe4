// A process that prints who it is and lives on.
import { threadIdentity } from '@vmem-ts/mmap-helper';

process.stdout.write(JSON.stringify(threadIdentity()));
setInterval(() => {}, 1000);
