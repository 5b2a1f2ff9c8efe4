/*
 * The lock: mutual exclusion, waiting, and what happens when its owner dies or is thrown out of its critical section.
 *
 * Threads 0 and 1 have a slot each and take the lock ROUNDS times; so does the THIRD, a
 * contender with a slot of its own or a newcomer that claims the slot of one that died. One of them may die at any step, THROWS of
 * them are thrown out at any step, CUTS are cut short without their `catch`. The lock protects the words TRUTH and
 * DERIVED, which differ only while somebody works on them; repair makes DERIVED from TRUTH.
 *
 * Each `atomic` is one access to shared memory, with what its thread then does on its own.
 */

#define THREADS 3
#define DEPTH 3
#define WORDS 4

#define OWNER 0
#define SLEPT_FOR 1
#define TRUTH 2
#define DERIVED 3

#include "mutations.pml"
#include "memory.pml"

#define nobody 0
#define contender 1
#define newcomer 2
#ifndef THIRD
#define THIRD newcomer
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef THROWS
#define THROWS 0
#endif
#ifndef CUTS
#define CUTS 0
#endif
/* Of the sleeps of a waiter, each second one is followed by a question about the owner. */
#define SLEEPS_PER_INQUIRY 2

#define ABANDONED 255
#define TOKEN(slot) (4 * generation[slot] + (slot) + 1)
#define SLOT_OF(token) (((token) - 1) % 4)

#define NOBODY 0
#define DEAD 255

bool runs[THREADS] = true; /* false: it has died; it takes no step any more */
bool isDone[THREADS];
bool asleep[THREADS];
byte slotOwner[3]; /* NOBODY, DEAD, 1 + thread */
byte generation[3];
byte throws = THROWS;
byte cuts = CUTS;

/* What no thread reads. */
byte inside; /* 1 + the thread between lock and unlock */
byte holder; /* 1 + the thread whose token was the last in the lock */

#define MAY_THROW :: throws > 0 -> throws--; goto caught
#define MAY_BE_CUT :: cuts > 0 && round < ROUNDS -> cuts--; leave(); goto again

/* The system's answer: a thread that is gone has no store left on the way. */
#define IS_GONE_FOR_GOOD(t) (!runs[t] && IS_DRAINED(t))

/* The calling thread is between lock and unlock from here on. */
inline enter() {
  assert(inside == 0 || !runs[inside - 1]);
  inside = me + 1;
  holder = me + 1
}

inline leave() {
  inside = (inside == me + 1 -> 0 : inside)
}

inline tryToTake(isTaken) {
  exchangeIf(OWNER, 0, token, word);
  if
  :: word == 0 -> isTaken = true; enter()
  :: else
  fi
}

/* mirrors: packages/allocator/src/heap/thread-slots.ts isGone isDead */
inline isGone(owner, answer) {
  atomic {
    slot = SLOT_OF(owner);
    answer = false;
#if MUTATION != no_generation_check
    answer = owner != TOKEN(slot)
#endif
  }
  if
  :: !answer ->
     atomic {
       seen = slotOwner[slot];
       answer = seen == NOBODY || seen == DEAD
     }
     if
     :: !answer ->
#if MUTATION == impatient
        answer = true;
#else
        answer = IS_GONE_FOR_GOOD(seen - 1);
#endif
        if
        :: answer -> slotOwner[slot] = (slotOwner[slot] == seen -> DEAD : slotOwner[slot])
        :: else
        fi
     :: else
     fi
  :: else
  fi;
  d_step { slot = 0; seen = 0 }
}

/* mirrors: packages/allocator/src/sync/lock.ts seize */
inline seize(from, isTaken) {
  IS_DRAINED(me);
  if
  :: memory[OWNER] == from ->
     assert(from == ABANDONED || holder == me + 1 || !runs[holder - 1]);
     memory[OWNER] = token;
     isTaken = true;
     enter()
  :: else
  fi
}

/* mirrors: packages/allocator/src/heap/recovery.ts repair */
inline repair() {
#if defined(WEAK) && MUTATION != no_fence_before_repair
  /* mirrors: packages/allocator/src/sync/fast-sections.ts fenceOthers */
  IS_DRAINED((me + 1) % 3);
  IS_DRAINED((me + 2) % 3);
#endif
  if
  :: load(TRUTH, x)
  MAY_THROW
  fi;
#if MUTATION != drop_repair
  if
  :: atomic { store(DERIVED, x); x = 0 }
  MAY_THROW
  fi
#else
  x = 0
#endif
}

/* mirrors: packages/allocator/src/sync/lock.ts unlock */
/* mirrors: packages/allocator/src/sync/platform.ts storeRelease */
inline unlock() {
  load(SLEPT_FOR, y);
  if
  :: y != 0 -> store(SLEPT_FOR, 0)
  :: else
  MAY_THROW
  fi;
  atomic {
#if defined(WEAK) && MUTATION != plain_release
    storeAtomic(OWNER, 0);
#else
    store(OWNER, 0);
#endif
    leave()
  }
  if
  :: atomic {
       if
       :: y != 0 && asleep[0] -> asleep[0] = false
       :: y != 0 && asleep[1] -> asleep[1] = false
       :: y != 0 && asleep[2] -> asleep[2] = false
       :: else
       fi;
       y = 0
     }
  MAY_THROW
  fi
}

