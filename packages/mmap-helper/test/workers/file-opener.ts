// Opens a file and ends: the descriptor must outlive this thread.
import { parentPort, workerData } from 'node:worker_threads';
import { openUnnamedFile } from '@vmem-ts/mmap-helper';

parentPort!.postMessage(openUnnamedFile(workerData as string));
