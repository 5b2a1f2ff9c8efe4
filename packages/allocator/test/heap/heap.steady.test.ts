// Once V8 has compiled them, malloc and free stay compiled and leave nothing on V8's heap: numbers that are no small
// integers would be objects there, and a deoptimisation that comes again and again costs more than all the rest.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const SCRIPT = join(__dirname, '..', 'workers', 'steady-caller.js');
/** V8's heap grows a little besides, by what V8 learns of the program; a number is an object of 12 bytes or more. */
const BYTES_PER_REPLACEMENT = 2;

const OFTEN = 4;

interface Findings {
  /** Of all deoptimisations, from the program's start, those by an index that is no int32. */
  readonly byIndexes: string[];
  readonly bytesPerReplacement: number;
  readonly deoptimizations: string[];
}

const bailouts = (text: string): string[] =>
  text.split('\n').filter((line) => line.startsWith('[bailout (kind: '));

/** What a program does after its warm-up, that replaces blocks; with a fault planted in it, or without. */
function steadyState(fault = 'none'): Findings {
  const flags = ['--expose-gc', '--trace-deopt', '--allow-natives-syntax', '--no-concurrent-recompilation'];
  // so large that nothing is collected while it is measured
  const heapSize = ['--min-semi-space-size=64', '--max-semi-space-size=64'];
  // to a file: what V8 writes into a pipe that is full, Node having made it one that does not wait, is lost
  const output = join(mkdtempSync(join(tmpdir(), 'vmem-steady-')), 'output');
  const file = openSync(output, 'w');
  const { status, stderr } = spawnSync(process.execPath, [...flags, ...heapSize, SCRIPT, fault], {
    encoding: 'utf8',
    stdio: ['ignore', file, 'pipe'],
  });
  closeSync(file);
  const stdout = readFileSync(output, 'utf8');
  rmSync(dirname(output), { recursive: true });
  if (status !== 0) throw new Error(`the program ended with ${status}: ${stderr}`);
  const [, measured, bytes, replacements] = /^--- warm\n(.*)^--- (-?\d+) bytes for (\d+)/ms.exec(stdout)!;
  return {
    byIndexes: bailouts(stdout).filter((line) => line.includes('not int32')),
    bytesPerReplacement: Number(bytes) / Number(replacements),
    deoptimizations: bailouts(measured),
  };
}

test('warm malloc and free stay compiled, and allocate nothing', () => {
  const { bytesPerReplacement, deoptimizations } = steadyState();
  // a path that is taken for the first time is no loop
  if (deoptimizations.length >= OFTEN) throw new Error(deoptimizations.join('\n'));
  expect(bytesPerReplacement).toBeLessThan(BYTES_PER_REPLACEMENT);
});

test('malloc and free of blocks that no cache takes stay compiled, and allocate nothing', () => {
  const { bytesPerReplacement, deoptimizations } = steadyState('large');
  if (deoptimizations.length >= OFTEN) throw new Error(deoptimizations.join('\n'));
  expect(bytesPerReplacement).toBeLessThan(BYTES_PER_REPLACEMENT);
});

test('where all blocks are beyond 2 GiB malloc and free stay compiled, too', () => {
  const { byIndexes, deoptimizations } = steadyState('far');
  for (const lines of [byIndexes, deoptimizations])
    if (lines.length >= OFTEN) throw new Error(lines.join('\n'));
});

test('a caller that leaves an object at each call is found', () => {
  expect(steadyState('leak').bytesPerReplacement).toBeGreaterThan(BYTES_PER_REPLACEMENT);
});

test('code that is deoptimised again and again is found', () => {
  expect(steadyState('deopts').deoptimizations.length).toBeGreaterThanOrEqual(OFTEN);
});
