// One row: all contestants that take part are started and verified, then take turns in rounds, so that what happens on
// the machine meanwhile hits all alike.

import { CellProcess } from './cells/cell-process';
import type { Reply } from './cells/protocol';
import type { Contestant } from './contestants';
import { MissingSubject, messageOf } from './failure';
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
}

export function newFindings(): Findings {
  return { results: [], skipped: [], peers: new Map(), missing: new Set() };
}

/** What one contestant has measured: a list of rounds for each series. */
interface Entry {
  readonly contestant: Contestant;
  readonly cell: CellProcess;
  readonly medians: number[][];
  readonly bests: number[][];
}

const QUICK_LIMIT_MS = 15_000;
const LIMIT_MS = 120_000;
const SLOW_LIMIT_MS = 900_000;
const STOP_LIMIT_MS = 10_000;
const WARM_PART = 0.5;

function limitOf(row: Row, options: Options): number {
  if (options.quick) return QUICK_LIMIT_MS;
  return row.once ? SLOW_LIMIT_MS : LIMIT_MS;
}

async function enter(contestant: Contestant, row: Row, options: Options, findings: Findings): Promise<Entry> {
  const limit = limitOf(row, options);
  const params = { ...row.params, seed: options.seed };
  const { id, title } = contestant;
  let program;
  try {
    program = contestant.program(row, params, options);
  } catch (error) {
    if (error instanceof MissingSubject) findings.missing.add(id);
    throw error;
  }
  const { cell, hello } = await CellProcess.start(program, limit);
  rememberPeer(findings, id, title, hello);
  await cell.ask('verify', limit);
  return { contestant, cell, medians: [], bests: [] };
}

function rememberPeer(findings: Findings, id: string, title: string, { version, library }: Reply): void {
  findings.peers.set(id, {
    id,
    title,
    version: version ?? 'unknown',
    ...(library === undefined ? {} : { library }),
  });
}

async function runRound(entry: Entry, row: Row, options: Options): Promise<void> {
  const { values = [] } = await entry.cell.ask(`round ${options.roundMs}`, limitOf(row, options));
  values.forEach((value, i) => {
    if (value === null) return;
    (entry.medians[i] ??= []).push(inUnit(value[0], row.unit));
    (entry.bests[i] ??= []).push(inUnit(value[1], row.unit));
  });
}

function resultsOf({ contestant, medians, bests }: Entry, row: Row): Result[] {
  const { id, group, series, unit } = row;
  return series.flatMap((name, i) => {
    const rounds = medians[i];
    const best = bests[i];
    if (rounds === undefined || best === undefined) return [];
    const higher = higherIsBetter(unit);
    return [
      {
        name: valueName(id, name),
        row: id,
        series: name,
        group,
        subject: contestant.id,
        unit,
        higherIsBetter: higher,
        median: medianOf(rounds),
        best: higher ? Math.max(...best) : Math.min(...best),
        rounds,
      },
    ];
  });
}

/** How many times as good the reference is as each other. */
function withRatios(results: readonly Result[], reference: string | undefined): Result[] {
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
  for (const contestant of contestants) {
    if (findings.missing.has(contestant.id)) continue;
    progress.tell(`verifying ${contestant.title}`);
    try {
      entries.push(await enter(contestant, row, options, findings));
    } catch (error) {
      drop(contestant, error);
    }
  }
  try {
    const limit = limitOf(row, options);
    if (!row.once)
      await each('warming', ({ cell }) => cell.ask(`warm ${Math.ceil(options.roundMs * WARM_PART)}`, limit));
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
    const reason = contestant.whyNot(row);
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
