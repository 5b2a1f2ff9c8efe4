// Writes into a buffer that the main thread has overlaid, and answers with what it reads there.
import { parentPort, workerData } from 'node:worker_threads';

const { buffer } = workerData as { buffer: SharedArrayBuffer };
const bytes = new Uint8Array(buffer, 0, buffer.byteLength);
parentPort!.on('message', ({ offset, value }: { offset: number; value?: number }) => {
  const seen = bytes[offset];
  if (value !== undefined) bytes[offset] = value;
  parentPort!.postMessage(seen);
});
