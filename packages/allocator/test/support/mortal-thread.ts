// A thread that dies, or is overtaken by others, at a chosen write. Its heap object sees shared memory through
// proxies that count the writes; at the fatal one the operation is thrown out of, and nothing that the thread
// still does on the way out (unlocking in `finally`, cancelling its death watch) takes effect: as if it had been
// killed there.
//
// What it writes can be recorded, too: then the memory of each death is had from one run of the operation.
//
// V8 stops a thread at function entries, loop ends and calls of built-ins, not at stores. A thread that is stopped between
// two of its stores has changed nothing since the first of them, whatever it has read meanwhile, and what it has read dies
// with it: so its death there is its death before the second store. `fill` and `copyWithin` are built-ins that V8 does
// not stop on their way; a change of storage is a write, before and after which a thread can die.

import {
  Heap,
  type HeapHandle,
  type HeapOptions,
  type PageSource,
  type ThreadHost,
} from '@vmem-ts/allocator';

type Words = Int32Array | Uint8Array;
type AtomicCall = (words: Words, ...args: number[]) => unknown;

class Death extends Error {}

/** What a write left in a buffer. */
export interface Write {
  readonly byteOffset: number;
  readonly bytes: Uint8Array;
}

/** Told of the writes of an operation that is recorded. */
export interface Recorder {
  /** The thread is about to write: it can die here. */
  before(): void;
  after(write: Write): void;
}

const WRITERS = ['compareExchange', 'store', 'exchange', 'add', 'sub', 'and', 'or', 'xor'] as const;
const READERS = ['load', 'notify', 'wait'] as const;
const CHANGING_METHODS = new Set<unknown>(['fill', 'copyWithin', 'set']);

/** Elements that a changing method may have written, from the first up to the second. */
function changedBy(method: unknown, words: Words, args: readonly unknown[]): readonly [number, number] {
  const [first, second = 0, third = words.length] = args as [unknown, number?, number?];
  if (method === 'fill') return [second, third];
  if (method === 'copyWithin') return [first as number, (first as number) + third - second];
  return [second, second + (first as ArrayLike<number>).length];
}

export class MortalThread {
  /** Writes so far in the last operation that was run. */
  writes = 0;
  private lastWrite = Infinity;
  private isDead = false;
  private interlude: (() => void) | undefined;
  private recorder: Recorder | undefined;
  private buffer: ArrayBufferLike | undefined;
  private readonly targets = new WeakMap<object, Words>();

  constructor(
    private readonly host: ThreadHost,
    private readonly source?: PageSource,
  ) {}

  /** Attaches this thread; to be called within `run`. */
  attach(handle: HeapHandle): Heap {
    return this.watching(handle.buffer, (options) => Heap.attach(handle, options));
  }

  /** Makes a heap in this thread; to be called within `run`. */
  create(buffer: SharedArrayBuffer, options: HeapOptions): Heap {
    return this.watching(buffer, (own) => Heap.create(buffer, { ...options, ...own }));
  }

  /** What `make` makes sees the buffer through proxies. */
  private watching(
    buffer: HeapHandle['buffer'],
    make: (options: Pick<HeapOptions, 'host' | 'source'>) => Heap,
  ): Heap {
    this.buffer = buffer;
    const { Int32Array: Int32, Uint8Array: Uint8 } = globalThis;
    const mortal = (Type: typeof Int32 | typeof Uint8): typeof Int32 | typeof Uint8 =>
      new Proxy(Type, {
        construct: (_, args: [ArrayBuffer, number, number]) => {
          const words = new Type(...args);
          return args[0] === buffer ? this.wrap(words) : words;
        },
      });
    Object.assign(globalThis, { Int32Array: mortal(Int32), Uint8Array: mortal(Uint8) });
    try {
      const source = this.mortalSource();
      return make({ host: this.mortalHost(), ...(source !== undefined && { source }) });
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
      // what is thrown by the dead, whose writes have no effect, is nothing that happens
      if (!(error instanceof Death) && !this.isDead) throw error;
      return false;
    } finally {
      restore();
      this.lastWrite = Infinity;
    }
  }

  /** Runs an operation of this thread, which survives it, and tells of all its writes. */
  record(recorder: Recorder, operation: () => void): void {
    this.recorder = recorder;
    try {
      this.run(operation);
    } finally {
      this.recorder = undefined;
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
    this.recorder?.before();
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

  /** To be called after each write of the elements from `from` up to `to`. */
  private wrote(words: Words, from: number, to: number): void {
    if (this.recorder === undefined) return;
    const size = words.BYTES_PER_ELEMENT;
    this.wroteBytes(words.buffer, words.byteOffset + from * size, (to - from) * size);
  }

  private wroteBytes(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): void {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice();
    this.recorder?.after({ byteOffset, bytes });
  }

  private wrap(words: Words): Words {
    const proxy = new Proxy(words, {
      set: (target, key, value) => {
        if (!this.mayWrite()) return true;
        target[key as unknown as number] = value as number;
        this.wrote(target, Number(key), Number(key) + 1);
        return true;
      },
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function' || key === 'constructor') return value;
        return (...args: unknown[]) => {
          if (CHANGING_METHODS.has(key) && !this.mayWrite()) return target;
          const result: unknown = Reflect.apply(value, target, args);
          if (CHANGING_METHODS.has(key)) this.wrote(target, ...changedBy(key, target, args));
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
        this.changedStorage(...range);
      },
      drop: (...range) => {
        if (!this.mayWrite()) return false; // so that the dead do not try again and again
        const isDropped = source.drop(...range);
        this.changedStorage(...range);
        return isDropped;
      },
    };
  }

  private changedStorage(byteOffset: number, byteLength: number): void {
    if (this.recorder !== undefined) this.wroteBytes(this.buffer!, byteOffset, byteLength);
    this.mayWrite();
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
          if (!writes) return original(target, ...args);
          if (!this.mayWrite()) return args[1];
          const result = original(target, ...args);
          this.wrote(target, args[0], args[0] + 1);
          return result;
        },
      ]),
    );
    Object.assign(Atomics, patched);
    return () => void Object.assign(Atomics, originals);
  }
}
