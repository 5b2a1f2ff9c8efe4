// How files are named, and that every TypeScript project is built, linted and tested with the rest.

import { posix } from 'node:path';
import { ROOT, listFiles, readText, withFiles } from './repository';

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.[cm]?[jt]s$/;

function findMisnamedFiles(root: string): string[] {
  return listFiles(root).filter(
    (path) => /\.[cm]?[jt]s$/.test(path) && !KEBAB_CASE.test(posix.basename(path)),
  );
}

function findUnreferencedProjects(root: string): string[] {
  const { references } = JSON.parse(readText(root, 'tsconfig.json')) as { references: { path: string }[] };
  const referenced = references.map(({ path }) => posix.join(path, 'tsconfig.json'));
  return listFiles(root).filter((path) => path.endsWith('/tsconfig.json') && !referenced.includes(path));
}

test('source files are named in kebab-case', () => {
  expect(findMisnamedFiles(ROOT)).toEqual([]);
});

test('every project is referenced from the root tsconfig.json', () => {
  expect(findUnreferencedProjects(ROOT)).toEqual([]);
});

test('a planted misnamed file and a planted loose project are found', () => {
  const files = {
    'tsconfig.json': '{ "references": [{ "path": "good" }] }',
    'good/tsconfig.json': '{}',
    'loose/tsconfig.json': '{}',
    'good/pageMap.ts': '',
    'good/page-map.test.ts': '',
  };
  withFiles(files, (root) => {
    expect(findMisnamedFiles(root)).toEqual(['good/pageMap.ts']);
    expect(findUnreferencedProjects(root)).toEqual(['loose/tsconfig.json']);
  });
});
