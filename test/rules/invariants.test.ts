// Invariants stand as comments at their structures, numbered like [SLAB-3]. Each needs a test that names it, and one that
// plants a fault and expects the check to find it: a call such as `expectFound('[SLAB-3]', ...)` in a file check.test.ts.

import { join } from 'node:path';
import { ROOT, listFiles, listPackages, withFiles } from './repository';
import { readComments, readFirstArguments, readTestTitles } from './syntax';

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

function findUnplanted(root: string): string[] {
  const tests = listFiles(root).filter((path) => path.endsWith('/check.test.ts'));
  const planted = new Set(tests.flatMap((path) => findIds(readFirstArguments(join(root, path)))));
  return [...findStatedIds(root)]
    .filter(([id]) => !planted.has(id))
    .map(([id, path]) => `[${id}] of ${path}`);
}

/** A title that names an invariant which no source states any more. */
function findForgotten(root: string): string[] {
  const stated = findStatedIds(root);
  return [...findTestedIds(root)].filter((id) => !stated.has(id));
}

test('every numbered invariant is named by the title of a test', () => {
  expect(findUntested(ROOT)).toEqual([]);
});

test('for every numbered invariant a fault is planted, and expected to be found', () => {
  expect(findUnplanted(ROOT)).toEqual([]);
});

test('every invariant that a title names is stated in a source', () => {
  expect(findForgotten(ROOT)).toEqual([]);
});

test('an untested invariant, one without a planted fault and a forgotten one are found', () => {
  const bracketed = (id: string): string => `[${id}]`;
  const files = {
    'packages/p/package.json': '{}',
    'packages/p/src/a.ts': `// ${bracketed('A-1')} ${bracketed('A-3')}\nexport const a = 1; // ${bracketed('A-2')}`,
    'packages/p/test/check.test.ts': `test('${bracketed('A-1')}', () => expectFound('${bracketed('A-2')}'));`,
    'packages/p/test/a.test.ts': `test.each([1])('${bracketed('A-2')} and ${bracketed('B-9')}', () => {});`,
  };
  withFiles(files, (root) => {
    expect(findUntested(root)).toEqual([`${bracketed('A-3')} of packages/p/src/a.ts`]);
    expect(findUnplanted(root)).toEqual(
      ['A-1', 'A-3'].map((id) => `${bracketed(id)} of packages/p/src/a.ts`),
    );
    expect(findForgotten(root)).toEqual(['B-9']);
  });
});
