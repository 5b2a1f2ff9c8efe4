// npm run test:node-core: Node's own test files, with and without the preload.

import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runTestFile, type Mode, type Outcome, type Result } from './test-file';

const HELP = `npm run test:node-core -- --from DIR [options]

Runs test files of Node's own sources, as they are in DIR/test/parallel, with the Node that runs this: without the preload,
with it, and with it for all buffers however small. DIR is a checkout of github.com/nodejs/node, best of the same version.
Prints each file that fails with the preload and not without it, three times out of three. Ends with code 1 if there is one.

  --files REGEXP   which files; default: those about buffers, typed arrays, transfers, and what reads and writes them
  --jobs N         files at once; default 2
  --pool DIR       where pools are made; default: the directory for temporary files
  --size N         MiB of a pool; default 256. Where it is full, buffers are ordinary memory
  --seconds N      after which a file has failed; default 120
  --exclude REGEXP files that are left out`;

const ABOUT_BUFFERS =
  '^test-(.*buffer|.*typed-?array|structured-?clone|.*transfer|worker-message|worker-sharedarray|util-types|blob|zlib|' +
  'fs-read|fs-write|string-decoder|crypto-random|whatwg-encoding|messageport|v8-serdes)';

const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    files: { type: 'string', default: ABOUT_BUFFERS },
    exclude: { type: 'string', default: '$.' },
    jobs: { type: 'string', default: '2' },
    pool: { type: 'string', default: tmpdir() },
    size: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '120' },
    help: { type: 'boolean', default: false },
  },
});

// not --import: that has the main module run by another loader, which some files notice
const PRELOAD = ['--require', require.resolve('@vmem-ts/vmem-api/vmmalloc/register')];
const RUNS = 3;
const MIB = 2 ** 20;

const pool = {
  VMMALLOC_POOL_DIR: values.pool,
  VMMALLOC_POOL_SIZE: String(Number(values.size) * MIB),
  VMMALLOC_FALLBACK: '1',
};
const without: Mode = { name: 'without', options: [], variables: {} };
const withPreload: readonly Mode[] = [
  { name: 'with', options: PRELOAD, variables: pool },
  { name: 'with, all sizes', options: PRELOAD, variables: { ...pool, VMMALLOC_MIN_SIZE: '1' } },
];
const modes = [without, ...withPreload];

type Counts = Record<Outcome, number>;
const counts = new Map<string, Counts>(modes.map(({ name }) => [name, { passed: 0, failed: 0, skipped: 0 }]));
const differences: string[] = [];

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function runInAllModes(path: string, name: string): Promise<void> {
  const seconds = Number(values.seconds);
  const results = new Map<Mode, Result>();
  for (const mode of modes) results.set(mode, await runTestFile(path, mode, seconds));
  for (const mode of withPreload) {
    for (let run = 1; run < RUNS && differs(results, mode); run++) {
      // once is no proof, on neither side
      results.set(mode, await runTestFile(path, mode, seconds));
      if (results.get(mode)!.outcome === 'failed')
        results.set(without, await runTestFile(path, without, seconds));
    }
    if (differs(results, mode)) tellDifference(`${name}, ${mode.name}: ${results.get(mode)!.reason}`);
  }
  for (const [{ name: modeName }, { outcome }] of results) counts.get(modeName)![outcome]++;
}

const differs = (results: Map<Mode, Result>, mode: Mode): boolean =>
  results.get(mode)!.outcome === 'failed' && results.get(without)!.outcome !== 'failed';

function tellDifference(text: string): void {
  differences.push(text);
  print(text);
}

async function main(): Promise<void> {
  const folder = resolve(values.from ?? '', 'test/parallel');
  if (values.help || values.from === undefined || !existsSync(folder)) {
    print(HELP);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const wanted = new RegExp(values.files);
  const unwanted = new RegExp(values.exclude);
  const names = readdirSync(folder)
    .filter((name) => /^test-.*\.m?js$/.test(name) && wanted.test(name) && !unwanted.test(name))
    .sort();
  const queue = [...names];
  const job = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      await runInAllModes(join(folder, name), name);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, job));
  print(`Node.js ${process.versions.node}, ${names.length} files`);
  for (const [name, { passed, failed, skipped }] of counts) {
    print(`${name.padEnd(16)} ${passed} passed, ${failed} failed, ${skipped} skip themselves`);
  }
  print(`${differences.length} differences`);
  process.exitCode = differences.length === 0 ? 0 : 1;
}

void main();
