// A run: workers come, work, are killed and go; at the end of each of many stages all stand still and the books are audited.

import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Vmem } from '@vmem-ts/vmem-api';
import { randomFrom, type Random } from '../support/random';
import { auditPool, closePool, openPool, type TrialPool } from './audit';
import {
  Board,
  CONTROL_ROW,
  Figure,
  MAIN_ROW,
  Order,
  State,
  Status,
  actionIndex,
  type Action,
  type LockKind,
} from './board';
import { DEATHS, HEAP_MIB, isMeant, wayOf, type Death } from './deaths';
import type { Interval } from './endurance';
import { requireBalance } from './load';
import { LOST, MOST_ROWS, handsOf } from './ledger';
import { PROFILES } from './profiles';
import { holdsOf, stallsOf, type LockHold, type Stalls } from './stalls';
import type { ControlTask } from './workers/control-thread';
import type { LoadTask } from './workers/load-thread';

/** Rows from here on are those of the threads that are killed. */
export const MOST_WORKERS = 16;
/** At once. */
export const MOST_VICTIMS = MOST_ROWS - MOST_WORKERS;

export interface Plan {
  readonly seed: number;
  /** The run ends when all three are reached. */
  readonly operations: number;
  readonly milliseconds: number;
  readonly kills: number;
  /** Default: all ways. */
  readonly deaths?: readonly Death[];
  readonly workers: { readonly least: number; readonly most: number };
  readonly stages: number;
  /** Pools besides the first, one of which is deleted under load and replaced in each stage. */
  readonly sidePools: number;
  /** Makes the first pool, and pool `n` of the others. */
  makePool(n: number): Vmem;
  readonly hangMs: number;
  /** Called at the end of each stage. */
  report?(interval: Interval, stage: number): void;
}

export interface RunResult {
  readonly seed: number;
  readonly milliseconds: number;
  readonly operations: number;
  readonly deaths: Readonly<Record<Death, number>>;
  readonly threadsStarted: number;
  readonly turnedAway: number;
  readonly poolsMade: number;
  readonly blocksOfTheDead: number;
  readonly intervals: readonly Interval[];
  /** Of the threads that nobody kills, and of the one that uses no pool. */
  readonly stalls: { readonly workers: Stalls; readonly control: Stalls };
  readonly holds: Readonly<Record<LockKind, LockHold>>;
}

export async function run(plan: Plan): Promise<RunResult> {
  const trial = new Run(plan);
  try {
    return await trial.go();
  } finally {
    await trial.end();
  }
}

class Run {
  private readonly board = new Board();
  private readonly random: Random;
  private readonly pools: TrialPool[] = [];
  private readonly workers = new Map<number, Worker>();
  private readonly threads = new Set<Worker>();
  private readonly deaths = Object.fromEntries(DEATHS.map((death) => [death, 0])) as Record<Death, number>;
  private readonly intervals: Interval[] = [];
  private control: Worker | undefined;
  private failure: Error | undefined;
  private killed = 0;
  private begun = 0;
  private threadsStarted = 0;
  private poolsMade = 0;
  private blocksOfTheDead = 0;

  constructor(private readonly plan: Plan) {
    this.random = randomFrom(plan.seed);
  }

  async go(): Promise<RunResult> {
    const { plan, board } = this;
    this.control = this.start('control-thread', {
      board: board.memory,
      hangMs: plan.hangMs,
    } satisfies ControlTask);
    this.control.on('message', (text: string) => (this.failure ??= new Error(`threads hang:\n${text}`)));
    for (let i = 0; i <= plan.sidePools; i++) this.addPool();
    this.begun = performance.now();
    for (let stage = 0; stage < plan.stages; stage++) await this.runStage(stage);
    await this.adjustWorkers(0);
    const milliseconds = performance.now() - this.begun;
    for (const pool of this.pools.splice(0)) this.doing('delete', () => closePool(pool));
    return {
      seed: plan.seed,
      milliseconds,
      operations: board.sum(Figure.operations),
      deaths: this.deaths,
      threadsStarted: this.threadsStarted,
      turnedAway: Array.from({ length: MOST_ROWS }, (_, row) => board.status(row, Status.turnedAway)).reduce(
        (a, b) => a + b,
      ),
      poolsMade: this.poolsMade,
      blocksOfTheDead: this.blocksOfTheDead,
      intervals: this.intervals,
      stalls: {
        workers: stallsOf(board, 0, MOST_WORKERS),
        control: stallsOf(board, CONTROL_ROW, CONTROL_ROW + 1),
      },
      holds: holdsOf(board, CONTROL_ROW),
    };
  }

