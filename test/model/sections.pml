/*
 * Fast sections: malloc and free of one block with plain loads and stores, beside others who stop them, make the block's
 * slab shared, or take it away. One thread may die at any step.
 *
 * SCENE sharing     threads 0 and 1 free the block that thread 0 took; thread 2 clears up after the one that died. With
 *                   AGAIN thread 0 then takes a block and frees it once more
 *       standstill  thread 0 frees its block and takes it again, while thread 2 stops all and then empties one cache after the other
 *       release     threads 0 and 1 free the same block of a shared slab; thread 2 empties the caches and gives the slab's
 *                   pages back, and its state byte becomes that of another block
 *
 * Each step is one access to shared memory with what the thread then does on its own.
 */

#define THREADS 3
#define DEPTH 5

#define BUSY(t) (t)
#define GATE(t) (3 + (t))
#define TOP(t) (6 + (t))
#define CLASS 9
#define STATE 10
#define BIN 11
#define EXTENTS 12
#define WORDS 13

#include "mutations.pml"
#include "memory.pml"

#define sharing 1
#define standstill 2
#define release 3
#ifndef SCENE
#define SCENE sharing
#endif

/* CLASS: how the blocks of the slab are freed; NONE: it has been withdrawn. */
#define NONE 0
#define EXCLUSIVE 1
#define ON_THE_WAY 2
#define SHARED 3

#define FREE 0
#define LIVE_IN(t) (1 + 2 * (t))
#define CACHED_BY(t) (2 + 2 * (t))
#define IS_LIVE(state) (state % 2 == 1)

bool runs[THREADS] = true;
#define IS_GONE(t) (!runs[t] && IS_DRAINED(t))

/* What no thread reads. */
bool isDone[THREADS];
bool isAct[THREADS]; /* the thread is behind the look at its gate, in a fast section */
bool isOut = true; /* somebody has the block */
byte life; /* counts what the state byte has stood for */

inline given() {
  assert(isOut);
  isOut = false
}

inline taken() {
  assert(!isOut);
  isOut = true
}

/* mirrors: packages/allocator/src/heap/heap.ts free */
inline free(isFreed) {
  store(BUSY(me), 1);
  load(CLASS, class);
  load(STATE, state);
  load(TOP(me), top);
  atomic {
    load(GATE(me), gate);
#if MUTATION == no_gate_check
    gate = 0;
#endif
    isFreed = class == EXCLUSIVE && state == LIVE_IN(me) && top == 0 && gate == 0;
    isAct[me] = isFreed;
    class = 0;
    state = 0;
    gate = 0
  }
  if
  :: isFreed ->
     /* the entry first: it is known who would look for it, so it is no word here */
     atomic { store(STATE, CACHED_BY(me)); given() }
     store(TOP(me), 1)
  :: else
  fi;
  atomic { store(BUSY(me), 0); isAct[me] = false }
}

/* mirrors: packages/allocator/src/heap/heap.ts freeShared */
/* mirrors: packages/allocator/src/slab/block-lookup.ts stateIndexOf */
inline freeShared(isFreed) {
  isFreed = false;
  store(BUSY(me), 1);
  atomic { load(CLASS, class); seen = life }
  if
  :: class != NONE -> load(STATE, state)
  :: else
  fi;
  if
  :: IS_LIVE(state) ->
     atomic {
       load(GATE(me), gate);
#if MUTATION == no_gate_check
       gate = 0;
#endif
       isAct[me] = gate == 0
     }
     if
     :: gate == 0 ->
        load(CLASS, class);
        load(TOP(me), top);
        if
        :: class == EXCLUSIVE && state == LIVE_IN(me) && top == 0 ->
           atomic { store(STATE, CACHED_BY(me)); given(); isFreed = true }
        :: class == SHARED && top == 0 ->
#if MUTATION == plain_shared_free
           atomic { store(STATE, CACHED_BY(me)); given(); isFreed = true }
#else
           atomic {
             IS_DRAINED(me);
             if
             :: memory[STATE] == state ->
                assert(seen == life);
                memory[STATE] = CACHED_BY(me);
                given();
                isFreed = true
             :: else
             fi
           }
#endif
        :: else
        fi;
        if
        :: isFreed -> store(TOP(me), 1)
        :: else
        fi
     :: else
     fi
  :: else
  fi;
  atomic {
    store(BUSY(me), 0);
    isAct[me] = false;
    class = 0;
    state = 0;
    gate = 0;
    top = 0;
    seen = 0
  }
}

