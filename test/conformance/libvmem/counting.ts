// Functions for vmem_set_funcs that count, as those of C's tests do, and notice what is given back that was not theirs.

import {
  vmem_set_funcs,
  type FreeFunc,
  type MallocFunc,
  type PrintFunc,
  type ReallocFunc,
  type StrdupFunc,
} from '@vmem-ts/vmem-api/libvmem';

interface Functions {
  readonly malloc: MallocFunc;
  readonly free: FreeFunc;
  readonly realloc: ReallocFunc;
  readonly strdup: StrdupFunc;
  readonly print: PrintFunc | null;
}

export class Counting {
  calls = 0;
  /** Blocks that were not given back. */
  readonly live = new Set<Uint8Array>();
  /** What was given back, or to be resized, and was not live. */
  readonly wrong: Uint8Array[] = [];
  readonly names: string[] = [];
  private readonly called = new Set<string>();

  /** Sets these functions, or others in the place of some. */
  set(others: Partial<Functions> = {}): void {
    const own: Functions = {
      malloc: (size) => this.made(new Uint8Array(size).fill(0xcc)),
      free: (block) => this.gone(block),
      realloc: (block, size) => {
        this.gone(block);
        const grown = this.made(new Uint8Array(size).fill(0xcc));
        grown.set(block.subarray(0, size));
        return grown;
      },
      strdup: (text) => {
        this.names.push(text);
        return this.made(Uint8Array.from(Buffer.from(`${text}\0`)));
      },
      print: null,
    };
    const { malloc, free, realloc, strdup, print } = { ...own, ...others };
    vmem_set_funcs(
      this.counted('malloc', malloc),
      this.counted('free', free),
      this.counted('realloc', realloc),
      this.counted('strdup', strdup),
      print,
    );
  }

  calledFor(...names: (keyof Functions)[]): boolean {
    return names.every((name) => this.called.has(name));
  }

  private counted<A extends unknown[], R>(name: string, call: (...args: A) => R): (...args: A) => R {
    return (...args) => {
      this.calls++;
      this.called.add(name);
      return call(...args);
    };
  }

  private made(block: Uint8Array): Uint8Array {
    this.live.add(block);
    return block;
  }

  private gone(block: Uint8Array): void {
    if (!this.live.delete(block)) this.wrong.push(block);
  }
}
