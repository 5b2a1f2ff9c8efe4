// One row: all contestants that take part are started and verified, then take turns in rounds, so that what happens on
// the machine meanwhile hits all alike.

import { availableParallelism } from 'node:os';
import { CellProcess } from './cells/cell-process';
import type { Reply } from './cells/protocol';
import type { Contestant } from './contestants';
import { MissingSubject, TimeOver, messageOf } from './failure';
import type { Options } from './options';
import type { Progress } from './progress';
import { medianOf, timesAsGood, type Peer, type Result, type Skipped } from './report/report';
import { higherIsBetter, inUnit, valueName, type Row } from './workloads/rows';
import { availableMemory } from './report/memory';

export interface Findings {
  readonly results: Result[];
  readonly skipped: Skipped[];
  readonly peers: Map<string, Peer>;
  /** Contestants that are missing on this machine. */
  readonly missing: Set<string>;
  /** By contestant and group, the row that took too long: with a larger number it would take longer still. */
  readonly tooSlow: Map<string, string>;
}

export function newFindings(): Findings {
  return { results: [], skipped: [], peers: new Map(), missing: new Set(), tooSlow: new Map() };
}

/** What one series of a contestant has measured, a value a round. */
interface Series {
  readonly medians: number[];
  readonly bests: number[];
  readonly means: number[];
}

interface Entry {
  readonly contestant: Contestant;
  readonly cell: CellProcess;
  readonly series: (Series | undefined)[];
}

/** What one order may take. */
const QUICK_LIMIT_MS = 3_000;
const QUICK_SLOW_LIMIT_MS = 10_000;
const LIMIT_MS = 20_000;
const SLOW_LIMIT_MS = 90_000;
/** Some take long to free all; that is not measured. */
const STOP_LIMIT_MS = 1_000;
/** As many are verified at once; they take turns only when they are timed. */
const CORES = availableParallelism();
const WARM_PART = 0.5;

function limitOf(row: Row, options: Options): number {
  if (options.quick) return row.once ? QUICK_SLOW_LIMIT_MS : QUICK_LIMIT_MS;
  return row.once ? SLOW_LIMIT_MS : LIMIT_MS;
}

async function enter(contestant: Contestant, row: Row, options: Options, findings: Findings): Promise<Entry> {
  const limit = limitOf(row, options);
  const params = { ...row.params, seed: options.seed };
  const { id } = contestant;
  let program;
  try {
    program = contestant.program(row, params, options);
  } catch (error) {
    if (error instanceof MissingSubject) findings.missing.add(id);
    throw error;
  }
  const { cell, hello } = await CellProcess.start(program, limit);
  rememberPeer(findings, contestant, hello);
  await cell.ask('verify', limit);
  return { contestant, cell, series: [] };
}

function rememberPeer({ peers }: Findings, contestant: Contestant, { version, library }: Reply): void {
  const { id, title, family, collected } = contestant;
  peers.set(id, {
    id,
    title,
    family,
    collected,
    version: version ?? 'unknown',
    ...(library === undefined ? {} : { library }),
  });
}

async function runRound(entry: Entry, row: Row, options: Options): Promise<void> {
  const { values = [] } = await entry.cell.ask(`round ${options.roundMs}`, limitOf(row, options));
  values.forEach((value, i) => {
    if (value === null) return;
    const { medians, bests, means } = (entry.series[i] ??= { medians: [], bests: [], means: [] });
    const [median, best, mean] = value;
    medians.push(inUnit(median, row.unit));
    bests.push(inUnit(best, row.unit));
    means.push(inUnit(mean, row.unit));
  });
}

function resultsOf({ contestant, series }: Entry, row: Row): Result[] {
  const { id, group, unit } = row;
  const higher = higherIsBetter(unit);
  return row.series.flatMap((name, i) => {
    const measured = series[i];
    if (measured === undefined) return [];
    const { medians, bests, means } = measured;
    return [
      {
        name: valueName(id, name),
        row: id,
        series: name,
        group,
        subject: contestant.id,
        unit,
        higherIsBetter: higher,
        median: medianOf(medians),
        best: higher ? Math.max(...bests) : Math.min(...bests),
        mean: means.reduce((sum, mean) => sum + mean, 0) / means.length,
        rounds: medians,
      },
    ];
  });
}

