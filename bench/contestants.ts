// Everything that can be measured, in Node or in C, behind one interface: how its process is started for a row.

import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import type { Program } from './cells/cell-process';
import { BenchError, MissingSubject, messageOf } from './failure';
import { NATIVE_CONTROL, NATIVE_PEERS, compilePeer, type NativePeer } from './subjects/native-peers';
import type { Subject } from './subjects/subject';
import { SUBJECTS } from './subjects/subjects';
import type { Params } from './workloads/job';
import type { Row } from './workloads/rows';

/** What --subjects calls them. */
export type Family = 'ours' | 'node' | 'native' | 'control';

/** How the processes are started, the same for all rows. */
export interface Surroundings {
  readonly dir: string;
  readonly nodeFlags: readonly string[];
}

export interface Contestant {
  readonly id: string;
  readonly title: string;
  readonly family: Family;
  /** Its blocks are freed by the garbage collector. */
  readonly collected: boolean;
  /** Why it does not take part in the row; undefined if it does. */
  whyNot(row: Row): string | undefined;
  /** Throws MissingSubject where it can't be had on this machine, BenchError where it can't be in this row. */
  program(row: Row, params: Params, surroundings: Surroundings): Program;
}

const TMPFS = 0x01021994;
const CELL = join(__dirname, 'cells/cell.js');

function argumentsOf(row: Row, params: Params, dir: string): string[] {
  return [
    row.job,
    row.kind,
    ...Object.entries(params).map(([name, value]) => `${name}=${value}`),
    `dir=${dir}`,
  ];
}

/** Loops alone: where an allocator is measured by the operation, or its first ones in a new thread. */
function whyNoControl({ kind, job }: Row): string | undefined {
  return kind === 'measure' && job !== 'first-use' ? 'it has no memory of its own' : undefined;
}

/** A pool's file takes its whole size at once; on a tmpfs that is memory. */
function whyNoFile(bytes: number, dir: string): string | undefined {
  const { type, bavail, bsize } = statfsSync(dir);
  const room = type === TMPFS ? Math.min(bavail * bsize, freemem()) : bavail * bsize;
  return bytes > room / 2
    ? `${dir} has too little room for a pool of ${Math.round(bytes / 2 ** 20)} MiB`
    : undefined;
}

function fromSubject(subject: Subject): Contestant {
  const { id, title, hasPool, inFile = false, shared, collected = false } = subject;
  return {
    id,
    title,
    family: id === 'control' ? 'control' : shared !== undefined ? 'ours' : 'node',
    collected,
    whyNot(row) {
      if (id === 'control') return whyNoControl(row);
      if (row.pools && !hasPool) return 'it has no pools of a fixed size';
      if (row.params.threads > 1 && shared === undefined) return 'threads cannot share it';
      return undefined;
    },
    program(row, params, { dir, nodeFlags }) {
      const reason = inFile ? whyNoFile(params.poolBytes, dir) : undefined;
      if (reason !== undefined) throw new BenchError(reason);
      // As Node prints them, warnings would go between the lines of the tables.
      const env = { NODE_NO_WARNINGS: '1' };
      const args = [...nodeFlags, CELL, id, ...argumentsOf(row, params, dir)];
      return { command: process.execPath, args, env };
    },
  };
}

function fromPeer(peer: NativePeer): Contestant {
  const { id, title, hasPool } = peer;
  let compiled: string | MissingSubject | undefined;
  return {
    id,
    title,
    family: id === NATIVE_CONTROL ? 'control' : 'native',
    collected: false,
    whyNot(row) {
      if (id === NATIVE_CONTROL) return whyNoControl(row);
      return row.pools && !hasPool ? 'it has no pools of a fixed size' : undefined;
    },
    program(row, params, { dir }) {
      try {
        compiled ??= compilePeer(peer);
      } catch (error) {
        compiled = new MissingSubject(messageOf(error));
      }
      if (compiled instanceof MissingSubject) throw compiled;
      const reason = hasPool ? whyNoFile(params.poolBytes, dir) : undefined;
      if (reason !== undefined) throw new BenchError(reason);
      return { command: compiled, args: argumentsOf(row, params, dir) };
    },
  };
}

const ALL = [...SUBJECTS.map(fromSubject), ...NATIVE_PEERS.map(fromPeer)];
const isControl = ({ family }: Contestant): boolean => family === 'control';

/** The controls last, as in the tables. */
export const CONTESTANTS: readonly Contestant[] = [
  ...ALL.filter((contestant) => !isControl(contestant)),
  ...ALL.filter(isControl),
];
