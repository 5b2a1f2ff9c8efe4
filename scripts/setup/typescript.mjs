/*
 * The compiled TypeScript: `tsc -b` over the project references of the root tsconfig.json, started only when a source,
 * a configuration or an installed package has changed, or when something in a dist folder is not as the last build
 * left it. What a deleted or renamed source has left behind is removed, so that no stale test is run.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { runStep } from './report.mjs';
import {
  ROOT,
  describeOutputs,
  hashContents,
  hashOf,
  listFiles,
  listManifests,
  readJson,
  readStamp,
  relativeName,
  writeStamp,
} from './workspace.mjs';

const SOURCE = /\.[cm]?tsx?$/;
const OUTPUT = /\.(?:d\.)?[cm]?[jt]s(?:\.map)?$/;
const SOURCE_SUFFIXES = ['.ts', '.tsx', '.mts', '.cts'];

/** The projects that the root tsconfig.json refers to, with the folders that they compile from and to. */
function listProjects() {
  return readJson(join(ROOT, 'tsconfig.json')).references.map(({ path }) => {
    const config = join(ROOT, path, 'tsconfig.json');
    const { rootDir = '.', outDir = 'dist' } = readJson(config).compilerOptions;
    return { config, sourceDir: resolve(ROOT, path, rootDir), outDir: resolve(ROOT, path, outDir) };
  });
}

function describeInputs(projects) {
  const configs = [
    join(ROOT, 'tsconfig.json'),
    join(ROOT, 'tsconfig.base.json'),
    ...projects.map((p) => p.config),
  ];
  const manifests = listManifests().map(({ folder }) => join(ROOT, folder, 'package.json'));
  const sources = projects.flatMap((p) => listFiles(p.sourceDir, (name) => SOURCE.test(name)));
  return hashOf(
    hashContents([...configs, ...manifests, ...sources]),
    readFileSync(join(ROOT, 'node_modules/.package-lock.json'), 'utf8'),
  );
}

function listOutputs({ outDir }) {
  return listFiles(outDir, (name) => OUTPUT.test(name), new Set(['node_modules']));
}

function hasSource({ sourceDir, outDir }, output) {
  const base = join(sourceDir, relative(outDir, output)).replace(OUTPUT, '');
  return SOURCE_SUFFIXES.some((suffix) => existsSync(base + suffix));
}

function removeOrphans(projects) {
  for (const project of projects) {
    for (const output of listOutputs(project)) if (!hasSource(project, output)) rmSync(output);
  }
}

function describeAllOutputs(projects) {
  return describeOutputs(projects.flatMap(listOutputs));
}

/** tsc trusts its own records and would not notice that a file it once wrote is gone; then everything is rebuilt. */
function someOutputIsMissing(stamp, outputs) {
  const present = new Set(outputs.map(([name]) => name));
  return stamp === undefined || stamp.outputs.some(([name]) => !present.has(name));
}

export async function ensureTypeScript() {
  const projects = listProjects();
  const inputs = describeInputs(projects);
  const stamp = readStamp('typescript');
  const found = describeAllOutputs(projects);
  if (stamp?.inputs === inputs && hashOf(stamp.outputs) === hashOf(found)) return;

  const force = someOutputIsMissing(stamp, found) ? ['--force'] : [];
  removeOrphans(projects);
  const tsc = relativeName(join(ROOT, 'node_modules/typescript/bin/tsc'));
  await runStep('compiling TypeScript (tsc -b)', [process.execPath, tsc, '-b', ...force], {
    advice: 'Correct the errors above; `npx tsc -b` alone repeats this step.',
  });
  writeStamp('typescript', { inputs, outputs: describeAllOutputs(projects) });
}
