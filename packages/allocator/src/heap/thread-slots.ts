// The table of threads: each heap object that is attached has a slot, whose index names it in locks and block
// states.
//
// [SLOT-1] A slot is free, or its owner word names a thread, says that it died, or names the thread that reaps
//          it; only a slot in use has a cache page, and that is an extent of kind `cache` of this slot.
// [SLOT-2] The flag of fast sections is a `Busy`. A thread's own slot names it, as it was when it attached.

import { PlainWords } from '../base/built-in';
import { VmemError } from '../base/errors';
import { asSlot, type PageIndex, type SlotIndex } from '../base/units';
import type { Region } from '../layout/region';
import { Busy, Calls, Slot, SlotOwner, isToken, slotAt, slotOfToken, tokenOf } from '../layout/region-layout';
import type { SectionOwners } from '../sync/fast-sections';
import { ABANDONED } from '../sync/lock';
import { storeRelease } from '../sync/platform';
import { waitWhile } from '../sync/wait';
import type { ThreadHost, ThreadWatch } from './thread-host';

/** How long a thread that attaches waits for slots to be cleared: far longer than that takes. */
const MOST_NAPS = 1000;
const NAP_MS = 1;

export interface SlotClaim {
  readonly slot: SlotIndex;
  /** True if the slot's last user died and nobody has cleared what it left. */
  readonly isLeft?: boolean;
  /** Names this user of the slot in locks. */
  readonly token: number;
}

export class ThreadSlots implements SectionOwners {
  /** Words of the busy flags, one a slot. */
  readonly busyWords: Int32Array;
  /** The slot that `claim` has got for the calling thread, known from that moment on; -1 before. */
  claimed = -1;
  private readonly i32: Int32Array;

  constructor(
    private readonly region: Region,
    readonly count: number,
    readonly host: ThreadHost | undefined,
  ) {
    this.i32 = region.i32;
    this.busyWords = new PlainWords(count);
    for (let slot = 0; slot < count; slot++)
      this.busyWords[slot] = Slot.start + slot * Slot.words + Slot.busy;
  }

  /**
   * Claims a slot for the calling thread: a free one, else a dead thread's with all that it left. Waits for those that others
   * clear. Undefined if there is none.
   */
  claim(): SlotClaim | undefined {
    for (let naps = 0; naps < MOST_NAPS; naps++) {
      const claim = this.tryClaim();
      if (claim !== undefined) return claim;
      const at = this.wordBeingCleared();
      if (at < 0) break;
      waitWhile(this.i32, at, this.i32[at], NAP_MS);
    }
    return this.tryClaim(); // what was cleared between the two looks
  }

  private tryClaim(): SlotClaim | undefined {
    const { owner, startTimeLow, startTimeHigh } = this.callerWords();
    const isFree = (_: number, old: number): boolean => old === SlotOwner.nobody;
    const free = this.claimWhere(owner, isFree);
    const slot = free ?? this.claimWhere(owner, this.isLeft);
    if (slot === undefined) return undefined;
    const at = slotAt(slot);
    // nobody waits for the section that a dead thread may have left here, and `isTorn` remembers that thread
    this.i32[this.busyWords[slot]] = free === undefined ? Busy.clearing : Busy.outside;
    this.i32[at + Slot.startTimeLow] = startTimeLow;
    this.i32[at + Slot.startTimeHigh] = startTimeHigh;
    // publishes the start time; partner: the load in `isAlive`
    storeRelease(this.i32, at + Slot.startTimeOf, owner);
    const token = tokenOf(slot, ++this.i32[at + Slot.generation]);
    return { slot, token, isLeft: free === undefined };
  }

  release(slot: SlotIndex): void {
    // publishes that nothing is left in the slot; partner: the exchange in `claim`
    Atomics.store(this.i32, slotAt(slot) + Slot.owner, SlotOwner.nobody);
  }

  /** Has the slot marked dead when the calling thread dies. */
  watch(slot: SlotIndex): ThreadWatch | undefined {
    const byteOffsetOf = (word: number): number => this.region.byteOffset + word * 4;
    return this.host?.onDeath(this.region.buffer, [
      { byteOffset: byteOffsetOf(slotAt(slot) + Slot.owner), op: 'store', value: SlotOwner.dead },
      { byteOffset: byteOffsetOf(Calls.deaths), op: 'add', value: 1 },
    ]);
  }

  /** True if the thread whose token stands in a lock will never let go of it; asks the system if it may `inquire`. */
  isGone(token: number, inquire = true): boolean {
    const slot = slotOfToken(token);
    if (!isToken(token, this.count)) {
      throw new VmemError(
        'ECORRUPT',
        `[LOCK-1] a lock or a slot holds ${token}, no token of one of ${this.count} slots`,
      );
    }
    if (token !== tokenOf(slot, this.i32[slotAt(slot) + Slot.generation])) return true;
    return inquire ? this.isDead(slot) : !this.mayRun(slot);
  }

  /**
   * Has the thread that somebody waits for look what it has left, if it lives and is not inside a call: see `leftovers`. One
   * that finds all it needs in its cache would not come to look, so its gate is left as abandoned, whose cost is that its cache
   * is rebuilt.
   */
  remind(owner: number): void {
    Atomics.add(this.i32, Calls.deaths, 1); // partner: the loads in the heap's slow paths
    // partner: the loads in fast sections; whoever takes the gate over waits for the one under way
    Atomics.compareExchange(this.i32, slotAt(slotOfToken(owner)) + Slot.gate, 0, ABANDONED);
  }

  /** True if no thread lives in the slot; one found dead is marked, so that the system is asked only once. */
  isDead(slot: number): boolean {
    return this.ask(slot, false);
  }

