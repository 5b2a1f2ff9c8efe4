// The Node.js that the tests run on.

import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Skip, outputOf, step } from './report';

/** The binary of a line, installed by npm on first use into `folder`; or that of a path. */
export async function nodeBinary(which: string | undefined, folder: string): Promise<string> {
  if (which === undefined) return realpathSync(process.execPath);
  if (!/^\d+$/.test(which)) {
    if (!existsSync(which)) throw new Error(`--node: there is no ${which}`);
    return realpathSync(which);
  }
  if (process.versions.node.split('.')[0] === which) return realpathSync(process.execPath);
  const prefix = join(folder, which);
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(prefix, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) {
    const quiet = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    try {
      await step(`installing Node.js ${which}`, () =>
        outputOf('npm', ['install', '--prefix', prefix, ...quiet, `${name}@${which}`]),
      );
    } catch (error) {
      throw new Skip(`Node.js ${which} is not to be had: ${(error as Error).message}`);
    }
  }
  return realpathSync(binary);
}

export const versionOf = (binary: string): string =>
  execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
