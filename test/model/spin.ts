// Runs spin on a model: spin writes a verifier in C, which is compiled and goes through every reachable state.

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** This file runs from test/dist/model. */
export const MODELS = resolve(__dirname, '../../model');

/** Steps of the longest path that a verifier can follow; it says when that is too few. */
const DEPTH = 100_000;
/** MiB that a verifier may take; it says when that is too few. */
const MOST_MEMORY = 1000;

export interface Verdict {
  readonly errors: number;
  readonly states: number;
  readonly seconds: number;
  /** True if no part of the state space was left out. */
  readonly isWhole: boolean;
  readonly report: string;
}

/** What a run looks for: states that must not be, or runs that go on for ever without anybody getting further. */
export type Search = 'states' | 'endless runs';

const OPTIONS: Record<Search, { readonly compile: readonly string[]; readonly run: readonly string[] }> = {
  states: { compile: ['-DSAFETY'], run: ['-E'] }, // the models say themselves where they may end
  'endless runs': { compile: ['-DNP', '-DNFAIR=3'], run: ['-l', '-f'] },
};

/** Why nothing can be verified here, or undefined. */
export function missingTool(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const missing = ['spin', 'cc'].filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))));
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found (apt-get install spin gcc)`;
}

/** Verifies `model` (a file name without .pml) with the given names defined. */
export async function verify(model: string, defines: readonly string[], search: Search): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'vmem-ts-model-'));
  try {
    const { compile, run } = OPTIONS[search];
    await call(folder, 'spin', [...defines.map((name) => `-D${name}`), '-a', join(MODELS, `${model}.pml`)]);
    // a thread of the models stops for good when it dies, which spin's reduction of interleavings does not allow for
    // optimizing takes longer than it saves
    const flags = ['-O0', '-w', '-DNOREDUCE', `-DMEMLIM=${MOST_MEMORY}`];
    await call(folder, 'cc', [...flags, ...compile, '-o', 'pan', 'pan.c']);
    const start = performance.now();
    const report = await call(folder, join(folder, 'pan'), [...run, `-m${DEPTH}`]);
    return { ...read(report), seconds: (performance.now() - start) / 1000, report };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function read(report: string): Pick<Verdict, 'errors' | 'states' | 'isWhole'> {
  const errors = /errors: (\d+)/.exec(report)?.[1];
  const states = /([\d.e+]+) states, stored/.exec(report)?.[1];
  if (errors === undefined || states === undefined)
    throw new Error(`no result from the verifier:\n${report}`);
  const isCut = /max search depth too small|reached -DMEMLIM|out of memory|Search not completed|truncated/i;
  return {
    errors: Number(errors),
    states: Number(states),
    isWhole: !isCut.test(report) && /Full statespace search/.test(report),
  };
}

/** What the command prints; spin and its verifiers tell of errors there, not by their status. */
function call(cwd: string, command: string, options: readonly string[]): Promise<string> {
  return new Promise((settle, reject) => {
    const limits = { cwd, maxBuffer: 1 << 26, timeout: 600_000 };
    execFile(command, options, limits, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`;
      const isWrong = error !== null && command !== join(cwd, 'pan');
      if (isWrong) reject(new Error(`${command} ${options.join(' ')}:\n${error.message}\n${output}`));
      else settle(output);
    });
  });
}
