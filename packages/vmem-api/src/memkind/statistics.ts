// Figures of kinds. memkind(3), STATISTICS

import { VmemError, describe, type HeapStats } from '@vmem-ts/allocator';
import { statsText } from '../pool/stats-text';
import {
  MEMKIND_ERROR_INVALID,
  MEMKIND_STAT_PRINT_JSON_FORMAT,
  MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA,
  MEMKIND_STAT_PRINT_OMIT_EXTENT,
  MEMKIND_STAT_PRINT_OMIT_GENERAL,
  MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA,
  MEMKIND_STAT_PRINT_OMIT_MUTEX,
  MEMKIND_STAT_PRINT_OMIT_PER_ARENA,
  MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS,
  MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE,
  MEMKIND_STAT_TYPE_MAX_VALUE,
  MEMKIND_STAT_TYPE_RESIDENT,
} from './codes';
import { attempt } from './failures';
import { requireKind, type memkind_t } from './handles';
import { requireOut, setOut, type Out } from '../c/out';
import { kinds, type PmemKind } from './pmem-kind';
import { isStaticKind } from './static-kinds';

/** By MEMKIND_STAT_TYPE: bytes with storage; of pages that hold blocks, also cached and free ones; of live blocks. */
type Figures = readonly [resident: number, active: number, allocated: number];

const NONE: Figures = [0, 0, 0];

/** Those of the last update. */
let figures = new Map<PmemKind, Figures>();

/** Kinds that are there; one may be destroyed while one looks. */
function* openKinds(): Iterable<PmemKind> {
  for (const kind of kinds) if (kind.isOpen) yield kind;
}

/** What `read` finds; undefined if another thread has destroyed the kind meanwhile. */
function unlessClosed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof VmemError && error.code === 'ECLOSED') return undefined;
    throw error;
  }
}

function figuresOf({ backed, live, classes, large, perThread }: HeapStats): Figures {
  const slabs = classes.reduce((sum, { bytes }) => sum + bytes, 0);
  const runs = perThread.reduce((sum, { runBytes }) => sum + runBytes, 0);
  return [backed, slabs + large.bytes + runs, live];
}

/** Takes the figures of all kinds that this thread has. Stops all threads for a moment. memkind_update_cached_stats(3) */
export function memkind_update_cached_stats(): number {
  return attempt(
    () => {
      const taken = new Map<PmemKind, Figures>();
      for (const kind of openKinds()) {
        const stats = unlessClosed(() => kind.stats());
        if (stats === undefined) continue;
        taken.set(kind, figuresOf(stats));
      }
      figures = taken;
    },
    () => MEMKIND_ERROR_INVALID,
  );
}

/**
 * Writes a figure of the last update to `value`; 0 of a kind that was not there then. NULL stands for all kinds that this
 * thread had. MEMKIND_ERROR_INVALID: no kind, or no such type. memkind_get_stat(3)
 */
export function memkind_get_stat(kind: memkind_t | null, stat: number, value: Out<number>): number {
  return attempt(
    () => {
      requireOut(value, 'value');
      const isType =
        Number.isInteger(stat) && stat >= MEMKIND_STAT_TYPE_RESIDENT && stat < MEMKIND_STAT_TYPE_MAX_VALUE;
      if (!isType) throw new VmemError('EINVAL', `stat: expected a MEMKIND_STAT_TYPE, got ${describe(stat)}`);
      if (kind === null) {
        setOut(
          value,
          [...figures.values()].reduce((sum, one) => sum + one[stat], 0),
          'value',
        );
      } else {
        const found = isStaticKind(kind) && kind.isAvailable ? kind.opened : requireKind(kind);
        setOut(value, ((found && figures.get(found)) ?? NONE)[stat], 'value');
      }
    },
    () => MEMKIND_ERROR_INVALID,
  );
}

/** Letters of the parts in the options of `statsText`, which are those of jemalloc(3). */
const LETTERS: readonly (readonly [number, string])[] = [
  [MEMKIND_STAT_PRINT_JSON_FORMAT, 'J'],
  [MEMKIND_STAT_PRINT_OMIT_GENERAL, 'g'],
  [MEMKIND_STAT_PRINT_OMIT_MERGED_ARENA, 'm'],
  [MEMKIND_STAT_PRINT_OMIT_DESTROYED_MERGED_ARENA, 'd'],
  [MEMKIND_STAT_PRINT_OMIT_PER_ARENA, 'a'],
  [MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_BINS, 'b'],
  [MEMKIND_STAT_PRINT_OMIT_PER_SIZE_CLASS_LARGE, 'l'],
  [MEMKIND_STAT_PRINT_OMIT_MUTEX, 'x'],
  [MEMKIND_STAT_PRINT_OMIT_EXTENT, 'e'],
];
const ALL_OPTIONS = LETTERS.reduce((sum, [option]) => sum | option, 0);

const toStderr = (_opaque: unknown, text: string): void => {
  process.stderr.write(text);
};

/**
 * Gives the statistics of all kinds that this thread has, of this moment, to `write_cb(cbopaque, text)`, or to stderr.
 * `opts` are added up of MEMKIND_STAT_PRINT; with MEMKIND_STAT_PRINT_JSON_FORMAT the text is an object of JSON, whose
 * `kinds` are by number. MEMKIND_ERROR_INVALID: there are no such options. memkind_stats_print(3)
 */
export function memkind_stats_print<T>(
  write_cb: ((cbopaque: T, text: string) => void) | null,
  cbopaque: T,
  opts: number,
): number {
  return attempt(
    () => {
      if (!Number.isInteger(opts) || (opts & ~ALL_OPTIONS) !== 0 || opts < 0 || opts > ALL_OPTIONS) {
        throw new VmemError('EINVAL', `opts: expected a sum of MEMKIND_STAT_PRINT, got ${describe(opts)}`);
      }
      const given: unknown = write_cb;
      if (given !== null && given !== undefined && typeof given !== 'function') {
        throw new VmemError('EINVAL', `write_cb: expected a function or null, got ${describe(given)}`);
      }
      const text = allStatistics(opts);
      (write_cb ?? toStderr)(cbopaque, text);
    },
    () => MEMKIND_ERROR_INVALID,
  );
}

function allStatistics(opts: number): string {
  const letters = LETTERS.filter(([option]) => (opts & option) !== 0)
    .map(([, letter]) => letter)
    .join('');
  const texts: [id: number, text: string][] = [];
  for (const kind of openKinds()) {
    const text = unlessClosed(() => statsText({ backend: kind.backend, stats: kind.stats() }, letters));
    if (text !== undefined) texts.push([kind.id, text]);
  }
  if ((opts & MEMKIND_STAT_PRINT_JSON_FORMAT) === 0) {
    return texts.map(([id, text]) => `memkind: kind ${id}\n${text}`).join('');
  }
  return `{"kinds":{${texts.map(([id, text]) => `"${id}":${text.trim()}`).join(',')}}}\n`;
}