/** How many times as good the reference is as each other. */
export function withRatios(results: readonly Result[], reference: string | undefined): Result[] {
  return results.map((result) => {
    const base = results.find(({ subject, name }) => subject === reference && name === result.name);
    if (base === undefined || base === result) return result;
    const { median, best, higherIsBetter: higher } = result;
    return {
      ...result,
      ratio: timesAsGood(base.median, median, higher),
      bestRatio: timesAsGood(base.best, best, higher),
    };
  });
}

/** Contestants whose memory together fits; the heaps of all stay while they take turns. */
function splitByMemory(contestants: readonly Contestant[], row: Row): Contestant[][] {
  const each = Math.min(row.params.poolBytes, row.params.slots * 1024 + 2 ** 26);
  const fitting = Math.max(1, Math.floor(availableMemory() / 2 / each));
  const groups: Contestant[][] = [];
  for (let i = 0; i < contestants.length; i += fitting) groups.push(contestants.slice(i, i + fitting));
  return groups;
}

async function takeTurns(
  contestants: readonly Contestant[],
  row: Row,
  options: Options,
  findings: Findings,
  progress: Progress,
): Promise<Result[]> {
  const entries: Entry[] = [];
  const drop = ({ id }: Contestant, error: unknown): void => {
    const reason = messageOf(error);
    if (error instanceof TimeOver && row.x !== undefined) findings.tooSlow.set(`${id} ${row.group}`, row.id);
    findings.skipped.push(
      findings.missing.has(id) ? { subject: id, reason } : { subject: id, row: row.id, reason },
    );
  };
  /** Does something with each that is still in; who fails is out. */
  const each = async (what: string, act: (entry: Entry) => Promise<unknown>, from = 0): Promise<void> => {
    for (const entry of [...entries.slice(from), ...entries.slice(0, from)]) {
      progress.tell(`${what} ${entry.contestant.title}`);
      try {
        await act(entry);
      } catch (error) {
        drop(entry.contestant, error);
        entry.cell.kill();
        entries.splice(entries.indexOf(entry), 1);
      }
    }
  };
  const present = contestants.filter(({ id }) => !findings.missing.has(id));
  for (let i = 0; i < present.length; i += CORES) {
    const few = present.slice(i, i + CORES);
    progress.tell(`verifying ${few.map(({ title }) => title).join(', ')}`);
    const entering = few.map((contestant) => enter(contestant, row, options, findings));
    for (const [at, outcome] of (await Promise.allSettled(entering)).entries()) {
      if (outcome.status === 'fulfilled') entries.push(outcome.value);
      else drop(few[at], outcome.reason);
    }
  }
  try {
    const limit = limitOf(row, options);
    const warmMs = options.smoke ? 1 : Math.max(row.warmMs, Math.ceil(options.roundMs * WARM_PART));
    if (!row.once) await each('warming', ({ cell }) => cell.ask(`warm ${warmMs}`, limit));
    const rounds = row.once ? 1 : options.rounds;
    for (let round = 0; round < rounds; round++) {
      await each('measuring', (entry) => runRound(entry, row, options), round % Math.max(1, entries.length));
    }
    return entries.flatMap((entry) => resultsOf(entry, row));
  } finally {
    await Promise.all(entries.map(({ cell }) => cell.stop(STOP_LIMIT_MS)));
  }
}

export async function measureRow(
  row: Row,
  contestants: readonly Contestant[],
  reference: string | undefined,
  options: Options,
  findings: Findings,
  progress: Progress,
): Promise<void> {
  const taking = contestants.filter((contestant) => {
    const slowRow = findings.tooSlow.get(`${contestant.id} ${row.group}`);
    const reason =
      contestant.whyNot(row) ?? (slowRow === undefined ? undefined : `already ${slowRow} took too long`);
    if (reason !== undefined && contestant.family !== 'control') {
      findings.skipped.push({ subject: contestant.id, row: row.id, reason });
    }
    return reason === undefined;
  });
  const results: Result[] = [];
  for (const group of splitByMemory(taking, row)) {
    results.push(...(await takeTurns(group, row, options, findings, progress)));
  }
  findings.results.push(...withRatios(results, reference));
}