  async end(): Promise<void> {
    this.board.setStatus(CONTROL_ROW, Status.stop, 1);
    if (this.control !== undefined && this.threads.has(this.control)) await once(this.control, 'exit');
    await Promise.all([...this.threads].map((worker) => worker.terminate()));
    for (const { pool } of this.pools.splice(0)) pool.delete();
  }

  private async runStage(stage: number): Promise<void> {
    const { plan, board } = this;
    const begin = performance.now();
    const before = board.sum(Figure.operations);
    const controlBefore = board.figure(CONTROL_ROW, Figure.operations);
    const share = (stage + 1) / plan.stages;
    const cycle = stage % PROFILES.length;
    board.setOrder(Order.profile, cycle);
    const workers = workersIn(cycle, plan);
    board.setOrder(Order.workers, workers + (plan.kills > 0 ? MOST_VICTIMS : 0));
    await this.adjustWorkers(workers);
    const killUntil = Math.round(plan.kills * share);
    const killing = Array.from({ length: MOST_VICTIMS }, (_, i) =>
      this.killUntil(killUntil, MOST_WORKERS + i),
    );
    this.checkUnderLoad();
    this.replacePool();
    while (!this.isReached(share) && this.failure === undefined) await sleep(20);
    await Promise.all(killing);
    await this.pause();
    const first = this.audit();
    const ms = performance.now() - begin;
    const operations = board.sum(Figure.operations) - before;
    const interval: Interval = {
      seconds: (performance.now() - this.begun) / 1000,
      profile: PROFILES[cycle].name,
      workers,
      operations: board.sum(Figure.operations),
      operationsPerSecond: operations / (ms / 1000),
      operationsPerControl: operations / (board.figure(CONTROL_ROW, Figure.operations) - controlBefore),
      deaths: this.killed,
      ...first,
      longestStallMs: this.longestOfInterval(0, MOST_WORKERS),
      longestControlMs: this.longestOfInterval(CONTROL_ROW, CONTROL_ROW + 1),
    };
    this.intervals.push(interval);
    plan.report?.(interval, stage);
    board.setOrder(Order.pause, 0);
  }

  private isReached(share: number): boolean {
    const { plan, board } = this;
    return (
      board.sum(Figure.operations) >= plan.operations * share &&
      performance.now() - this.begun >= plan.milliseconds * share &&
      this.killed >= Math.round(plan.kills * share)
    );
  }

  private longestOfInterval(from: number, to: number): number {
    let longest = 0;
    for (let row = from; row < to; row++) longest = Math.max(longest, this.board.takeLongestOfInterval(row));
    return longest;
  }

  /** Everybody stands still, or is not there. */
  private async pause(): Promise<void> {
    this.board.setOrder(Order.pause, 1);
    for (const row of this.workers.keys())
      while (this.board.status(row, Status.state) !== State.paused) {
        if (this.failure !== undefined) throw this.failure;
        await sleep(1);
      }
    if (this.failure !== undefined) throw this.failure;
  }

  private audit(): Pick<Interval, 'fileBytes' | 'liveShare' | 'fragmentation'> {
    const [first] = this.pools.map((pool) => {
      const audit = this.doing('blocks', () => auditPool(pool));
      this.blocksOfTheDead += audit.found;
      return audit;
    });
    return first;
  }

  private checkUnderLoad(): void {
    for (const { pool, share } of this.pools) {
      const { result, problems } = this.doing('check', () => pool.checkReport());
      if (result !== 1) throw new Error(`pool ${share.id}: ${problems[0]?.message ?? result}`);
      this.doing('stats', () => requireBalance(pool));
    }
  }

