/*
 * node_modules as package-lock.json says, and the optional mmap-io binding compiled for this Node.
 *
 * node_modules is good when nothing that decides its content has changed since setup installed it, or when someone
 * else's `npm install` has just made it match the lock file. mmap-io is compiled against one version of Node's ABI,
 * so it is looked at again when the ABI changes; it is an optional dependency and its failure never stops a setup.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { runStep, say, succeeds, tryStep } from './report.mjs';
import { ROOT, hashOf, listManifests, readJson, readJsonIfAny, readStamp, writeStamp } from './workspace.mjs';

const LOCK_FILE = join(ROOT, 'package-lock.json');
const INSTALLED_LOCK = join(ROOT, 'node_modules/.package-lock.json');
const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies'];
const FIRST_NODE_IN_CPP20 = 24;
const DECIDING_FIELDS = [...DEPENDENCY_FIELDS, 'name', 'version', 'workspaces', 'overrides', 'allowScripts'];

/** npm by the script that runs us if there is one (no shell, also on Windows), else the one on the PATH. */
export function npmCommand(...args) {
  const script = process.env.npm_execpath;
  return script?.endsWith('npm-cli.js') ? [process.execPath, script, ...args] : ['npm', ...args];
}

export const npmOptions = { shell: process.platform === 'win32' && !process.env.npm_execpath };

/** What mmap-io needs to compile: Node's headers from where this Node is installed, C++20 for the newer of them. */
function environmentForNative() {
  const prefix = resolve(dirname(process.execPath), '..');
  const environment = { ...process.env };
  if (existsSync(join(prefix, 'include/node/node.h'))) environment.npm_config_nodedir = prefix;
  if (Number.parseInt(process.versions.node, 10) >= FIRST_NODE_IN_CPP20) {
    environment.CXXFLAGS = `-std=c++20 ${process.env.CXXFLAGS ?? ''}`;
  }
  return environment;
}

function pick(object, fields) {
  return fields.map((field) => object[field] ?? {});
}

function describeWanted() {
  return hashOf(
    readFileSync(LOCK_FILE, 'utf8'),
    listManifests().map(({ folder, manifest }) => [folder, ...pick(manifest, DECIDING_FIELDS)]),
    `${process.platform}-${process.arch}`,
  );
}

function describeInstalled() {
  return existsSync(INSTALLED_LOCK) ? hashOf(readFileSync(INSTALLED_LOCK, 'utf8')) : 'nothing';
}

/** True after `npm install` by hand: npm's record of node_modules is younger than the lock file and agrees with it. */
function treeMatchesLockFile() {
  const installed = readJsonIfAny(INSTALLED_LOCK)?.packages;
  if (installed === undefined || statSync(INSTALLED_LOCK).mtimeMs < statSync(LOCK_FILE).mtimeMs) return false;
  const locked = readJson(LOCK_FILE).packages;
  const manifestsAgree = listManifests().every(({ folder, manifest }) =>
    isDeepStrictEqual(pick(manifest, DEPENDENCY_FIELDS), pick(locked[folder] ?? {}, DEPENDENCY_FIELDS)),
  );
  return (
    manifestsAgree &&
    Object.entries(locked).every(([path, { version, link, optional }]) => {
      if (link || !path.includes('node_modules/')) return true;
      return path in installed ? installed[path].version === version : optional === true;
    })
  );
}

async function installPackages() {
  await runStep(
    'installing dependencies (npm ci)',
    npmCommand('ci', '--no-audit', '--no-fund', '--loglevel=error'),
    {
      ...npmOptions,
      env: environmentForNative(),
      advice: 'Look at the lines above; when the network or the registry is at fault, run the command again.',
    },
  );
}

async function canLoadMmapIo() {
  return succeeds([process.execPath, '-e', 'require("mmap-io")'], { cwd: join(ROOT, 'packages/vmem-api') });
}

/** Compiles mmap-io for this Node if it is there but does not load. */
async function rebuildMmapIo() {
  if (!existsSync(join(ROOT, 'node_modules/mmap-io')) || (await canLoadMmapIo())) return;
  await tryStep(
    `compiling mmap-io for Node ${process.versions.node}`,
    npmCommand('rebuild', 'mmap-io', '--loglevel=error'),
    { ...npmOptions, env: environmentForNative() },
  );
}

export async function ensureDependencies() {
  const wanted = describeWanted();
  const abi = process.versions.modules;
  const stamp = readStamp('dependencies');
  const unchanged = stamp?.wanted === wanted && stamp.installed === describeInstalled();
  if (unchanged && stamp.abi === abi) return;

  if (unchanged || treeMatchesLockFile()) await rebuildMmapIo();
  else await installPackages();

  if (!(await canLoadMmapIo())) {
    say('the optional package mmap-io does not work here (is there a C++ compiler?): no mmap-io backend');
  }
  writeStamp('dependencies', { wanted, installed: describeInstalled(), abi });
}