/* mirrors: packages/allocator/src/sync/wait.ts waitWhile */
inline waitWhile(value) {
  asleep[me] = memory[OWNER] == value;
  if
  :: !asleep[me]
#if MUTATION != no_timeout
  :: asleep[me] -> asleep[me] = false
#endif
  fi
}

/* mirrors: packages/allocator/src/sync/lock.ts lock lockSlow takeOver */
inline lock() {
  atomic {
    isMine = false;
    tryToTake(isMine)
  }
  if
  :: isMine
  :: else ->
     /* the loads before sleeping */
     load(OWNER, word);
     if
     :: word == 0 -> atomic { tryToTake(isMine) }
     :: word == ABANDONED ->
        atomic { seize(ABANDONED, isMine) }
        if
        :: isMine -> repair()
        :: else
        fi
     :: else
     fi;
     if
     :: isMine
     :: else ->
        sleeps = 1;
        do
        :: storeAtomic(SLEPT_FOR, 1);
           atomic {
             tryToTake(isMine);
             isLeft = false;
             if
#if MUTATION != no_abandoned_check
             :: word == ABANDONED -> isLeft = true
#endif
#if MUTATION != no_own_check
             :: word == token -> isLeft = true
#endif
             :: else
             fi
           }
           if
           :: isMine -> break
           :: !isMine && !isLeft && sleeps == 0 && word != ABANDONED -> isGone(word, isLeft)
           :: else
           fi;
           if
           :: isLeft ->
              atomic { seize(word, isMine); isLeft = false }
              if
              :: isMine -> repair(); break
              :: else
              fi
           :: else
           fi;
           waitWhile(word);
           sleeps = (sleeps + 1) % SLEEPS_PER_INQUIRY
        od;
        sleeps = 0
     fi
  fi;
  d_step { word = 0; isMine = false }
}

proctype Thread(byte me) provided (runs[me]) {
  byte token, word, x, y, slot, seen, sleeps, round;
  bool isMine, isLeft;

  if
  :: slotOwner[me] == me + 1 -> token = TOKEN(me)
  :: else ->
     /* mirrors: packages/allocator/src/heap/thread-slots.ts claim */
     if
     :: isDone[0] && isDone[1] -> goto done
     :: IS_GONE_FOR_GOOD(0) -> y = 0
     :: IS_GONE_FOR_GOOD(1) -> y = 1
     fi;
     slotOwner[y] = me + 1;
     atomic { generation[y]++; token = TOKEN(y) }
#if MUTATION != no_generation_check
     /* mirrors: packages/allocator/src/heap/recovery.ts clear takeOver */
     /* mirrors: packages/allocator/src/sync/lock.ts inherit */
     load(OWNER, word);
     if
     :: word != 0 && word != ABANDONED && word != token && SLOT_OF(word) == y ->
        atomic { seize(word, isMine) }
        if
        :: isMine -> repair(); unlock()
        :: else
        fi
     :: else
     fi;
#endif
     d_step { isMine = false; word = 0; y = 0 }
  fi;

again:
  if
  :: round == ROUNDS -> goto done
  :: else -> round++
  fi;

  /* mirrors: packages/allocator/src/sync/lock.ts during */
  lock();
  if
  :: load(TRUTH, x)
  MAY_THROW
  MAY_BE_CUT
  fi;
  atomic { load(DERIVED, y); assert(x == y); y = 0 }
#if MUTATION == early_unlock
  store(TRUTH, 1 - x);
  unlock();
  atomic { store(DERIVED, memory[TRUTH]); x = 0 }
#else
  if
  :: store(TRUTH, 1 - x)
  MAY_THROW
  MAY_BE_CUT
  fi;
  if
  :: atomic { store(DERIVED, 1 - x); x = 0 }
  MAY_THROW
  MAY_BE_CUT
  fi;
  unlock();
#endif
  goto again;

caught:
  skip;
  d_step { x = 0; y = 0; word = 0; slot = 0; seen = 0; sleeps = 0; isMine = false; isLeft = false }
  load(OWNER, y);
#if MUTATION != no_abandoning
  if
  :: y == token -> atomic { store(OWNER, ABANDONED); leave() }
  :: else
  fi;
#endif
  y = 0;
  goto again;

done:
  isDone[me] = true
}

/* One thread dies at any step of its own and of the others, or none does. */
proctype Death() {
  if
  :: !isDone[0] -> runs[0] = false
  :: !isDone[1] -> runs[1] = false
  :: !isDone[2] -> runs[2] = false
#ifdef FAIR
  :: true /* fairness would have somebody die in every run that does not end */
#endif
  fi
}

init {
  atomic {
    generation[0] = 1;
    generation[1] = 1;
    slotOwner[0] = 1;
    slotOwner[1] = 2;
    run Thread(0);
    run Thread(1);
#if THIRD == nobody
    isDone[2] = true;
#else
#if THIRD == contender
    generation[2] = 1;
    slotOwner[2] = 3;
#endif
    run Thread(2);
#endif
    RUN_PROCESSORS;
    run Death()
  }
  /* nothing can happen any more: nobody who lives waits, and nothing is left half done where it could be seen */
  timeout;
  assert((isDone[0] || !runs[0]) && (isDone[1] || !runs[1]) && (isDone[2] || !runs[2]));
  assert(memory[OWNER] != 0 || memory[TRUTH] == memory[DERIVED])
}
