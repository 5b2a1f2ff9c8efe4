/*
 * Where things are in the checkout, what setup remembers between runs, and how it tells that files have changed.
 * Setup's own state lives in one git-ignored folder; removing the folder only makes the next setup do more.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const STATE_DIR = join(ROOT, '.setup');

const NEVER_SOURCES = new Set(['node_modules', 'dist', 'target', '.git']);

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** The same, or undefined where there is no such file (or not one that parses). */
export function readJsonIfAny(path) {
  try {
    return readJson(path);
  } catch {
    return undefined;
  }
}

/** Every file below `dir` for which `wanted(name)` holds, in a stable order; [] where there is no such folder. */
export function listFiles(dir, wanted, skipped = NEVER_SOURCES) {
  let entries;
  try {
    entries = readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : listFiles(path, wanted, skipped);
    return wanted(entry.name) ? [path] : [];
  });
}

/** The workspace folders that have a package.json, the root ('') first, as package-lock.json names them. */
export function listManifests() {
  const patterns = readJson(join(ROOT, 'package.json')).workspaces;
  const folders = patterns.flatMap((pattern) => {
    if (!pattern.endsWith('/*')) return [pattern];
    const parent = pattern.slice(0, -2);
    return readdirSync(join(ROOT, parent)).map((name) => `${parent}/${name}`);
  });
  return ['', ...folders.sort()].flatMap((folder) => {
    const manifest = readJsonIfAny(join(ROOT, folder, 'package.json'));
    return manifest === undefined ? [] : [{ folder, manifest }];
  });
}

export function hashOf(...values) {
  const hash = createHash('sha256');
  for (const value of values)
    hash.update(typeof value === 'string' ? value : JSON.stringify(value)).update('\0');
  return hash.digest('hex');
}

/** A hash over the names and contents of files: equal as long as nothing was edited, added or removed. */
export function hashContents(paths) {
  return hashOf(paths.map((path) => [relativeName(path), hashOf(readFileSync(path, 'latin1'))]));
}

/** Names with sizes and times, for files that only a build writes: cheaper than their contents. */
export function describeOutputs(paths) {
  return paths.map((path) => {
    const { size, mtimeMs } = statSync(path);
    return [relativeName(path), size, mtimeMs];
  });
}

export function relativeName(path) {
  return relative(ROOT, path).split(sep).join('/');
}

/** What a step wrote down when it last succeeded, or undefined. */
export function readStamp(step) {
  return readJsonIfAny(join(STATE_DIR, `${step}.json`));
}

export function writeStamp(step, content) {
  const path = join(STATE_DIR, `${step}.json`);
  mkdirSync(STATE_DIR, { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify(content, null, 1)}\n`);
  renameSync(`${path}.new`, path);
}
