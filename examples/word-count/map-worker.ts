// Counts the usual way: strings in a Map of this worker's own, which goes to the main thread in the end. Text and words
// come from the same functions as those of the pool's workers, so the difference is in the counting alone.

import { workerData } from 'node:worker_threads';
import { doJob, type Job } from './job';
import { scanWords, type WordVisitor } from './tokenizer';

doJob(workerData as Job, () => {
  const counts = new Map<string, number>();
  let buffer = Buffer.alloc(0);
  const countWord: WordVisitor = (bytes, start, end) => {
    const word = bytes.toString('utf8', start, end);
    const count = counts.get(word);
    counts.set(word, count === undefined ? 1 : count + 1);
  };
  return {
    counts,
    makeRoom(bytes) {
      if (bytes > buffer.length) {
        const larger = Buffer.allocUnsafeSlow(bytes);
        buffer.copy(larger);
        buffer = larger;
      }
      return buffer.subarray(0, bytes);
    },
    count: ({ bytes, start, end }) => scanWords(bytes, start, end, countWord),
  };
});
