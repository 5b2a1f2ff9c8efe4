// Whether a heap object may be used, and what to say where it may not.

import { VmemError } from '../base/errors';
import type { Region } from '../layout/region';
import { refusal } from './pointers';
import type { ThreadCache } from './thread-cache';

export class Attachment {
  private cache: ThreadCache | undefined;
  private resting = false;

  constructor(
    private readonly region: Region,
    cache: ThreadCache,
  ) {
    this.cache = cache;
  }

  /** False after `end`, and where the heap was closed, in whichever thread. */
  get isOpen(): boolean {
    return this.cache !== undefined && this.region.isOpen;
  }

  get isResting(): boolean {
    return this.resting;
  }

  /**
   * This thread's cache.
   * @throws VmemError ECLOSED; EBUSY while the heap rests
   */
  require(): ThreadCache {
    if (this.cache === undefined || !this.region.isOpen) throw this.closedError();
    return this.cache;
  }

  end(): void {
    this.cache = undefined;
  }

  /** After `end`, which is not for good then. */
  rest(): void {
    this.resting = true;
  }

  resume(cache: ThreadCache): void {
    this.cache = cache;
    this.resting = false;
  }

  closedError(): VmemError {
    if (this.resting) return new VmemError('EBUSY', 'the heap rests until the call that is under way ends');
    const reason = this.region.isOpen ? 'this thread has detached from the heap' : 'the heap was deleted';
    return new VmemError('ECLOSED', reason);
  }

  /** What to throw when an operation on the shared structures failed: a heap closed meanwhile explains it all. */
  explained(error: unknown): unknown {
    return this.region.isOpen ? error : this.closedError();
  }

  explaining<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.explained(error);
    }
  }

  /** The same for an action that tells what it saw: where the heap was closed meanwhile, that is nothing. */
  watching<T>(action: () => T): T {
    const seen = this.explaining(action);
    this.require();
    return seen;
  }

  /** The error that says what `ptr` is, unless it is a live block. */
  refusalOf(ptr: unknown): VmemError | undefined {
    this.require();
    return refusal(this.region, ptr);
  }
}
