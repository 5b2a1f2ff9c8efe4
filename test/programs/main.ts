// npm run test:programs: the programs with the preload and without, longer than as tests, and what they had in the pool.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { MIB, PROGRAMS, faultsOf, runProgram, type Job } from './run-program';

const HELP = `npm run test:programs -- [options]

Runs each program of test/programs/apps by itself and in workers, without the preload and with it, and prints a line for each
run: what it had in the pool, and whether its output was the same to the byte. Ends with code 1 if one was not.

  --programs NAMES  ${Object.keys(PROGRAMS).join(',')}; default all
  --scale N         how much work each does; default 4
  --workers NUMBERS default 0,4
  --min-sizes LIST  VMMALLOC_MIN_SIZE, or default; default: 16384,1
  --size N          MiB of the pool; default 1024`;

const { values } = parseArgs({
  options: {
    programs: { type: 'string', default: Object.keys(PROGRAMS).join(',') },
    scale: { type: 'string', default: '4' },
    workers: { type: 'string', default: '0,4' },
    'min-sizes': { type: 'string', default: '16384,1' },
    size: { type: 'string', default: '1024' },
    help: { type: 'boolean', default: false },
  },
});

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<void> {
  print(`Node.js ${process.versions.node}, ${availableParallelism()} processors`);
  print('program       workers  from bytes   blocks  MiB in the pool  output');
  const scale = Number(values.scale);
  for (const program of values.programs.split(',')) {
    const plain: Job = { program, workers: 0, scale, poolMebibytes: Number(values.size) };
    const { stdout } = await runProgram(plain);
    for (const workers of values.workers.split(',').map(Number)) {
      for (const text of values['min-sizes'].split(',')) {
        const job: Job = { ...plain, workers, minSize: text === 'default' ? text : Number(text) };
        const found = await runProgram(job);
        const faults = faultsOf(job, found, stdout);
        const lent = [...found.lent.values()];
        const blocks = lent.reduce((sum, thread) => sum + thread.blocks, 0);
        const bytes = lent.reduce((sum, thread) => sum + thread.bytes, 0);
        print(
          [
            program.padEnd(13),
            String(workers).padStart(7),
            text.padStart(11),
            String(blocks).padStart(8),
            (bytes / MIB).toFixed(1).padStart(16),
            faults.length === 0 ? ' the same' : ' WRONG',
          ].join(' '),
        );
        for (const fault of faults) print(`  ${fault}`);
        if (faults.length > 0) process.exitCode = 1;
      }
    }
  }
}

if (values.help) print(HELP);
else void main();
