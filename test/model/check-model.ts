// The tests of one model: all its states, then its mutations.

import { RUNS, definesOf, titleOf } from './models';
import { missingTool, verify } from './spin';

/** Why the models are not verified, or undefined. In CI a missing tool is no reason: the tests fail then. */
function whyNot(): string | undefined {
  if (process.env['VMEM_TEST_WITHOUT_MODELS'] === '1') return 'VMEM_TEST_WITHOUT_MODELS is set';
  return process.env['CI'] === undefined ? missingTool() : undefined;
}

export function checkModel(model: string): void {
  const reason = whyNot();
  if (reason !== undefined) {
    test.skip(`the model is verified (not here: ${reason})`, () => undefined);
    return;
  }
  const lines: string[] = [];
  afterAll(() => {
    process.stdout.write(`${lines.join('\n')}\n`);
  });

  test.each(RUNS[model].map((run) => [titleOf(run), run] as const))(
    '%s',
    async (title, run) => {
      const { errors, states, seconds, isWhole, report } = await verify(model, definesOf(run), run.search);
      lines.push(`${model}: ${title}: ${states} states, ${errors} errors, ${seconds.toFixed(1)} s`);
      if (run.mutation !== undefined) {
        if (errors === 0) throw new Error(`the mutation was not found:\n${report}`);
      } else if (errors > 0 || !isWhole) {
        throw new Error(`errors, or not all states were seen:\n${report}`);
      }
    },
    600_000,
  );
}