  /** The same where many slots are asked about: quicker, but false also if a later thread has the dead one's id. */
  isDeadByNumber(slot: number): boolean {
    return this.ask(slot, true);
  }

  /**
   * True if what the slot holds may be half done: its thread has died, or took it from one that died and has not cleared it
   * yet. To be asked with the gate closed and no section under way, or it changes meanwhile.
   */
  isTorn(slot: number): boolean {
    // its number will do: who died in a fast section has left the flag up, who died in a slow path, the gate
    if (this.isDeadByNumber(slot)) return true;
    const at = slotAt(slot);
    // `claim` says whose start time it is after it said that there is something to clear, so in this order
    const isClaiming = Atomics.load(this.i32, at + Slot.startTimeOf) !== this.i32[at + Slot.owner];
    return isClaiming || this.i32[at + Slot.busy] !== (Busy.outside as number);
  }

  /** Marks a dead slot as being reaped by the thread with `token`; false if somebody else does it already. */
  beginReaping(slot: number, token: number): boolean {
    return this.claimWhere(-token, this.isLeft, slot, slot + 1) !== undefined;
  }

  /** Forgets that a thread died in the slot, maybe inside a fast section: nothing of it is left. */
  leaveSection(slot: number): void {
    this.i32[this.busyWords[slot]] = Busy.outside;
  }

  /** True if the calling thread's slot is still as `claim` has left it. */
  isOwn(slot: SlotIndex, token: number): boolean {
    const { i32 } = this;
    const at = slotAt(slot);
    const { owner, startTimeLow, startTimeHigh } = this.callerWords();
    return (
      i32[at + Slot.owner] === owner &&
      i32[at + Slot.startTimeOf] === owner &&
      i32[at + Slot.startTimeLow] === startTimeLow &&
      i32[at + Slot.startTimeHigh] === startTimeHigh &&
      tokenOf(slot, i32[at + Slot.generation]) === token
    );
  }

  /** True if a thread that is not known to be dead has the slot. */
  mayRun(slot: number): boolean {
    return this.i32[slotAt(slot) + Slot.owner] > SlotOwner.nobody;
  }

  inUse(slot: number): boolean {
    return this.i32[slotAt(slot) + Slot.owner] !== SlotOwner.nobody;
  }

  /** Slots of threads that live, as far as is known without asking the system. */
  attachedCount(): number {
    let attached = 0;
    for (let slot = 0; slot < this.count; slot++) if (this.mayRun(slot)) attached++;
    return attached;
  }

  cachePage(slot: number): PageIndex {
    return this.i32[slotAt(slot) + Slot.cachePage] as PageIndex;
  }

  setCachePage(slot: number, page: PageIndex): void {
    this.i32[slotAt(slot) + Slot.cachePage] = page;
  }

  /** What stands in a slot of the calling thread's. */
  private callerWords(): { owner: number; startTimeLow: number; startTimeHigh: number } {
    const { tid, startTime = 0 } = this.host?.identity() ?? { tid: SlotOwner.unnamed };
    return { owner: tid, startTimeLow: startTime | 0, startTimeHigh: Math.floor(startTime / 2 ** 32) };
  }

  /** The first slot of a range whose owner could be replaced by `owner`, of those that satisfy `may`. */
  private claimWhere(
    owner: number,
    may: (slot: number, owner: number) => boolean,
    from = 0,
    to = this.count,
  ): SlotIndex | undefined {
    for (let slot = from; slot < to; slot++) {
      const at = slotAt(slot) + Slot.owner;
      let old = this.i32[at];
      if (!may(slot, old)) continue;
      if (old > 0) old = SlotOwner.dead; // `may` has marked the thread that it found dead
      // if a former user of the slot had this thread's id, its start time must not be taken for this thread's
      if (owner > 0) Atomics.compareExchange(this.i32, slotAt(slot) + Slot.startTimeOf, owner, 0);
      // acquires what the last user left; partner: the store in `release`, or the death note
      if (Atomics.compareExchange(this.i32, at, old, owner) === old) {
        if (owner > 0) this.claimed = slot;
        return asSlot(slot);
      }
    }
    return undefined;
  }

  /** The owner word of a slot that some thread clears, or -1. */
  private wordBeingCleared(): number {
    for (let slot = 0; slot < this.count; slot++) {
      const at = slotAt(slot) + Slot.owner;
      if (this.i32[at] < SlotOwner.dead) return at;
    }
    return -1;
  }

  /** A thread died in this slot, and nobody alive is clearing it. */
  private readonly isLeft = (slot: number, owner: number): boolean => {
    if (owner < SlotOwner.dead) return this.isGone(-owner);
    return owner !== SlotOwner.nobody && this.isDead(slot);
  };

  private ask(slot: number, byNumber: boolean): boolean {
    // acquires what the dead thread wrote; partner: its death note
    const owner = Atomics.load(this.i32, slotAt(slot) + Slot.owner);
    if (owner <= SlotOwner.nobody) return true;
    if (owner === SlotOwner.unnamed || this.isAlive(slot, owner, byNumber)) return false;
    Atomics.compareExchange(this.i32, slotAt(slot) + Slot.owner, owner, SlotOwner.dead);
    return true;
  }

  private isAlive(slot: number, tid: number, byNumber: boolean): boolean {
    const at = slotAt(slot);
    if (this.host === undefined) return true;
    // acquires the start time; until it is there, what stands in its place is that of the slot's last user
    const isTimed = !byNumber && Atomics.load(this.i32, at + Slot.startTimeOf) === tid;
    if (!isTimed) return this.host.isAlive({ tid });
    const low = this.i32[at + Slot.startTimeLow] >>> 0;
    return this.host.isAlive({ tid, startTime: this.i32[at + Slot.startTimeHigh] * 2 ** 32 + low });
  }
}
