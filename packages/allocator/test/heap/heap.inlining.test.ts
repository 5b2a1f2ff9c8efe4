// What the speed of small blocks rests on: V8 puts the code of malloc and free into the function that calls them. It
// has a budget for that, of which nothing is left for them once it has taken one of their slow halves in, and it
// never takes a function in that is longer than a limit: so malloc and free are shorter, the slow halves longer.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const LIMIT = 460;

/** V8's report on what it did with the functions that a hot caller calls. */
function inlining(...options: string[]): string {
  const script = join(__dirname, '..', 'workers', 'hot-caller.js');
  // compiled at once and not beside the program, which could end before
  const flags = ['--trace-turbo-inlining', '--no-concurrent-recompilation', ...options, script];
  return execFileSync(process.execPath, flags, { encoding: 'utf8', maxBuffer: 1 << 28 });
}

const inlined = (name: string, into = 'hotCaller'): RegExp =>
  new RegExp(`^Inlining .*<SharedFunctionInfo ${name}>.* into .*<SharedFunctionInfo ${into}>`, 'm');

test('malloc and free are inlined into their callers, and their slow halves into nothing', () => {
  const report = inlining();
  for (const name of ['malloc', 'free']) expect(report).toMatch(inlined(name));
  for (const name of ['mallocSlow', 'freeSlow']) {
    expect(report).toContain(`SharedFunctionInfo ${name}>`); // V8 has thought of it
    expect(report).not.toMatch(inlined(name, '.*'));
  }
});

test('it is the limit that keeps the slow halves out: with a higher one they are inlined', () => {
  const higher = [2 * LIMIT, 20 * LIMIT].map(String);
  const report = inlining(
    `--max-inlined-bytecode-size=${higher[0]}`,
    `--max-inlined-bytecode-size-cumulative=${higher[1]}`,
  );
  for (const name of ['mallocSlow', 'freeSlow']) expect(report).toMatch(inlined(name, '.*'));
});
