/*
 * Shared memory as the threads of an x86 processor see it (TSO): a plain store goes into the thread's store buffer and
 * reaches memory later, in order; a load sees the thread's own buffered stores first; an atomic operation waits until
 * the buffer is empty. With WEAK a buffer gives its stores out in any order, those to one word excepted; with AT_ONCE
 * there is none.
 *
 * Before: THREADS, WORDS, DEPTH (of a buffer), and in each process `me`. A barrier in all threads, as membarrier(2)
 * gives it, is an instant for each of them at which its buffer is empty. Buffers of the dead empty themselves, too.
 */

typedef Buffer {
  byte n;
  byte word[DEPTH];
  byte value[DEPTH]
}

Buffer buffer[THREADS];
byte memory[WORDS];
hidden byte k_;

#define IS_DRAINED(t) (buffer[t].n == 0)

/* A plain store. */
inline store(at, v) {
#ifdef AT_ONCE
  memory[at] = v
#else
  atomic {
    buffer[me].n < DEPTH;
    buffer[me].word[buffer[me].n] = at;
    buffer[me].value[buffer[me].n] = v;
    buffer[me].n++
  }
#endif
}

/* A plain load. */
inline load(at, x) {
  d_step {
    x = memory[at];
    k_ = 0;
    do
    :: k_ < buffer[me].n ->
       if
       :: buffer[me].word[k_] == at -> x = buffer[me].value[k_]
       :: else
       fi;
       k_++
    :: else -> break
    od;
    k_ = 0
  }
}

/* An atomic store; also what `storeRelease` does where stores are not in order. */
inline storeAtomic(at, v) {
  atomic { IS_DRAINED(me); memory[at] = v }
}

inline exchangeIf(at, old, new, x) {
  atomic {
    IS_DRAINED(me);
    x = memory[at];
    if
    :: x == (old) -> memory[at] = new
    :: else
    fi
  }
}

inline giveOut(t, i) {
  d_step {
    memory[buffer[t].word[i]] = buffer[t].value[i];
    k_ = i;
    do
    :: k_ + 1 < buffer[t].n ->
       buffer[t].word[k_] = buffer[t].word[k_ + 1];
       buffer[t].value[k_] = buffer[t].value[k_ + 1];
       k_++
    :: else -> break
    od;
    buffer[t].n--;
    buffer[t].word[buffer[t].n] = 0;
    buffer[t].value[buffer[t].n] = 0;
    k_ = 0
  }
}

#ifdef WEAK
/* Whether the store at i goes to another word than those before it. */
#define DIFFER(t, i, j) (i <= j || buffer[t].word[j] != buffer[t].word[i])
#define MAY_PASS(t, i) (DEPTH > i && buffer[t].n > i && DIFFER(t, i, 0) && DIFFER(t, i, 1) && DIFFER(t, i, 2))
#endif

proctype Processor(byte t) {
end:
  do
  :: buffer[t].n > 0 -> giveOut(t, 0)
#ifdef WEAK
  :: MAY_PASS(t, 1) -> giveOut(t, 1)
  :: MAY_PASS(t, 2) -> giveOut(t, 2)
#if DEPTH > 3
  :: MAY_PASS(t, 3) -> giveOut(t, 3)
#endif
#endif
  od
}

#ifdef AT_ONCE
#define RUN_PROCESSORS skip
#else
#define RUN_PROCESSORS k_ = 0; do :: k_ < THREADS -> run Processor(k_); k_++ :: else -> break od; k_ = 0
#endif
