// The kinds that this thread has, by their ids: from a pointer to its kind.

import { KIND_SPAN } from './kind-id';

/** What the table needs to know of a kind. */
export interface Numbered {
  readonly id: number;
  /** False after another thread has destroyed it. */
  readonly isOpen: boolean;
  /** Gives back what this thread has of it; removes it from the table. */
  detach(): void;
}

export class Kinds<K extends Numbered> {
  private readonly byId = new Map<number, K>();

  add(kind: K): void {
    this.byId.set(kind.id, kind);
  }

  /** Only `kind`: its id may stand for a newer one. */
  remove(kind: K): void {
    if (this.byId.get(kind.id) === kind) this.byId.delete(kind.id);
  }

  get(id: number): K | undefined {
    return this.byId.get(id);
  }

  /** The kind in whose range `ptr` lies. Whether a block is there, the kind knows. */
  of(ptr: number): K | undefined {
    return this.byId.get(Math.floor(ptr / KIND_SPAN));
  }

  [Symbol.iterator](): IterableIterator<K> {
    return this.byId.values();
  }

  /** Lets go of those that other threads have destroyed, or this one would keep their addresses. */
  sweep(): void {
    for (const kind of this.byId.values()) if (!kind.isOpen) kind.detach();
  }
}
