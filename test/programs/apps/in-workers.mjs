// node in-workers.mjs PROGRAM WORKERS SCALE: the program in so many workers at once, each of which runs all of it. Prints
// what each has printed.

import { text } from 'node:stream/consumers';
import { Worker } from 'node:worker_threads';

const [program, workers, scale] = process.argv.slice(2);

const outputs = Array.from({ length: Number(workers) }, async () => {
  const worker = new Worker(program, { argv: [scale], stdout: true });
  const failed = new Promise((_, fail) => worker.once('error', fail));
  return Promise.race([text(worker.stdout), failed]);
});
for (const output of await Promise.all(outputs)) process.stdout.write(output);
