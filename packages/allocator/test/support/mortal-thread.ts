// A thread that dies, or is overtaken by others, at a chosen write. Its heap object sees shared memory through
// proxies that count the writes; at the fatal one the operation is thrown out of, and nothing that the thread
// still does on the way out (unlocking in `finally`, cancelling its death watch) takes effect: as if it had been
// killed there.

import { Heap, type HeapHandle, type PageSource, type ThreadHost } from '@vmem-ts/allocator';

type Words = Int32Array | Uint8Array;
type AtomicCall = (words: Words, ...args: number[]) => unknown;

class Death extends Error {}

const WRITERS = ['compareExchange', 'store', 'exchange', 'add', 'sub', 'and', 'or', 'xor'] as const;
const READERS = ['load', 'notify', 'wait'] as const;
const CHANGING_METHODS = new Set<unknown>(['fill', 'copyWithin', 'set']);

export class MortalThread {
  /** Writes so far in the last operation that was run. */
  writes = 0;
  private lastWrite = Infinity;
  private isDead = false;
  private interlude: (() => void) | undefined;
  private readonly targets = new WeakMap<object, Words>();

  constructor(
    private readonly host: ThreadHost,
    private readonly source?: PageSource,
  ) {}

  /** Attaches this thread; to be called within `run`. */
  attach(handle: HeapHandle): Heap {
    const { Int32Array: Int32, Uint8Array: Uint8 } = globalThis;
    const mortal = (Type: typeof Int32 | typeof Uint8): typeof Int32 | typeof Uint8 =>
      new Proxy(Type, {
        construct: (_, args: [ArrayBuffer, number, number]) => {
          const words = new Type(...args);
          return args[0] === handle.buffer ? this.wrap(words) : words;
        },
      });
    Object.assign(globalThis, { Int32Array: mortal(Int32), Uint8Array: mortal(Uint8) });
    try {
      const source = this.mortalSource();
      return Heap.attach(handle, { host: this.mortalHost(), ...(source !== undefined && { source }) });
    } finally {
      Object.assign(globalThis, { Int32Array: Int32, Uint8Array: Uint8 });
    }
  }

  /** Runs an operation of this thread, which dies at write `fatal` of it, from 0. True if it survives. */
  run(operation: () => void, fatal = Infinity): boolean {
    this.writes = 0;
    this.lastWrite = fatal;
    const restore = this.patchAtomics();
    try {
      operation();
      return !this.isDead; // whatever caught it
    } catch (error) {
      if (!(error instanceof Death)) throw error;
      return false;
    } finally {
      restore();
      this.lastWrite = Infinity;
    }
  }

  /** Runs an operation; before its write `at`, from 0, others act. They must not wait for this thread's locks. */
  runWith(interlude: () => void, at: number, operation: () => void): void {
    this.interlude = interlude;
    this.run(operation, at);
    this.interlude = undefined;
  }

  /** False if the write must not happen any more. */
  private mayWrite(): boolean {
    if (this.isDead) return false;
    if (this.writes++ === this.lastWrite) {
      if (this.interlude !== undefined) {
        this.interlude();
        return true;
      }
      this.isDead = true;
      throw new Death('died');
    }
    return true;
  }

  private wrap(words: Words): Words {
    const proxy = new Proxy(words, {
      set: (target, key, value) => {
        if (this.mayWrite()) target[key as unknown as number] = value as number;
        return true;
      },
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || key === 'constructor') return value;
        return (...args: unknown[]) => {
          if (CHANGING_METHODS.has(key) && !this.mayWrite()) return target;
          const result: unknown = Reflect.apply(value, target, args);
          return key === 'subarray' ? this.wrap(result as Words) : result;
        };
      },
    });
    this.targets.set(proxy, words);
    return proxy;
  }

  private mortalHost(): ThreadHost {
    const { host } = this;
    return {
      identity: () => host.identity(),
      isAlive: (thread) => host.isAlive(thread),
      ...(host.barrier === undefined ? {} : { barrier: () => this.isDead || host.barrier!() }),
      onDeath: (buffer, notes) => {
        const watch = host.onDeath(buffer, notes);
        return { cancel: () => (this.isDead ? undefined : watch.cancel()) };
      },
    };
  }

  /** A change of storage is as good as a write: a thread can die before it and after it. */
  private mortalSource(): PageSource | undefined {
    const { source } = this;
    if (source === undefined) return undefined;
    return {
      back: (...range) => {
        if (!this.mayWrite()) return;
        source.back(...range);
        this.mayWrite();
      },
      drop: (...range) => {
        if (!this.mayWrite()) return false; // so that the dead do not try again and again
        const isDropped = source.drop(...range);
        this.mayWrite();
        return isDropped;
      },
    };
  }

  private patchAtomics(): () => void {
    const originals = {
      ...Object.fromEntries([...WRITERS, ...READERS].map((name) => [name, Atomics[name]])),
    };
    const patched = Object.fromEntries(
      Object.entries(originals).map(([name, call]) => [
        name,
        (words: Words, ...args: number[]): unknown => {
          const target = this.targets.get(words);
          const original = call as AtomicCall;
          if (target === undefined) return original(words, ...args);
          const writes = (WRITERS as readonly string[]).includes(name);
          // the dead meet success everywhere, so that they wait for nothing
          return writes && !this.mayWrite() ? args[1] : original(target, ...args);
        },
      ]),
    );
    Object.assign(Atomics, patched);
    return () => void Object.assign(Atomics, originals);
  }
}
