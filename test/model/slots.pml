/*
 * The table of threads: claiming a slot, dying in it, reaping it, and what a dead thread left in its cache.
 *
 * Two slots. Thread 0 has slot 0, takes a block from its cache or frees one into it, and detaches. Thread 1 has slot 1; it reaps, empties all
 * caches, and goes on until everything is recovered. Thread 2 attaches, to a free slot or to a dead thread's. One of them
 * may die at any step; its note may be carried out before the system knows, or not at all. The system may give the id of
 * the dead one to thread 2.
 *
 * Memory is sequentially consistent here; each `atomic` is one access. Waiting is a condition: a thread goes on when the
 * word that it polls, or the answer to the question that it repeats, would let it.
 */

#define THREADS 3
#define SLOTS 2

#include "mutations.pml"

#define NOBODY 0
#define DEAD (-1)

#define FREE 0
#define LIVE 1
#define CACHED 2

#define OUTSIDE 0
#define INSIDE 1
#define LEFT 2

#define TOKEN(s) (4 * generation[s] + (s) + 1)
#define SLOT_OF(token) (((token) - 1) % 4)

/* The words of a slot. */
short owner[SLOTS]; /* NOBODY, DEAD, the id of a thread, or minus the token of the one that reaps */
byte startTimeOf[SLOTS];
byte startTime[SLOTS];
byte generation[SLOTS];
byte busy[SLOTS];
byte gate[SLOTS]; /* 0 or a token */
bool hasCache[SLOTS];

/* The block of thread 0, and the height of the stack that it lies in when it is cached. */
byte state;
byte top;

/* What the system knows. */
bool runs[THREADS] = true; /* false: takes no step any more */
bool exists[THREADS];
byte tid[THREADS];
bool isWatched[THREADS];
byte watchedSlot[THREADS];

/* What no thread reads. */
byte tenant[SLOTS]; /* 1 + the thread whose slot it is */
byte reaper[SLOTS]; /* 1 + the thread that reaps it */
bool isDone[THREADS];
bool isAttached[THREADS];
bool isWaiting;
byte asked[THREADS]; /* 1 + the slot of which the thread finds out whether its owner is dead */
bool isReused; /* thread 2 has the id of a dead one */

#define NONE 255
#define UNREAD 255

/* Assumed: a thread does not come to the slot of a dead one whose id it has while somebody finds out about that one. */
#if MUTATION == id_returns_at_once
#define COMES_TOO_SOON(s) false
#else
#define COMES_TOO_SOON(s) (isReused && (asked[0] == (s) + 1 || asked[1] == (s) + 1 || asked[2] == (s) + 1))
#endif

#define LIVES(thread) ((thread) != 0 && runs[(thread) - 1])
#define IS(i, id, start) (exists[i] && tid[i] == (id) && ((start) == 0 || (start) == (i) + 1))
/* The start time of thread i is i + 1. mirrors: packages/allocator/src/heap/thread-host.ts isAlive */
#define SYSTEM_HAS(id, start) (IS(0, id, start) || IS(1, id, start) || IS(2, id, start))
#define IS_OVER(i) (isDone[i] || (!runs[i] && !exists[i]))

/* mirrors: packages/allocator/src/heap/thread-slots.ts ask isAlive */
inline ask(s, byNumber, answer) {
  atomic {
    who = owner[s];
    answer = who <= NOBODY;
    asked[me] = (answer -> 0 : s + 1)
  }
  if
  :: !answer ->
#if MUTATION != no_start_time
     started = (!(byNumber) && startTimeOf[s] == who -> UNREAD : 0);
     if
     :: started == UNREAD -> started = startTime[s]
     :: else
     fi;
#endif
     answer = !SYSTEM_HAS(who, started);
     atomic {
       if
       :: answer && owner[s] == who ->
          assert(!LIVES(tenant[s]));
          owner[s] = DEAD
       :: else
       fi;
       asked[me] = 0;
       started = 0;
       who = 0
     }
  :: else -> who = 0
  fi
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts isDead isDeadByNumber */
#define isDead(s, answer) ask(s, false, answer)
#define isDeadByNumber(s, answer) ask(s, true, answer)

#if MUTATION == no_start_time
#define STARTED_OTHERWISE(s) false
#else
#define STARTED_OTHERWISE(s) (startTimeOf[s] == owner[s] && !SYSTEM_HAS(owner[s], startTime[s]))
#endif
/* What `isGone` would answer. */
#define MAY_BE_GONE(t) ((t) != TOKEN(SLOT_OF(t)) || owner[SLOT_OF(t)] <= NOBODY || !SYSTEM_HAS(owner[SLOT_OF(t)], 0) || \
  STARTED_OTHERWISE(SLOT_OF(t)))

