// How the processes of a run are started by hand, for a profiler or a debugger: what --commands prints.

import type { Contestant, Surroundings } from './contestants';
import type { Program } from './cells/cell-process';
import { messageOf } from './failure';
import type { Params } from './workloads/job';
import type { Row } from './workloads/rows';

const SAFE = /^[\w@%+=:,./-]+$/;

function shellWord(word: string): string {
  return SAFE.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** The first orders are what the bench gives too; the round is long enough for a profiler. */
function shellLine({ command, args }: Program): string {
  return `printf 'warm 500\\nround 3000\\n' | ${[command, ...args].map(shellWord).join(' ')}`;
}

export function handCommands(
  rows: readonly Row[],
  contestants: readonly Contestant[],
  seed: number,
  surroundings: Surroundings,
): string {
  const lines = rows.flatMap((row) =>
    contestants
      .filter((contestant) => contestant.whyNot(row) === undefined)
      .map((contestant) => {
        const params: Params = { ...row.params, seed };
        const title = `# ${row.id}, ${contestant.title}`;
        try {
          return `${title}\n${shellLine(contestant.program(row, params, surroundings))}`;
        } catch (error) {
          return `${title}: ${messageOf(error)}`;
        }
      }),
  );
  return lines.join('\n');
}
