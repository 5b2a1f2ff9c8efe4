#!/usr/bin/env node
/*
 * Makes a checkout ready to run: dependencies, compiled TypeScript, the native addon. Each step looks first whether
 * its result is still good and does nothing if so, so `npm start` and `npm test` call this every time.
 *
 *   node scripts/setup.mjs --for start|test|build
 *
 * `start` goes on without the addon (the anonymous backend needs none), `test` and `build` insist on it.
 * Only Node's own modules are used here: this file runs in a fresh clone, before anything is installed.
 */
import { parseArgs } from 'node:util';
import { ensureAddon } from './setup/addon.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { withLock } from './setup/lock.mjs';
import { SetupError, say } from './setup/report.mjs';
import { ensureTypeScript } from './setup/typescript.mjs';

const OLDEST_NODE = 20;
const PURPOSES = ['start', 'test', 'build'];

function readPurpose() {
  const { values } = parseArgs({ options: { for: { type: 'string', default: 'build' } } });
  if (!PURPOSES.includes(values.for)) {
    throw new SetupError(`--for takes one of ${PURPOSES.join(', ')}, not '${values.for}'`);
  }
  return values.for;
}

async function main() {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
    throw new SetupError(`Node.js ${OLDEST_NODE} or newer is needed; this is ${process.version}`);
  }
  const purpose = readPurpose();
  await withLock(async () => {
    await ensureDependencies();
    await ensureAddon(purpose);
    await ensureTypeScript();
  });
}

main().catch((error) => {
  say(error instanceof SetupError ? error.message : error.stack);
  process.exitCode = 1;
});