/* mirrors: packages/allocator/src/heap/thread-slots.ts isGone */
inline isGone(t, answer) {
  answer = (t) != TOKEN(SLOT_OF(t));
  if
  :: !answer -> isDead(SLOT_OF(t), answer)
  :: else
  fi
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts isLeft */
inline isLeft(s, old, answer) {
  if
  :: old < DEAD ->
#if MUTATION == two_reapers
     answer = true
#else
     isGone(-old, answer)
#endif
  :: old == NOBODY -> answer = false
  :: else -> isDead(s, answer)
  fi
}

/* mirrors: packages/allocator/src/sync/fast-sections.ts awaitOthers awaitSlot */
inline awaitOthers() {
  other = 1 - slot; /* the other slot */
  if
  :: busy[other] != INSIDE || owner[other] <= NOBODY
  :: busy[other] == INSIDE && owner[other] > NOBODY && MAY_BE_GONE(TOKEN(other)) -> isDead(other, isIt)
  fi;
  atomic { other = 0; isIt = false }
}

/* mirrors: packages/allocator/src/heap/thread-cache.ts rebuild */
inline rebuild(s) {
  if
  :: s == 0 && hasCache[0] -> top = (state == CACHED -> 1 : 0)
  :: else
  fi
}

/* mirrors: packages/allocator/src/heap/thread-cache.ts flushAll returnOldest */
/* mirrors: packages/allocator/src/slab/bins.ts returnBlocks */
inline flushAll(s) {
  if
  :: s == 0 && hasCache[0] && top == 1 ->
     atomic {
       assert(state == CACHED); /* else it is ECORRUPT */
       state = FREE
     }
     top = 0
  :: else
  fi
}

/* The lock of a cache; see the model of the lock. The caller does `repairGate` if `isIt` is true then. */
/* mirrors: packages/allocator/src/sync/lock.ts lock takeOver */
inline lockGate(s) {
  do
  :: atomic { gate[s] == 0 -> gate[s] = token; isIt = false; break }
  :: atomic { gate[s] != 0 && MAY_BE_GONE(gate[s]) -> was = gate[s] }
     isGone(was, isIt);
     atomic {
       if
       :: isIt && gate[s] == was -> gate[s] = token; was = 0; break
       :: else -> isIt = false; was = 0
       fi
     }
  od
}

/* mirrors: packages/allocator/src/heap/recovery.ts repairCache */
inline repairGate(s) {
  if
  :: isIt -> awaitOthers(); rebuild(s)
  :: else
  fi
}

/* mirrors: packages/allocator/src/heap/recovery.ts returnCache */
/* mirrors: packages/allocator/src/heap/cache-pages.ts returnCachePages */
inline returnCache(s, isTorn) {
  lockGate(s);
  repairGate(s);
  if
  :: isTorn -> rebuild(s)
  :: else
  fi;
  flushAll(s);
  busy[s] = OUTSIDE;
  hasCache[s] = false;
  gate[s] = 0
}

/* mirrors: packages/allocator/src/heap/recovery.ts clear takeOver */
/* mirrors: packages/allocator/src/sync/lock.ts inherit */
inline clear(s) {
  each = 0;
  do
  :: each < SLOTS ->
     was = gate[each];
     if
     :: was != 0 && SLOT_OF(was) == s && was != token ->
        atomic {
          if
          :: gate[each] == was -> gate[each] = token; isIt = true
          :: else
          fi;
          was = 0
        }
        if
        :: isIt -> repairGate(each); gate[each] = 0
        :: else
        fi
     :: else
     fi;
     atomic { each++; was = 0 }
  :: else -> break
  od;
  each = 0;
  returnCache(s, true)
}

/* mirrors: packages/allocator/src/heap/recovery.ts reapDead reap */
/* mirrors: packages/allocator/src/heap/thread-slots.ts beginReaping claimWhere release */
inline reapDead() {
  at = 0;
  do
  :: at < SLOTS && (at == slot || owner[at] == NOBODY) -> at++
  :: at < SLOTS && at != slot && owner[at] != NOBODY ->
     isDeadByNumber(at, isIt);
#if MUTATION != reap_without_claim
     if
     :: isIt ->
        old = owner[at];
        isLeft(at, old, isIt);
        atomic {
          old = (old > 0 -> DEAD : old);
          if
          :: isIt && owner[at] == old ->
             assert(!LIVES(tenant[at]) && !LIVES(reaper[at]));
             owner[at] = -token;
             tenant[at] = 0;
             reaper[at] = me + 1
          :: else -> isIt = false
          fi;
          old = 0
        }
     :: else
     fi;
#endif
     if
     :: isIt ->
        clear(at);
        atomic { owner[at] = NOBODY; reaper[at] = 0 }
     :: else
     fi;
     atomic { at++; isIt = false }
  :: at == SLOTS -> at = 0; break
  od
}

/* Of the own cache nothing is modelled. mirrors: packages/allocator/src/heap/reclaim.ts emptyCaches emptyOther */
inline emptyCaches() {
  at = 1 - slot; /* the other slot */
  if
  :: owner[at] != NOBODY ->
     lockGate(at);
     repairGate(at);
     awaitOthers();
     if
     :: owner[at] != NOBODY ->
        isTorn(at, isIt);
        if
        :: isIt -> rebuild(at)
        :: else
        fi;
        flushAll(at)
     :: else
     fi;
     isIt = false;
     atomic { gate[at] = 0; at = 0 }
  :: else -> at = 0
  fi
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts isTorn */
inline isTorn(s, answer) {
  isDeadByNumber(s, answer);
#if MUTATION != no_torn_mark
  if
  :: !answer -> answer = startTimeOf[s] != owner[s]
  :: else
  fi;
  if
  :: !answer -> answer = busy[s] != OUTSIDE
  :: else
  fi
#endif
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts claimWhere */
inline tryToClaim(s) {
#if MUTATION != stale_start_time
  startTimeOf[s] = (startTimeOf[s] == tid[me] -> 0 : startTimeOf[s]);
#endif
  atomic {
    old = (old > 0 -> DEAD : old);
    if
    :: owner[s] == old && !COMES_TOO_SOON(s) ->
       assert(!LIVES(tenant[s]) && !LIVES(reaper[s]));
       owner[s] = tid[me];
       tenant[s] = me + 1;
       reaper[s] = 0;
       slot = s
    :: else
    fi
  }
}

inline claimFree() {
  do
  :: at < SLOTS && slot == NONE ->
     atomic { old = owner[at]; isIt = old == NOBODY }
     if
     :: isIt -> tryToClaim(at)
     :: else
     fi;
     atomic { at++; old = 0; isIt = false }
  :: else -> at = 0; break
  od
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts tryClaim */
inline claimAny() {
  at = 0;
  claimFree();
  do
  :: at < SLOTS && slot == NONE ->
     old = owner[at];
     isLeft(at, old, isIt);
     if
     :: isIt -> tryToClaim(at)
     :: else
     fi;
     atomic { at++; old = 0; isIt = false; wasLeft = slot != NONE }
  :: else -> at = 0; break
  od
}

/* Of the waits for slots that are being cleared only that there is another look for free ones. */
inline claim() { /* mirrors: packages/allocator/src/heap/thread-slots.ts claim */
  claimAny();
  if
  :: slot == NONE -> claimFree()
  :: else
  fi;
  if
  :: slot != NONE ->
#if MUTATION == no_torn_mark
     busy[slot] = OUTSIDE;
#else
     busy[slot] = (wasLeft -> LEFT : OUTSIDE);
#endif
     startTime[slot] = me + 1;
     startTimeOf[slot] = tid[me];
     atomic { generation[slot]++; token = TOKEN(slot) }
  :: else
  fi
}

/* Pops a block from its stack, or pushes the one that it has. mirrors: packages/allocator/src/heap/heap.ts malloc free */
inline work() {
  busy[slot] = INSIDE;
  if
  :: gate[slot] == 0 && top == 1 ->
     state = LIVE;
     top = 0
  :: gate[slot] == 0 && top == 0 && state == LIVE ->
     state = CACHED;
     top = 1
  :: else
  fi;
  busy[slot] = OUTSIDE
}

/* mirrors: packages/allocator/src/heap/heap.ts detach */
inline detach() {
  returnCache(slot, false);
  isWatched[me] = false;
  atomic { owner[slot] = NOBODY; tenant[slot] = 0; isAttached[me] = false; isDone[me] = true }
}

proctype Worker(byte me) provided (runs[me]) {
  byte slot, token, was, other, started;
  short who;
  bool isIt;

  token = TOKEN(0);
  work();
  detach()
}

proctype Survivor(byte me) provided (runs[me]) {
  byte slot = 1, token, was, other, started, at, each;
  short who, old;
  bool isIt;

  token = TOKEN(1);
  if
  :: emptyCaches()
  :: reapDead()
  fi;
  IS_OVER(0) && (IS_OVER(2) || isWaiting);
  reapDead();
  emptyCaches();
  isDone[me] = true
}

proctype Newcomer(byte me) provided (runs[me]) {
  byte slot = NONE, token, was, other, started, at, each;
  short who, old;
  bool isIt, wasLeft;

  atomic {
    if
    :: tid[me] = 3
    :: !exists[0] -> tid[me] = tid[0]; isReused = true
    :: !exists[1] -> tid[me] = tid[1]; isReused = true
    fi;
    exists[me] = true
  }
  /* mirrors: packages/allocator/src/heap/membership.ts enterHeap */
  claim();
  if
  :: slot == NONE -> goto done /* EAGAIN */
  :: else
  fi;
  atomic { watchedSlot[me] = slot; isWatched[me] = true }
  if
  :: true
  :: true -> goto caught /* anything throws */
  fi;
#if MUTATION != no_clearing
  if
  :: wasLeft -> clear(slot); wasLeft = false
  :: else
  fi;
#endif
  reapDead();
  hasCache[slot] = true;
  assert(busy[slot] == OUTSIDE);
  isAttached[me] = true;
  if
  :: detach(); goto end
  :: true
  fi;
  isWaiting = true;
  IS_OVER(0) && IS_OVER(1);
  reapDead();
  emptyCaches();
  goto done;

caught:
  isWatched[me] = false;
  atomic { owner[slot] = DEAD; tenant[slot] = 0 }

done:
  isDone[me] = true;
end:
  skip
}

/* One thread dies at any step of its own and of the others. Its cleanup hook runs, or does not. */
proctype Death() {
  byte victim;
  atomic {
    if
    :: exists[0] && !isDone[0] -> victim = 0
    :: exists[1] && !isDone[1] -> victim = 1
    :: exists[2] && !isDone[2] && !isWaiting -> victim = 2
    fi;
    runs[victim] = false
  }
  /* mirrors: packages/allocator/src/heap/thread-slots.ts watch */
  if
  :: isWatched[victim] -> owner[watchedSlot[victim]] = DEAD
  :: true
  fi;
  exists[victim] = false
}

init {
  byte s;
  atomic {
    tid[0] = 1;
    tid[1] = 2;
    do
    :: s < SLOTS ->
       exists[s] = true;
       isWatched[s] = true;
       watchedSlot[s] = s;
       isAttached[s] = true;
       owner[s] = tid[s];
       tenant[s] = s + 1;
       startTimeOf[s] = tid[s];
       startTime[s] = s + 1;
       generation[s] = 1;
       hasCache[s] = true;
       s++
    :: else -> break
    od;
    if
    :: state = CACHED; top = 1
    :: state = LIVE
    fi;
    run Worker(0);
    run Survivor(1);
    run Newcomer(2);
    run Death()
  }
  timeout;
  s = 0;
  do
  :: s < THREADS ->
     assert(isDone[s] || !runs[s]);
     s++
  :: else -> break
  od;
  /* The last who was attached has seen the death. Of a dead one whose id somebody has, the slot and the cache's pages may be
   * left, and locks for which nobody waits. */
  if
  :: (runs[1] || (runs[2] && isAttached[2])) ->
     s = 0;
     do
     :: s < SLOTS ->
        assert(gate[s] == 0 || (isReused && MAY_BE_GONE(gate[s])));
        assert(owner[s] == NOBODY || LIVES(tenant[s]) || (isReused && SYSTEM_HAS(owner[s], 0)));
        assert(owner[s] != NOBODY || (!hasCache[s] && busy[s] == OUTSIDE));
        s++
     :: else -> break
     od;
     assert(state != CACHED)
  :: else
  fi
}
