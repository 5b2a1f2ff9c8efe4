// Everything that can be measured, in Node or in C, behind one interface: how its process is started for a row.

import { statfsSync } from 'node:fs';
import { freemem } from 'node:os';
import { join } from 'node:path';
import type { Program } from './cells/cell-process';
import { BenchError, messageOf } from './failure';
import { NATIVE_PEERS, compilePeer, type NativePeer } from './subjects/native-peers';
import type { Subject } from './subjects/subject';
import { SUBJECTS } from './subjects/subjects';
import type { Params } from './workloads/job';
import type { Row } from './workloads/rows';

export type Family = 'vmem-ts' | 'Node' | 'C' | 'control';

export interface Contestant {
  readonly id: string;
  readonly title: string;
  readonly family: Family;
  /** Why it does not take part in the row; undefined if it does. */
  whyNot(row: Row): string | undefined;
  /** Throws a BenchError where it can't be had on this machine. */
  program(row: Row, params: Params, dir: string): Program;
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

/** A pool's file takes its whole size at once; on a tmpfs that is memory. */
function whyNoFile(bytes: number, dir: string): string | undefined {
  const { type, bavail, bsize } = statfsSync(dir);
  const room = type === TMPFS ? Math.min(bavail * bsize, freemem()) : bavail * bsize;
  return bytes > room / 2
    ? `${dir} has too little room for a pool of ${Math.round(bytes / 2 ** 20)} MiB`
    : undefined;
}

function fromSubject(subject: Subject): Contestant {
  const { id, title, hasPool, shared } = subject;
  return {
    id,
    title,
    family: id === 'control' ? 'control' : shared !== undefined ? 'vmem-ts' : 'Node',
    whyNot(row) {
      if (id === 'control') return row.control ? undefined : 'not asked for';
      if (row.pools && !hasPool) return 'it has no pools of a fixed size';
      if (row.params.threads > 1 && shared === undefined) return 'threads cannot share it';
      return undefined;
    },
    program(row, params, dir) {
      const reason = id === 'overlay' ? whyNoFile(params.poolBytes, dir) : undefined;
      if (reason !== undefined) throw new BenchError(reason);
      // As Node prints them, warnings would go between the lines of the tables.
      const env = { NODE_NO_WARNINGS: '1' };
      return { command: process.execPath, args: [CELL, id, ...argumentsOf(row, params, dir)], env };
    },
  };
}

function fromPeer(peer: NativePeer): Contestant {
  const { id, title, hasPool } = peer;
  let compiled: string | BenchError | undefined;
  return {
    id,
    title,
    family: 'C',
    whyNot: (row) => (row.pools && !hasPool ? 'it has no pools of a fixed size' : undefined),
    program(row, params, dir) {
      try {
        compiled ??= compilePeer(peer);
      } catch (error) {
        compiled = new BenchError(messageOf(error));
      }
      if (compiled instanceof BenchError) throw compiled;
      const reason = hasPool ? whyNoFile(params.poolBytes, dir) : undefined;
      if (reason !== undefined) throw new BenchError(reason);
      return { command: compiled, args: argumentsOf(row, params, dir) };
    },
  };
}

const [control] = SUBJECTS.filter(({ id }) => id === 'control');

export const CONTESTANTS: readonly Contestant[] = [
  ...SUBJECTS.filter((subject) => subject !== control).map(fromSubject),
  ...NATIVE_PEERS.map(fromPeer),
  ...(control === undefined ? [] : [fromSubject(control)]),
];
