// The program that is there in C and, line by line, in TypeScript: from the same seed both print the same.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { skipTest } from '../../support/disk';
import { POOL_DIR, describeFiles } from '../../support/pools';
import { randomFrom, seedFor } from '../../support/random';

/** This file runs from test/dist/conformance/memkind. */
const SOURCE = resolve(__dirname, '../../../conformance/native/memkind-operations.c');
const PORT = resolve(__dirname, '../native/memkind-operations.js');
const STEPS = 3000;

function compile(args: readonly string[], input?: string): { status: number | null; stderr: string } {
  const { status, stderr, error } = spawnSync('cc', args, {
    encoding: 'utf8',
    ...(input !== undefined && { input }),
  });
  return { status, stderr: error?.message ?? stderr };
}

/** Why C programs with memkind can't be had here; empty if they can. */
function reasonNotToCompile(): string {
  const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-cc-'));
  try {
    const program = '#include <memkind.h>\nint main(void) { return memkind_get_version() == 0; }\n';
    const { status, stderr } = compile(['-x', 'c', '-', '-o', join(dir, 'a.out'), '-lmemkind'], program);
    return status === 0 ? '' : (stderr.trim().split('\n')[0] ?? 'cc fails');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describeFiles('memkind in C', () => {
  const title = 'same seed, same successes, failures and errors as the port to TypeScript';
  const reason = reasonNotToCompile();
  if (reason !== '') {
    skipTest(title, `no C compiler with libmemkind-dev: ${reason}`);
    return;
  }

  let dir: string;
  let program: string;

  beforeAll(() => {
    dir = mkdtempSync(join(POOL_DIR, 'vmem-test-c-'));
    program = join(dir, 'memkind-operations');
    const { status, stderr } = compile(['-std=gnu11', '-O1', '-Wall', SOURCE, '-o', program, '-lmemkind']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  const run = (command: string, ...args: string[]): string[] =>
    execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 26, timeout: 100_000 }).split('\n');

  it(title, () => {
    const random = randomFrom(seedFor('memkind in C'));
    for (let round = 0; round < 4; round++) {
      const args = [dir, String(random(2 ** 31)), String(STEPS)];
      const [inC, inTypeScript] = [run(program, ...args), run(process.execPath, PORT, ...args)];
      const first = inC.findIndex((line, i) => line !== inTypeScript[i]);
      const around = (lines: string[]): string[] =>
        first < 0 ? [] : lines.slice(Math.max(0, first - 3), first + 3);
      expect({ args, lines: around(inTypeScript) }).toEqual({ args, lines: around(inC) });
      expect(inTypeScript).toHaveLength(inC.length);
      expect(inC.length).toBeGreaterThan(STEPS);
    }
  });
});
