// Programs that live on buffers, through npm packages that know nothing of the preload, print the same with it.

import { PROGRAMS, faultsOf, runProgram, type Job, type Outcome } from './run-program';

const job = (program: string, minSize: Job['minSize'], workers = 0): Job => ({
  program,
  workers,
  scale: 1,
  minSize,
  poolMebibytes: 256,
});

const expected = new Map<string, Promise<Outcome>>();

function withoutPreload(program: string): Promise<Outcome> {
  const known = expected.get(program) ?? runProgram(job(program, undefined));
  expected.set(program, known);
  return known;
}

describe.each(Object.keys(PROGRAMS))('%s', (program) => {
  test.each([
    ['in the main thread', job(program, 16_384)],
    ['in the main thread, with small buffers, too', job(program, 64)],
    ['in four workers at once', job(program, 16_384, 4)],
  ])('prints the same with its data in the pool, %s', async (_, under) => {
    const { status, stderr, stdout } = await withoutPreload(program);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').length).toBeGreaterThan(2);
    expect(faultsOf(under, await runProgram(under), stdout)).toEqual([]);
  });
});

test('output that differs, and data outside the pool, would be seen', async () => {
  const under = job('png', 2 ** 30);
  const found = await runProgram(under);
  expect(faultsOf(under, found, `${found.stdout} `)).toEqual([
    expect.stringMatching(/^printed "png: /),
    'thread 0 had 0 bytes in the pool, and not 2000000',
  ]);
});
