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

function capture([command, ...args], options) {
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
export async function runStep(label, command, { advice, ...options }) {
  const { code, output } = await runShown(label, command, options);
  if (code === 0) return;
  process.stderr.write(`${output.trimEnd()}\n`);
  throw new SetupError(`'${command.join(' ')}' failed with exit code ${code}. ${advice}`);
}

/** The same for a step that may fail: its output is dropped, the line about it stays. */
export async function tryStep(label, command, options) {
  await runShown(label, command, options);
}

async function runShown(label, command, options) {
  const finish = showProgress(label);
  const result = await capture(command, options);
  finish(result.code === 0 ? 'done' : 'failed');
  return result;
}

/** Runs a command whose failure is an answer, not an error: true if it ran and exited 0. */
export async function succeeds(command, options = {}) {
  return (await capture(command, options)).code === 0;
}
