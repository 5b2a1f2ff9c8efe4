// The API reference can be made from the docstrings: TypeDoc finds every name that they link, every type that a public name
// mentions, and a docstring at everything that has a name of its own.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, readText, withFiles } from './repository';

const TYPEDOC = join(ROOT, 'node_modules/typedoc/bin/typedoc');

/** What TypeDoc warns of, without making any pages. */
function warningsOf(root: string): string[] {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [TYPEDOC, '--emit', 'none', '--logLevel', 'Warn'],
    { cwd: root, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' }, timeout: 100_000 },
  );
  const warnings = `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
  return status === 0 || warnings.length > 0 ? warnings : [`status ${status}`];
}

test('of the packages', () => {
  expect(warningsOf(ROOT)).toEqual([]);
});

test('but not of one whose docstring links to nothing', () => {
  const options = JSON.parse(readText(ROOT, 'typedoc.json')) as object;
  const files = {
    'package.json': '{}',
    'typedoc.json': JSON.stringify({ ...options, entryPoints: ['packages/p'] }),
    'packages/p/package.json': '{ "name": "p", "main": "dist/index.js", "types": "dist/index.d.ts" }',
    'packages/p/tsconfig.json':
      '{ "compilerOptions": { "rootDir": "src", "outDir": "dist", "types": [] }, "include": ["src"] }',
    'packages/p/src/index.ts': '/** Like {@link gone}. */ export const linked = 1;',
  };
  withFiles(files, (root) => {
    const [first] = warningsOf(root);
    expect(first).toContain('"gone"');
  });
});
