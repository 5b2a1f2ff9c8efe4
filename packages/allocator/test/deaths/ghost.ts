// A thread that died before the one that a test is about, and whom nobody has looked after.

import type { Heap } from '@vmem-ts/allocator';
import type { Manner } from './aftermath';
import { MortalThread } from '../support/mortal-thread';
import type { Scene } from './scene';

export class Ghost {
  private readonly thread: MortalThread;
  private heap: Heap | undefined;

  constructor(
    private readonly scene: Scene,
    private readonly tid: number,
  ) {
    this.thread = new MortalThread(scene.threads.hostOf(tid), scene.storage);
  }

  /** Attaches; leaves a block of each size in its cache and one to the survivors. Dies at write `fatal` of the attach. */
  attach(sizes: readonly number[], fatal?: number): void {
    const { scene, thread } = this;
    if (!thread.run(() => (this.heap = thread.attach(scene.heap.handle)), fatal)) return;
    thread.run(() => {
      for (const size of sizes) {
        scene.take(size, this.heap);
        this.heap!.free(this.heap!.malloc(size));
      }
    });
  }

  /** Does something, and dies at write `fatal` of that. */
  act(act: (heap: Heap) => unknown, fatal?: number): void {
    this.thread.run(() => void act(this.heap!), fatal);
  }

  /** Attaches, or does something, and asks a question before each write: the numbers of those where the answer is yes. */
  writesWhere(isSo: () => boolean, act?: (heap: Heap) => unknown): number[] {
    const { thread, scene } = this;
    const found: number[] = [];
    let write = 0;
    const before = (): void => {
      if (isSo()) found.push(write);
      write++;
    };
    thread.record({ before, after: () => undefined }, () => {
      if (act === undefined) thread.attach(scene.heap.handle);
      else act(this.heap!);
    });
    return found;
  }

  die(manner: Manner): void {
    if (manner === 'loud') this.scene.threads.kill(this.tid);
    else this.scene.threads.killSilently(this.tid);
  }
}
