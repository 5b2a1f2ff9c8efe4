// The corruption fuzz in its long form: node main.js [--cases N] [--seed N] [--calls N]

import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz';

const { values } = parseArgs({
  options: { cases: { type: 'string' }, seed: { type: 'string' }, calls: { type: 'string' } },
});
const cases = Number(values.cases ?? 20_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
console.log(`${cases} cases from seed ${seed} on; one of them again: --cases 1 --seed <its seed>`);

let shown = 0;
void fuzz({
  seed,
  cases,
  ...(values.calls === undefined ? {} : { calls: Number(values.calls) }),
  onProgress: (done) => {
    if (done - shown < cases / 20) return;
    shown = done;
    console.log(`${done} of ${cases}`);
  },
}).then((tally) => {
  const missed = tally.tooLow();
  for (const line of [...tally.lines(), ...tally.faults, ...missed.map((what) => `unnoticed: ${what}`)])
    console.log(line);
  if (tally.faults.length > 0 || missed.length > 0) process.exitCode = 1;
});
