// The process of one cell: one subject in one workload, driven from stdin. Usage: cell.js SUBJECT WORKLOAD KIND key=value...

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Reply } from './protocol';
import { runnerOf, type Runner } from './runners';
import { subjectNamed } from '../subjects/subjects';
import { DEFAULT_PARAMS, type Params } from '../workloads/job';
import type { Kind } from '../workloads/rows';

const TITLE = /^(?<name>[a-zA-Z]+)=(?<value>.*)$/;

function readParams(words: readonly string[]): { params: Params; dir: string } {
  const params: Record<string, number> = { ...DEFAULT_PARAMS };
  let dir = '.';
  for (const word of words) {
    const { name = '', value = '' } = TITLE.exec(word)?.groups ?? {};
    if (name === 'dir') dir = value;
    else if (name in params) params[name] = Number(value);
    else throw new Error(`there is no parameter '${word}'`);
  }
  return { params: params as unknown as Params, dir };
}

/** The version of a package of ours or of a subject's. */
function versionOf(name: string): string {
  let folder = dirname(createRequire(__filename).resolve(name));
  for (;;) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        version?: string;
      };
      if (version !== undefined) return version;
    } catch {
      // Not in this folder.
    }
    const above = dirname(folder);
    if (above === folder) return 'unknown';
    folder = above;
  }
}

function say(reply: Reply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}

async function obey(runner: Runner, line: string): Promise<Reply> {
  const [order, ms] = line.split(' ');
  if (order === 'verify') {
    await runner.verify();
    return { verified: true };
  }
  return { values: await runner.runFor(Number(ms)) };
}

async function main(): Promise<void> {
  const [subjectId = '', job = '', kind = '', ...words] = process.argv.slice(2);
  const subject = subjectNamed(subjectId);
  const { params, dir } = readParams(words);
  const runner = runnerOf(kind as Kind, { subject, job, params, dir });
  say({ version: subject.package === undefined ? process.version : versionOf(subject.package) });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'quit') break;
    say(await obey(runner, line));
  }
  await runner.stop();
}

main()
  .catch((error: unknown) => {
    say({ error: error instanceof Error ? error.message : String(error) });
  })
  // Threads that hang must not keep the process.
  .finally(() => process.exit());
