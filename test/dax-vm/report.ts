// What the program says of itself, on stderr: stdout is the tests'. And how it runs what prepares the machine.

import { spawn } from 'node:child_process';

/** Why there can be no such machine here: no failure. */
export class Skip extends Error {}

export const say = (line: string): void => void process.stderr.write(`test:dax: ${line}\n`);

const HEARTBEAT_MS = 15_000;

/** Says that something is under way, again now and then, and how long it took. */
export async function step<T>(label: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - start) / 1000)} s`;
  say(`${label} ...`);
  const timer = setInterval(() => say(`${label} ... ${seconds()}`), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    say(`${label}: ${seconds()}`);
  }
}

/** What a command prints. @throws Error with what it wrote to stderr */
export function outputOf(command: string, args: readonly string[], cwd?: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd !== undefined && { cwd }),
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    });
    const output: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(Buffer.concat(output));
      else reject(new Error(`${[command, ...args].join(' ')}: status ${status}: ${lastLines(errors)}`));
    });
  });
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('; ');
