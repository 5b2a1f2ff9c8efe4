// Which files are read.

import { closeSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure, reasonOf } from './failure';

export interface InputFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** This file runs from examples/dist/word-count. */
const DEFAULT_INPUT = resolve(__dirname, '../../../node_modules');
const TEXT_FILE = /\.(?:md|txt|js|ts)$/;
const READ_SIZE = 1 << 20;

/**
 * The files that `inputs` name: a file itself, of a folder all text files below it. Links inside of folders are not
 * followed.
 * @throws Failure naming a file or folder that is not there or can't be listed, or if there is no file at all
 */
export function findInputFiles(inputs: readonly string[]): string[] {
  const roots = inputs.length === 0 ? [DEFAULT_INPUT] : inputs;
  const paths = roots.flatMap((root) => {
    const stats = attempt(root, () => statSync(root));
    if (stats.isDirectory()) return listTextFiles(root);
    if (stats.isFile()) return [root];
    throw new Failure(`${root}: cannot be read: it is neither a file nor a folder`);
  });
  if (paths.length > 0) return paths;
  throw new Failure(
    `no .md, .txt, .js or .ts file in ${roots.join(', ')}: name files or folders that hold some`,
  );
}

function listTextFiles(folder: string): string[] {
  const entries = attempt(folder, () => readdirSync(folder, { withFileTypes: true }));
  return entries.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listTextFiles(path);
    return entry.isFile() && TEXT_FILE.test(entry.name) ? [path] : [];
  });
}

/**
 * Reads a file once to the end. So an unreadable one is found before the work begins, and neither way of counting pays
 * for a disk that the other one has already been to.
 */
export function measureFile(path: string): InputFile {
  return attempt(path, () => {
    const fd = openSync(path, 'r');
    try {
      let size = 0;
      for (let read = -1; read !== 0; size += read) read = readSync(fd, buffer, 0, READ_SIZE, null);
      return { path, size };
    } finally {
      closeSync(fd);
    }
  });
}

const buffer = Buffer.allocUnsafe(READ_SIZE);

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Failure(`${path}: cannot be read: ${reasonOf(error)}`);
  }
}
