/*
 * What setup says, all of it on stderr so that a program's own output stays clean, and the one way it runs a command:
 * a line that counts the seconds on a terminal, plain lines elsewhere, the whole output only when the command fails.
 */
import { spawn } from 'node:child_process';
import { ROOT } from './workspace.mjs';

const FRAMES = ['|', '/', '-', '\\'];
const FRAME_MS = 120;
const HEARTBEAT_MS = 30_000;

/** An expected failure: its message is all that the reader needs, no stack. */
export class SetupError extends Error {}

export function say(line) {
  process.stderr.write(`setup: ${line}\n`);
}

function secondsSince(start) {
  return `${Math.round((Date.now() - start) / 1000)} s`;
}

function showProgress(label) {
  const start = Date.now();
  if (process.stderr.isTTY) {
    let frame = 0;
    const draw = () => {
      frame = (frame + 1) % FRAMES.length;
      process.stderr.write(`\r\x1b[Ksetup: ${FRAMES[frame]} ${label} (${secondsSince(start)})`);
    };
    draw();
    const timer = setInterval(draw, FRAME_MS);
    return (outcome) => {
      clearInterval(timer);
      process.stderr.write('\r\x1b[K');
      say(`${label}: ${outcome} in ${secondsSince(start)}`);
    };
  }
  say(`${label} ...`);
  const timer = setInterval(() => say(`${label} ... ${secondsSince(start)}`), HEARTBEAT_MS);
  return (outcome) => {
    clearInterval(timer);
    say(`${label}: ${outcome} in ${secondsSince(start)}`);
  };
}

function capture(command, args, options) {
  return new Promise((resolve) => {
    const output = [];
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (error) => resolve({ code: -1, output: error.message }));
    child.on('close', (code, signal) => {
      const text = Buffer.concat(output).toString();
      resolve({ code: code ?? -1, output: signal === null ? text : `${text}\nended by ${signal}` });
    });
  });
}

/** Runs one command of a step. On failure prints what it wrote and throws a SetupError that ends with `advice`. */
export async function runStep(label, [command, ...args], { advice, ...options }) {
  const finish = showProgress(label);
  const { code, output } = await capture(command, args, options);
  if (code === 0) return finish('done');
  finish('failed');
  process.stderr.write(`${output.trimEnd()}\n`);
  throw new SetupError(`'${[command, ...args].join(' ')}' failed with exit code ${code}. ${advice}`);
}

/** Runs a command whose failure is an answer, not an error: true if it ran and exited 0. */
export async function succeeds([command, ...args], options = {}) {
  return (await capture(command, args, options)).code === 0;
}