/* mirrors: packages/allocator/src/heap/heap.ts malloc */
inline malloc(isTaken) {
  store(BUSY(me), 1);
  load(TOP(me), top);
  if
  :: top == 1 -> load(STATE, state)
  :: else
  fi;
  atomic {
    load(GATE(me), gate);
#if MUTATION == no_gate_check
    gate = 0;
#endif
    isTaken = state == CACHED_BY(me) && gate == 0;
    isAct[me] = isTaken;
    state = 0;
    gate = 0;
    top = 0
  }
  if
  :: isTaken ->
     atomic { store(STATE, LIVE_IN(me)); taken() }
     store(TOP(me), 0)
  :: else
  fi;
  atomic { store(BUSY(me), 0); isAct[me] = false }
}

/* A lock, as the model of the lock has it; `isTaken` is true if its last owner died with it. */
/* mirrors: packages/allocator/src/sync/lock.ts lock */
inline lock(at, isTaken) {
  atomic {
    IS_DRAINED(me) && (memory[at] == 0 || IS_GONE(memory[at] - 1));
    isTaken = memory[at] != 0;
    memory[at] = me + 1
  }
}

/* mirrors: packages/allocator/src/sync/lock.ts unlock */
inline unlock(at) {
#ifdef WEAK
  storeAtomic(at, 0)
#else
  store(at, 0)
#endif
}

/* mirrors: packages/allocator/src/sync/fast-sections.ts awaitSlot */
inline awaitSlot(t) {
#if MUTATION != no_wait
  memory[BUSY(t)] != 1 || IS_GONE(t)
#else
  skip
#endif
}

/* Each other thread's buffer is empty at some instant. mirrors: packages/allocator/src/sync/fast-sections.ts fenceAll */
inline fenceAll() {
#if MUTATION != no_barrier
  IS_DRAINED((me + 1) % 3);
  IS_DRAINED((me + 2) % 3)
#else
  skip
#endif
}

/* mirrors: packages/allocator/src/sync/fast-sections.ts awaitOthers */
inline awaitOthers() {
  IS_DRAINED(me);
  fenceAll();
  awaitSlot((me + 1) % 3);
  awaitSlot((me + 2) % 3);
#if defined(WEAK) && MUTATION != one_fence
  fenceAll()
#endif
}

/* mirrors: packages/allocator/src/slab/bins.ts shareSlab */
inline shareSlab() {
  store(CLASS, ON_THE_WAY);
#if MUTATION != share_without_waiting
  awaitOthers();
#endif
  store(CLASS, SHARED)
}

/* mirrors: packages/allocator/src/slab/bins.ts share */
/* mirrors: packages/allocator/src/heap/recovery.ts repairBin */
inline share() {
  lock(BIN, isLeft);
  load(CLASS, class);
  if
  :: isLeft && class == ON_THE_WAY -> shareSlab()
  :: else
  fi;
  load(CLASS, class);
  if
  :: class == EXCLUSIVE || class == ON_THE_WAY -> shareSlab()
  :: else
  fi;
  atomic { isLeft = false; class = 0 }
  unlock(BIN)
}

/* Frees the block, or is refused. mirrors: packages/allocator/src/heap/heap.ts freeSlow */
/* mirrors: packages/allocator/src/heap/slow-free.ts prepare makeRoom */
inline freeIt() {
  free(isFreed);
  do
  :: isFreed -> break
  :: else ->
     freeShared(isFreed);
     if
     :: isFreed -> break
     :: else
     fi;
     load(STATE, state);
     load(CLASS, class);
     if
     :: class == NONE || !IS_LIVE(state) -> break /* EDOUBLEFREE */
     :: class != NONE && IS_LIVE(state) && (class == ON_THE_WAY || (class == EXCLUSIVE && state != LIVE_IN(me))) ->
        class = 0;
        share()
     :: else ->
        /* the gate is closed: waits until it may close it */
        lock(GATE(me), isLeft);
        if
        :: isLeft -> repairCache(me)
        :: else
        fi;
        unlock(GATE(me))
     fi;
     atomic { state = 0; class = 0; isLeft = false }
  od;
  atomic { state = 0; class = 0; isFreed = false; isLeft = false }
}

/* mirrors: packages/allocator/src/heap/thread-cache.ts rebuild */
inline rebuild(t) {
  load(STATE, state);
  atomic { store(TOP(t), (state == CACHED_BY(t) -> 1 : 0)); state = 0 }
}

/* mirrors: packages/allocator/src/heap/recovery.ts repairCache */
inline repairCache(t) {
  awaitOthers();
  rebuild(t)
}

/* mirrors: packages/allocator/src/heap/thread-cache.ts flushAll */
inline flush(t) {
  load(TOP(t), top);
  if
  :: top == 1 ->
     atomic { load(STATE, state); assert(state == CACHED_BY(t)); state = 0 }
     store(STATE, FREE);
     store(TOP(t), 0)
  :: else
  fi;
  top = 0
}

