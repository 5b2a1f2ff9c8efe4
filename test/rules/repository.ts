// The checkout as the rules tests read it: its files, its packages, and a scratch folder to plant violations in.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';

/** This file runs from test/dist/rules. */
export const ROOT = resolve(__dirname, '../../..');

const NOT_OURS = new Set(['node_modules', 'dist', 'target', 'coverage', '.git', '.setup']);

export interface Manifest {
  name: string;
  engines?: { node?: string };
  exports?: Record<string, unknown>;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  workspaces?: string[];
}

/** Files below `root`, as paths with forward slashes relative to it, without what is installed or built. */
export function listFiles(root: string, folder = ''): string[] {
  const dir = join(root, folder);
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : listFiles(root, path);
    return [path];
  });
}

export function readText(root: string, path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function readManifest(root: string, folder: string): Manifest {
  return JSON.parse(readText(root, folder === '' ? 'package.json' : `${folder}/package.json`)) as Manifest;
}

/** `packages/allocator` and so on: every folder below packages/ that has a package.json. */
export function listPackages(root: string): string[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}`)
    .filter((folder) => existsSync(join(root, folder, 'package.json')));
}

export function toPosix(path: string): string {
  return path.split(sep).join('/');
}

export function relativeTo(root: string, path: string): string {
  return toPosix(relative(root, path));
}

/** Runs `use` with a temporary folder that holds the given files, and removes the folder afterwards. */
export function withFiles<T>(files: Record<string, string>, use: (root: string) => T): T {
  const root = mkdtempSync(join(tmpdir(), 'vmem-ts-rules-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return use(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
