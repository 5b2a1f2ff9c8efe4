// What threads have to do with each other's buffers. Prints how it went.
//
// Arguments: one of blob, full, idle, moved, hooks.

import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createContext } from 'node:vm';
import {
  MessageChannel,
  Worker,
  isMainThread,
  moveMessagePortToContext,
  parentPort,
} from 'node:worker_threads';

const MIB = 2 ** 20;
const how = process.argv[2];
const kept: unknown[] = [];

const worker = (): Worker => new Worker(__filename, { argv: [how] });

type Acts = Record<string, () => unknown>;

/** Both in another thread than the one that prints. */
const inWorker: Acts = {
  blob: () => {
    parentPort!.postMessage(new Blob(['A'.repeat(200_000), new Uint8Array(200_000).fill(66)]));
  },
  full: () => {
    parentPort!.postMessage('started');
  },
  idle: async () => {
    for (let i = 0; i < 30; i++) {
      kept.push(new Uint8Array(MIB).fill(i));
      await setTimeout(5);
    }
    parentPort!.postMessage(kept.length);
  },
};

const inMain: Acts = {
  /** A Blob's memory outlives the thread that made it. */
  blob: async () => {
    const other = worker();
    const [blob] = (await once(other, 'message')) as [Blob];
    await once(other, 'exit');
    for (let i = 0; i < 40; i++) kept.push(new Uint8Array(200_000).fill(67));
    const text = await blob.text();
    return [text.length, text.replaceAll(/(.)\1*/g, '$1')];
  },
  /** A worker is started when the pool has no room for it. */
  full: async () => {
    try {
      for (let i = 0; i < 600; i++) kept.push(new Uint8Array(131_072).fill(i));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    const other = worker();
    const end = new Promise((resolve) => other.once('exit', resolve));
    const told = once(other, 'message').catch((error: unknown) => [(error as Error).message]);
    const [message] = (await told) as [string];
    return [message, await end];
  },
  /** A thread has filled the pool with garbage and allocates no more. */
  idle: async () => {
    let garbage: Uint8Array[] = [];
    for (let i = 0; i < 40; i++) garbage.push(new Uint8Array(MIB).fill(i));
    garbage = [];
    await setTimeout(1000);
    const other = worker();
    return [garbage.length, ...((await once(other, 'message')) as unknown[])];
  },
  /** A port of another realm transfers. */
  moved: async () => {
    const { port1, port2 } = new MessageChannel();
    const moved = moveMessagePortToContext(port1, createContext()) as unknown as {
      postMessage(message: unknown, list: readonly unknown[]): void;
    };
    const memory = new ArrayBuffer(100_000);
    const arrived = once(port2, 'message');
    moved.postMessage(memory, [memory]);
    const [message] = (await arrived) as [ArrayBuffer];
    port2.close();
    return [memory.byteLength, message.byteLength];
  },
  /** The program has put its own in the place of functions that the event loop is known by. */
  hooks: async () => {
    const { setImmediate } = globalThis;
    Reflect.deleteProperty(globalThis, 'setImmediate');
    (globalThis as { setTimeout?: unknown }).setTimeout = () => 1;
    for (let turn = 0; turn < 30; turn++) {
      for (let i = 0; i < 10; i++) kept[i] = new Uint8Array(MIB).fill(i);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return kept.length;
  },
};

if (isMainThread) void Promise.resolve(inMain[how]()).then((found) => console.log(JSON.stringify(found)));
else void inWorker[how]();
