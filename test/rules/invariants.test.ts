// Invariants stand as comments at their structures, numbered like [SLAB-3]. Each needs a test that names it.

import { join } from 'node:path';
import { ROOT, listFiles, listPackages, withFiles } from './repository';
import { readComments, readTestTitles } from './syntax';

const ID = /\[([A-Z]+-\d+)\]/g;

function findIds(texts: string[]): string[] {
  return texts.flatMap((text) => [...text.matchAll(ID)].map((match) => match[1] ?? ''));
}

/** Where each invariant is stated: id -> file. */
function findStatedIds(root: string): Map<string, string> {
  const sources = listPackages(root).flatMap((folder) => listFiles(root, `${folder}/src`));
  return new Map(
    sources
      .filter((path) => path.endsWith('.ts'))
      .flatMap((path) => findIds(readComments(join(root, path))).map((id): [string, string] => [id, path])),
  );
}

function findTestedIds(root: string): Set<string> {
  const tests = listFiles(root).filter((path) => path.endsWith('.test.ts'));
  return new Set(tests.flatMap((path) => findIds(readTestTitles(join(root, path)))));
}

function findUntested(root: string): string[] {
  const tested = findTestedIds(root);
  return [...findStatedIds(root)].filter(([id]) => !tested.has(id)).map(([id, path]) => `[${id}] of ${path}`);
}

/** A title that names an invariant which no source states any more. */
function findForgotten(root: string): string[] {
  const stated = findStatedIds(root);
  return [...findTestedIds(root)].filter((id) => !stated.has(id));
}

test('every numbered invariant is named by the title of a test', () => {
  expect(findUntested(ROOT)).toEqual([]);
});

test('every invariant that a title names is stated in a source', () => {
  expect(findForgotten(ROOT)).toEqual([]);
});

test('an untested invariant and a forgotten one are found', () => {
  const bracketed = (id: string): string => `[${id}]`;
  const files = {
    'packages/p/package.json': '{}',
    'packages/p/src/a.ts': `// ${bracketed('A-1')} one\nexport const a = 1; // ${bracketed('A-2')} two`,
    'packages/p/test/a.test.ts': `test.each([1])('${bracketed('A-2')} and ${bracketed('B-9')}', () => {});`,
  };
  withFiles(files, (root) => {
    expect(findUntested(root)).toEqual([`${bracketed('A-1')} of packages/p/src/a.ts`]);
    expect(findForgotten(root)).toEqual(['B-9']);
  });
});
