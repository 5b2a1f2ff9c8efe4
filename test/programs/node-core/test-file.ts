// One of Node's own test files, run as Node's runner does it: with the flags that its first lines name, in a directory for
// temporary files of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export type Outcome = 'passed' | 'failed' | 'skipped';

export interface Result {
  readonly outcome: Outcome;
  /** The line that tells best what went wrong. */
  readonly reason: string;
}

/** What is told of a run: options of Node and variables besides the test's own. */
export interface Mode {
  readonly name: string;
  readonly options: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
}

const OUTPUT_KEPT = 1 << 20;

/** Runs the file at `path` in a process of its own and waits for its end. */
export async function runTestFile(path: string, mode: Mode, seconds: number): Promise<Result> {
  const directory = mkdtempSync(join(tmpdir(), 'vmem-node-core-'));
  try {
    return await runIn(directory, path, mode, seconds);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function runIn(directory: string, path: string, mode: Mode, seconds: number): Promise<Result> {
  const child = spawn(process.execPath, [...mode.options, ...flagsOf(path), path], {
    cwd: dirname(dirname(dirname(path))),
    env: { ...process.env, ...mode.variables, NODE_TEST_DIR: directory, TEST_SERIAL_ID: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, to be ended with all that it has started
  });
  let output = '';
  const keep = (text: string): void => {
    if (output.length < OUTPUT_KEPT) output += text;
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    endGroup(child.pid);
  }, seconds * 1000);
  return new Promise((done) => {
    // not `close`: what a test has left running may have its pipes
    child.once('exit', (status, signal) => {
      clearTimeout(timer);
      setImmediate(() => {
        endGroup(child.pid);
        if (isLate) done({ outcome: 'failed', reason: `did not end in ${seconds} s` });
        else if (status === 0) done({ outcome: isSkipped(output) ? 'skipped' : 'passed', reason: '' });
        else done({ outcome: 'failed', reason: reasonIn(output) ?? `ended with ${status ?? signal}` });
      });
    });
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // all have ended
  }
}

function flagsOf(path: string): string[] {
  const [, flags = ''] = /^\/\/ Flags:(.*)$/m.exec(readFileSync(path, 'utf8')) ?? [];
  return flags.split(' ').filter((flag) => flag !== '');
}

const isSkipped = (output: string): boolean => /^1\.\.0 # Skipped/m.test(output);

function reasonIn(output: string): string | undefined {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const found = lines.find((line) => /^\w*Error\b|FATAL|Mismatched/.test(line));
  return (found ?? lines.at(-1))?.trim().slice(0, 200);
}
