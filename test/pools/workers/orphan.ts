// A process that was forked with a pool, and uses it after its parent has ended.

import { Vmem } from '@vmem-ts/vmem-api';
import { problemsOf, writeTable } from '../../support/pool-contents';

const table = Number(process.argv[2]);

process.once('disconnect', () => {
  const pool = Vmem.inherited()!; // the parent has ended by now, and all that it had is gone
  const more = writeTable(pool, 500, (i) => 100 + i);
  const problems = [...problemsOf(pool, table), ...problemsOf(pool, more)];
  console.log(JSON.stringify({ check: pool.check(), problems }));
});
process.send!('loaded');
