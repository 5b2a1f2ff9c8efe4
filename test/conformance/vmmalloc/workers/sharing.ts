// Threads that come to the process's pool in different orders. What is passed between them is a board with a turn and a
// pointer on it, and nothing of the pool. Prints what the threads say: which heap they see, and what lies at the pointer.

import { writeSync } from 'node:fs';
import { Worker, isMainThread, workerData } from 'node:worker_threads';

import type * as vmmalloc from '@vmem-ts/vmem-api/vmmalloc';

type Vmmalloc = typeof vmmalloc;

interface Part {
  readonly scenario: string;
  readonly role: string;
  readonly board: Int32Array;
}

const TURN = 0;
const POINTER = 1;
const LONGEST_MS = 60_000;
const TEXT = 'seen by all';

const { scenario, role, board }: Part = isMainThread
  ? {
      scenario: process.argv[2] ?? '',
      role: 'main',
      board: new Int32Array(new SharedArrayBuffer(8)),
    }
  : (workerData as Part);

// eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded when the scenario says so
const load = (): Vmmalloc => require('@vmem-ts/vmem-api/vmmalloc') as Vmmalloc;

const start = (part: string, options = {}): Worker =>
  new Worker(__filename, { ...options, workerData: { scenario, role: part, board } satisfies Part });

/** Says that it is so many's turn. */
function give(turn: number): void {
  Atomics.store(board, TURN, turn);
  Atomics.notify(board, TURN);
}

/** Waits without a turn of the event loop. */
function awaitTurn(turn: number): void {
  for (;;) {
    const now = Atomics.load(board, TURN);
    if (now >= turn) return;
    if (Atomics.wait(board, TURN, now, LONGEST_MS) === 'timed-out') throw new Error(`no turn ${turn}`);
  }
}

function write({ malloc, pool }: Vmmalloc): void {
  const ptr = malloc(100);
  pool().view(Uint8Array, ptr, TEXT.length).set(new TextEncoder().encode(TEXT));
  board[POINTER] = ptr;
}

/** Says what it sees; all threads should say the same. */
function say({ pool, malloc, free, errno }: Vmmalloc): void {
  free(malloc(50));
  const heap = pool().handle.id.join();
  const text = new TextDecoder().decode(pool().view(Uint8Array, board[POINTER], TEXT.length).slice());
  writeSync(1, `${heap} ${text} errno ${errno()}\n`);
}

type Parts = Record<string, () => void>;

const SCENARIOS: Record<string, Parts> = {
  'main is first': {
    main() {
      const C = load();
      write(C);
      start('worker');
      start('worker');
      say(C);
    },
    worker: () => {
      say(load());
    },
  },
  'a worker is first, and the main thread is busy': {
    main() {
      const C = load();
      start('other');
      start('first');
      awaitTurn(1);
      say(C);
      give(2);
    },
    first() {
      const C = load();
      write(C);
      give(1);
      say(C);
    },
    other() {
      const C = load();
      awaitTurn(2);
      say(C);
    },
  },
  'a worker is first, and ends before others come': {
    main() {
      const C = load();
      start('first').once('exit', () => {
        say(C);
        start('late');
      });
    },
    first() {
      write(load());
    },
    late: () => {
      say(load());
    },
  },
  'a worker is first, and is terminated': {
    main() {
      const C = load();
      const first = start('first');
      awaitTurn(1);
      void first.terminate().then(() => {
        say(C);
        start('late');
      });
    },
    first() {
      write(load());
      give(1);
      for (;;); // until it is terminated
    },
    late: () => {
      say(load());
    },
  },
  'a worker of a worker that does not know is first': {
    main() {
      const C = load();
      start('ignorant');
      awaitTurn(1);
      say(C);
      start('late');
    },
    ignorant: () => {
      start('first');
    },
    first() {
      const C = load();
      write(C);
      give(1);
      say(C);
      start('late');
    },
    late: () => {
      say(load());
    },
  },
  'the main thread uses it while a worker starts, and is busy then': {
    main() {
      const C = load();
      start('ignorant');
      write(C);
      give(1);
      awaitTurn(2);
      say(C);
    },
    ignorant() {
      awaitTurn(1);
      start('late');
    },
    late() {
      say(load());
      give(2);
    },
  },
  'the main thread has loaded it twice': {
    main() {
      const C = load();
      for (const file of Object.keys(require.cache)) {
        if (/vmem-api/.test(file)) Reflect.deleteProperty(require.cache, file);
      }
      const copy = load();
      write(copy);
      say(C);
      say(copy);
      start('worker');
    },
    worker: () => {
      say(load());
    },
  },
  'nobody uses it': {
    main() {
      load();
      start('worker');
    },
    worker() {
      load();
      start('ignorant');
    },
    ignorant: () => undefined,
  },
  'all at once': {
    main() {
      const C = load();
      const others = Array.from({ length: 6 }, () => start('other'));
      setTimeout(() => {
        give(1);
        write(C);
        say(C);
        for (const other of others) other.postMessage('go on');
      }, 200);
    },
    other() {
      const { malloc, free } = load();
      awaitTurn(1);
      free(malloc(10)); // the main thread is at the same
      process.once('exit', () => {
        say(load());
      });
    },
  },
  'a worker has an environment of its own': {
    main() {
      const C = load();
      process.env['VMMALLOC_POOL_SIZE'] = '1';
      start('first', { env: {} });
      awaitTurn(1);
      say(C);
    },
    first() {
      const C = load();
      write(C);
      give(1);
      say(C);
    },
  },
  'only a worker and its own worker load it': {
    main: () => {
      start('first');
    },
    first() {
      const C = load();
      start('late');
      awaitTurn(1);
      say(C);
    },
    late() {
      const C = load();
      write(C);
      give(1);
      say(C);
    },
  },
};

SCENARIOS[scenario][role]();
