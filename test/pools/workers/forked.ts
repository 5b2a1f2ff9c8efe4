// A process that was forked with a pool: does what it is asked, with the pool it has inherited.

import { readdirSync } from 'node:fs';
import { Vmem } from '@vmem-ts/vmem-api';
import { Forked, type ForkAnswer, type ForkQuestion } from '../../support/forked-process';
import { blocksOfTable, digestOf, fill, isFilled, problemsOf, writeTable } from '../../support/pool-contents';
import { startThreads, type Threads } from '../../support/pool-threads';

async function answer(question: ForkQuestion): Promise<ForkAnswer> {
  const pool = question.name === undefined ? Vmem.inherited() : Vmem.inherited(question.name);
  if (pool === null) return { isInherited: false };
  const { threads } = pool.stats(); // of before this process has others attached
  const more: { -readonly [K in keyof ForkAnswer]: ForkAnswer[K] } = {};
  if (question.digest) more.digest = digestOf(pool);
  const problems = question.table === undefined ? [] : problemsOf(pool, question.table);
  if (question.work !== undefined) work(pool, question.work, problems);
  if (question.take !== undefined) more.taken = take(pool, question.take);
  if (question.thaw) pool.thaw();
  if (question.generations !== undefined) more.generations = await goOn(pool, question, problems);
  return {
    ...more,
    problems,
    isInherited: true,
    check: pool.check(),
    threads,
    liveBlocks: pool.stats().liveBlocks,
    files: readdirSync('/proc/self/fd').length,
  };
}

function work(pool: Vmem, table: number, problems: string[]): void {
  const old = blocksOfTable(pool, table);
  for (const { ptr } of old) pool.free(ptr);
  pool.free(table);
  const mine = writeTable(pool, old.length, (i) => 1 + ((i * 37) % 3000));
  problems.push(...problemsOf(pool, mine));
  for (const { ptr } of blocksOfTable(pool, mine)) pool.free(ptr);
  pool.free(mine);
}

function take(pool: Vmem, bytes: number): boolean {
  const ptr = pool.malloc(bytes);
  if (ptr === 0) return false;
  fill(pool, ptr, bytes);
  const isRight = isFilled(pool, ptr, bytes);
  pool.free(ptr);
  return isRight;
}

/** Forks on, while threads of this process use the pool. */
async function goOn(
  pool: Vmem,
  { table = 0, generations = 0, mode = 1 }: ForkQuestion,
  problems: string[],
): Promise<number> {
  const threads: Threads = await startThreads(pool, 2);
  let below = 0;
  if (generations > 0) {
    const child = Forked.of(pool, { mode });
    const heard = await child.ask({ table, generations: generations - 1, mode });
    if (heard.isInherited !== true || heard.check !== 1 || heard.threads !== 1)
      problems.push(`the next generation found ${JSON.stringify(heard)}`);
    problems.push(...heard.problems!.map((problem) => `below: ${problem}`));
    below = 1 + heard.generations!;
    const status = await child.end();
    if (status !== 0) problems.push(`the next generation ended with ${status}`);
  }
  problems.push(...(await threads.stop()), ...problemsOf(pool, table));
  return below;
}

process.on('message', (question: ForkQuestion) => {
  answer(question)
    .catch((error: unknown) => ({ error: error instanceof Error ? error.stack! : String(error) }))
    .then((answer) => process.send!(answer))
    .catch(() => process.exit(1));
});