inline rebuildIfGone(t) {
#if MUTATION != no_rebuild
  if
  :: IS_GONE(t) -> rebuild(t)
  :: else
  fi
#else
  skip
#endif
}

/* mirrors: packages/allocator/src/heap/reclaim.ts emptyOther */
inline emptyOther(t) {
  lock(GATE(t), isLeft);
  awaitOthers();
  assert(!isAct[t] || !runs[t]);
  rebuildIfGone(t);
  flush(t);
  isLeft = false;
  unlock(GATE(t))
}

/* mirrors: packages/allocator/src/heap/standstill.ts withEveryGate */
/* mirrors: packages/allocator/src/heap/stats.ts cachesInUse */
inline standStill() {
  lock(GATE(0), isLeft);
  lock(GATE(1), isLeft);
  awaitOthers();
  assert((!isAct[0] || !runs[0]) && (!isAct[1] || !runs[1]));
  rebuildIfGone(0);
  rebuildIfGone(1);
  isLeft = false;
  unlock(GATE(1));
  unlock(GATE(0))
}

/* Bin and extent lock held. mirrors: packages/allocator/src/slab/bins.ts releaseListed */
inline releaseSlab() {
  store(CLASS, NONE);
#if MUTATION != release_without_waiting
  awaitOthers();
#endif
  atomic { IS_DRAINED(me); memory[STATE] = LIVE_IN(0); memory[CLASS] = SHARED; life++; isOut = true }
}

proctype Owner(byte me) provided (runs[me]) {
  byte class, state, top, gate, seen;
  bool isFreed, isLeft;

#if SCENE == release
  freeIt();
  /* takes the extent lock for something else, and finds the slab as the dead one left it */
  isDone[2] || !runs[2];
  lock(EXTENTS, isLeft);
  load(CLASS, class);
  if
  :: isLeft && class == NONE && life == 0 ->
     /* mirrors: packages/allocator/src/heap/recovery.ts repairExtents */
#if MUTATION != repair_without_waiting
     awaitOthers();
#endif
     atomic { IS_DRAINED(me); memory[STATE] = LIVE_IN(0); memory[CLASS] = SHARED; life++; isOut = true }
  :: else
  fi;
  unlock(EXTENTS);
#else
  freeIt();
#if SCENE == standstill || defined(AGAIN)
  malloc(isFreed);
#endif
#ifdef AGAIN
  if
  :: isFreed -> isFreed = false; freeIt()
  :: else
  fi;
#endif
#endif
  isDone[me] = true
}

proctype Other(byte me) provided (runs[me]) {
  byte class, state, top, gate, seen;
  bool isFreed, isLeft;

#if SCENE != standstill
  freeIt();
#endif
  isDone[me] = true
}

proctype Third(byte me) provided (runs[me]) {
  byte state, top, class;
  bool isLeft;

#if SCENE == sharing
  /* mirrors: packages/allocator/src/heap/recovery.ts returnCache */
  if
  :: IS_GONE(0) -> lock(GATE(0), isLeft); rebuild(0); flush(0); unlock(GATE(0))
  :: IS_GONE(1) -> lock(GATE(1), isLeft); rebuild(1); flush(1); unlock(GATE(1))
  :: isDone[0] && isDone[1]
  fi;
#else
#if SCENE == standstill
  standStill();
#endif
  emptyOther(0);
  emptyOther(1);
#if SCENE == release
  lock(BIN, isLeft);
  lock(EXTENTS, isLeft);
  load(STATE, state);
  if
  :: state == FREE -> releaseSlab()
  :: else
  fi;
  unlock(EXTENTS);
  unlock(BIN);
#endif
#endif
  isDone[me] = true
}

/* One thread dies at any step of its own and of the others, or none does. */
proctype Death() {
  if
  :: !isDone[0] -> runs[0] = false
  :: !isDone[1] -> runs[1] = false
  :: !isDone[2] -> runs[2] = false
  fi
}

init {
  atomic {
    memory[STATE] = LIVE_IN(0);
#if SCENE == release
    memory[CLASS] = SHARED;
#else
    memory[CLASS] = EXCLUSIVE;
#endif
    run Owner(0);
    run Other(1);
    run Third(2);
    RUN_PROCESSORS;
    run Death()
  }
  timeout;
  assert((isDone[0] || !runs[0]) && (isDone[1] || !runs[1]) && (isDone[2] || !runs[2]));
  /* the block is in one place, as its state says; a stack of one that died is not believed */
  assert(isOut == IS_LIVE(memory[STATE]));
  assert(!isDone[0] || memory[GATE(0)] != 0 || (memory[TOP(0)] == 1) == (memory[STATE] == CACHED_BY(0)));
  assert(!isDone[1] || memory[GATE(1)] != 0 || (memory[TOP(1)] == 1) == (memory[STATE] == CACHED_BY(1)))
}
