// The jobs by name; native/jobs.h has the same names.

import { prepareAllocTest } from './alloc-test';
import { prepareCacheScratch, prepareCacheThrash } from './cache-lines';
import { prepareChurn, prepareFreeExtents } from './churn';
import type { Prepare } from './job';
import { prepareMstress } from './mstress';
import { prepareBatch, prepareMany, preparePair } from './pair';
import { prepareRing } from './ring';
import { prepareRptest } from './rptest';
import { prepareSh6bench, prepareSh8bench } from './shbench';

const JOBS: Readonly<Record<string, Prepare>> = {
  pair: preparePair,
  batch: prepareBatch,
  many: prepareMany,
  churn: prepareChurn,
  'free-extents': prepareFreeExtents,
  'alloc-test': prepareAllocTest,
  sh6bench: prepareSh6bench,
  sh8bench: prepareSh8bench,
  ring: prepareRing,
  mstress: prepareMstress,
  rptest: prepareRptest,
  'cache-scratch': prepareCacheScratch,
  'cache-thrash': prepareCacheThrash,
};

export function jobNamed(name: string): Prepare {
  const prepare = JOBS[name];
  if (prepare === undefined) throw new Error(`there is no job '${name}'`);
  return prepare;
}