  /** The oldest of the pools besides the first is deleted under everybody's hands, and there is a new one. */
  private replacePool(): void {
    if (this.plan.sidePools === 0) return;
    const [old] = this.pools.splice(1, 1);
    this.doing('delete', () => {
      old.pool.delete();
    });
    const { share } = this.addPool();
    for (const worker of this.workers.values()) worker.postMessage(share);
  }

  private addPool(): TrialPool {
    const id = this.poolsMade++;
    const pool = this.doing('create', () => openPool(this.plan.makePool(id), id));
    this.pools.push(pool);
    this.control?.postMessage(this.pools.map(({ share }) => share));
    return pool;
  }

  /** The main thread does something with a pool, which it might hang in. */
  private doing<T>(action: Action, act: () => T): T {
    const { board } = this;
    board.setStatus(MAIN_ROW, Status.action, actionIndex(action));
    board.f64[board.figureAt(MAIN_ROW, Figure.operations)]++;
    board.setStatus(MAIN_ROW, Status.state, State.running);
    try {
      return act();
    } finally {
      board.setStatus(MAIN_ROW, Status.state, State.absent);
    }
  }

  private async adjustWorkers(count: number): Promise<void> {
    for (let row = 0; row < count; row++) {
      if (this.workers.has(row)) continue;
      const worker = this.startLoad(row);
      worker.on('error', (error: Error) => (this.failure ??= error));
      this.workers.set(row, worker);
    }
    for (const [row, worker] of [...this.workers]) {
      if (row < count) continue;
      const gone = this.threads.has(worker) ? once(worker, 'exit') : undefined;
      this.board.setStatus(row, Status.stop, 1);
      await gone;
      this.workers.delete(row);
    }
    if (this.failure !== undefined) throw this.failure;
  }

  private startLoad(row: number, death?: LoadTask['death']): Worker {
    const { board, random } = this;
    board.setStatus(row, Status.stop, 0);
    board.setStatus(row, Status.state, State.absent);
    const pools = this.pools.map(({ share }) => share);
    const task: LoadTask = {
      board: board.memory,
      row,
      seed: random(2 ** 31),
      pools,
      ...(death !== undefined && { death }),
    };
    this.threadsStarted++;
    return this.start('load-thread', task, death?.way === 'memory');
  }

  private start(name: string, workerData: unknown, isSmall = false): Worker {
    const worker = new Worker(join(__dirname, 'workers', `${name}.js`), {
      workerData,
      ...(isSmall && { resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB } }),
    });
    this.threads.add(worker);
    worker.once('exit', () => this.threads.delete(worker));
    return worker;
  }

  /** One victim after the other in that row. */
  private async killUntil(target: number, row: number): Promise<void> {
    while (this.killed < target && this.failure === undefined) {
      const way = await this.killOne(row, wayOf(this.killed++, this.plan.deaths));
      this.deaths[way]++;
    }
  }

  /** Returns what it died of. */
  private async killOne(row: number, way: Death): Promise<Death> {
    const { random, board } = this;
    const isEarly = random(5) === 0;
    const delay = random(8000) / 1000;
    const victim = this.startLoad(row, { way, after: way === 'terminate' ? Infinity : random(1000) });
    const gone = new Promise<void>((resolve) => {
      victim.once('exit', () => {
        resolve();
      });
    });
    let isAsMeant = !/^(error|memory|stack)$/.test(way);
    victim.on('error', (error: Error) => {
      if (isMeant(way, error)) isAsMeant = true;
      else this.failure ??= error;
    });
    if (way === 'terminate') {
      await Promise.race([gone, once(victim, isEarly ? 'online' : 'message').catch(() => undefined)]);
      await sleep(delay);
      await victim.terminate();
    }
    await gone;
    board.setStatus(row, Status.state, State.absent);
    for (const { words } of this.pools) {
      Atomics.add(words, LOST, words[handsOf(row)]);
      words[handsOf(row)] = 0;
    }
    return isAsMeant ? way : 'exit';
  }
}

/** How many workers there are in each stage of a cycle: from the least to the most and back, the same in every cycle. */
function workersIn(cycle: number, { workers: { least, most } }: Plan): number {
  const steps = PROFILES.length;
  return least + Math.round(((most - least) * ((cycle * 3) % steps)) / (steps - 1));
}
