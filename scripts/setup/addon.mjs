/*
 * The native addon of packages/mmap-helper, rebuilt when its Rust sources, its Cargo files or the compiler changed.
 *
 * Without Rust, or where the build fails, `npm start` still has the anonymous backend and says so in one line. Tests
 * must not quietly skip half of what they are for, so they insist, unless VMEM_TEST_WITHOUT_ADDON=1 is set.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { npmCommand, npmOptions } from './dependencies.mjs';
import { SetupError, runStep, say } from './report.mjs';
import {
  ROOT,
  describeOutputs,
  hashContents,
  hashOf,
  listFiles,
  readStamp,
  writeStamp,
} from './workspace.mjs';

const PACKAGE = join(ROOT, 'packages/mmap-helper');
const GET_RUST = 'install Rust (https://rustup.rs, or your system\'s packages "cargo" and "rustc")';

/** The compiler's own description of itself, or undefined where there is no Rust. */
function describeToolchain() {
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' });
    return execFileSync('rustc', ['-vV'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

function describeSources() {
  const isSource = (name) => /\.rs$|^Cargo\.(?:toml|lock)$|^config\.toml$|^package\.json$/.test(name);
  return hashContents(listFiles(PACKAGE, isSource));
}

function describeAddon() {
  return describeOutputs(
    listFiles(PACKAGE, (name) => name.endsWith('.node'), new Set(['node_modules', 'target'])),
  );
}

function isBuilt(stamp, sources, toolchain) {
  const addon = describeAddon();
  return (
    stamp !== undefined &&
    addon.length > 0 &&
    stamp.sources === sources &&
    hashOf(stamp.addon) === hashOf(addon) &&
    (toolchain === undefined || stamp.toolchain === toolchain)
  );
}

async function build() {
  await runStep(
    'building the addon (cargo, release)',
    npmCommand('run', 'build:native', '-w', 'packages/mmap-helper'),
    { ...npmOptions, advice: `It needs a Rust toolchain: ${GET_RUST} or update it.` },
  );
}

export async function ensureAddon(purpose) {
  const sources = describeSources();
  const toolchain = describeToolchain();
  const stamp = readStamp('addon');
  if (isBuilt(stamp, sources, toolchain)) return;

  const optional = purpose === 'start' || process.env.VMEM_TEST_WITHOUT_ADDON === '1';
  if (toolchain === undefined) {
    const problem = `the addon isn't built: no Rust toolchain (cargo) was found; ${GET_RUST}`;
    if (!optional)
      throw new SetupError(`${problem}, or set VMEM_TEST_WITHOUT_ADDON=1 to leave its tests out`);
    return say(`${problem}. Going on with the anonymous backend.`);
  }
  if (optional && stamp?.failed && stamp.sources === sources && stamp.toolchain === toolchain) {
    return say(
      "the addon didn't build here (`npm run build` tries again). Going on with the anonymous backend.",
    );
  }
  try {
    await build();
  } catch (error) {
    if (!optional || !(error instanceof SetupError)) throw error;
    writeStamp('addon', { sources, toolchain, addon: [], failed: true });
    return say(`${error.message} Going on with the anonymous backend.`);
  }
  writeStamp('addon', { sources, toolchain, addon: describeAddon() });
}
