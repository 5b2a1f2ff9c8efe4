/* Holds a SharedArrayBuffer, says what is in its first byte, and ends when it is told to. */
import { parentPort } from 'node:worker_threads';

let held: Uint8Array | undefined;
parentPort!.on('message', (message: SharedArrayBuffer | 'drop') => {
  if (message === 'drop') {
    held = undefined;
    parentPort!.close();
  } else {
    held = new Uint8Array(message);
    parentPort!.postMessage(held[0]);
  }
});
