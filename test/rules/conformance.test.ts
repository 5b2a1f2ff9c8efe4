// docs/conformance.md tells the truth: every function with a C name stands in it once, and every test that it names exists.

import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import * as libvmem from '@vmem-ts/vmem-api/libvmem';
import * as memkind from '@vmem-ts/vmem-api/memkind';
import * as vmmalloc from '@vmem-ts/vmem-api/vmmalloc';
import { ROOT, listFiles, readText, withFiles } from './repository';
import { readTestTitles } from './syntax';

const DOCUMENT = 'docs/conformance.md';
const FOLDER = 'test/conformance';

interface Row {
  readonly title: string;
  /** What it is about: the code spans of its first cell. */
  readonly names: string[];
  readonly tests: { readonly file: string; readonly title: string }[];
  readonly state: string;
}

const spansOf = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);

/** The tests of a cell such as ``[create](../test/a.test.ts): `one`, `another`; [more](../test/b.test.ts): `one` ``. */
function testsOf(cell: string): Row['tests'] {
  return [...cell.matchAll(/\[[^\]]+\]\(([^)]+)\):([^[]*)/g)].flatMap(([, link = '', titles = '']) =>
    spansOf(titles).map((title) => ({ file: posix.join(posix.dirname(DOCUMENT), link), title })),
  );
}

function readRows(root: string): Row[] {
  const lines = readText(root, DOCUMENT).split('\n');
  return lines
    .filter(
      (line, i) =>
        line.startsWith('|') && !/^\|[-|: ]+$/.test(line) && !/^\|[-|: ]+$/.test(lines[i + 1] ?? ''),
    )
    .map((line) => {
      const cells = line.split('|').slice(1, -1);
      return {
        title: cells[0]?.trim() ?? '',
        names: spansOf(cells[0] ?? ''),
        tests: testsOf(cells.at(-2) ?? ''),
        state: cells.at(-1)?.trim() ?? '',
      };
    });
}

/** Functions that stand in no row or in several, and names of functions that there are not. */
function findWrongNames(root: string, functions: readonly string[]): string[] {
  const named = readRows(root).flatMap(({ names }) => names);
  const isFunction = (name: string): boolean => /^(vmem|memkind)_\w+$/.test(name);
  const counts = new Map<string, number>();
  for (const name of named) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [
    ...functions.filter((name) => !counts.has(name)).map((name) => `${name} has no row`),
    ...[...counts].filter(([, count]) => count > 1).map(([name, count]) => `${name} has ${count} rows`),
    ...[...counts.keys()]
      .filter((name) => isFunction(name) && !functions.includes(name))
      .map((name) => `${name} is no function`),
  ];
}

/** Rows without a test, with one twice, or with one that does not exist. */
function findWrongTests(root: string): string[] {
  const known = new Map<string, string[]>();
  const titlesOf = (file: string): string[] => {
    const titles = known.get(file) ?? (existsSync(join(root, file)) ? readTestTitles(join(root, file)) : []);
    known.set(file, titles);
    return titles;
  };
  return readRows(root).flatMap(({ title: about, tests }) => {
    const keys = tests.map(({ file, title }) => `${file}: ${title}`);
    return [
      ...(tests.length === 0 ? ['names no test'] : []),
      ...keys.filter((key, i) => keys.indexOf(key) !== i).map((key) => `names ${key} twice`),
      ...tests
        .filter(({ file, title }) => !titlesOf(file).includes(title))
        .map(({ file, title }) => `there is no test ${file}: ${title}`),
    ].map((problem) => `${about}: ${problem}`);
  });
}

function findWrongStates(root: string): string[] {
  return readRows(root)
    .filter(({ state }) => !/^yes$|^partly: \S/.test(state))
    .map(({ title, state }) => `${title}: ${state}`);
}

/** Test files that no row names. */
function findUnnamedFiles(root: string): string[] {
  const named = new Set(readRows(root).flatMap(({ tests }) => tests.map(({ file }) => file)));
  return listFiles(root, FOLDER).filter((path) => path.endsWith('.test.ts') && !named.has(path));
}

const FUNCTIONS = Object.entries({ ...libvmem, ...memkind, ...vmmalloc })
  .filter(([, value]) => typeof value === 'function')
  .map(([name]) => name);

test('every function of libvmem, memkind and libvmmalloc has one row', () => {
  expect(findWrongNames(ROOT, FUNCTIONS)).toEqual([]);
});

test('every row names tests that exist', () => {
  expect(findWrongTests(ROOT)).toEqual([]);
});

test('every row says how far it holds', () => {
  expect(findWrongStates(ROOT)).toEqual([]);
});

test('every file of tests is named by a row', () => {
  expect(findUnnamedFiles(ROOT)).toEqual([]);
});

test('planted mistakes are found, and only they', () => {
  const files = {
    [DOCUMENT]: [
      '| C | here | shown by | state |',
      '|---|---|---|---|',
      '| `vmem_one`, `vmem_two` | | [a](../test/conformance/a.test.ts): `vmem_one`, `on a disk` | yes |',
      '| `vmem_two`, `VMEM_LOG_LEVEL` | | [a](../test/conformance/a.test.ts): `gone`, `vmem_one`, `vmem_one` | partly |',
      '| `vmem_none` | `vmem_three` | [b](../test/conformance/b.test.ts): `vmem_one` | partly: a half |',
      '| `SIZE_MAX` | | | yes |',
    ].join('\n'),
    'test/conformance/a.test.ts':
      "describeFiles('vmem_one', () => { testOnTmpfs('size=1m', 'on a disk', (disk) => {}); it.failing('gone', () => {}); });",
    'test/conformance/c.test.ts': "it.each([1])('vmem_one', () => {});",
  };
  withFiles(files, (root) => {
    expect(findWrongNames(root, ['vmem_one', 'vmem_two', 'vmem_three'])).toEqual([
      'vmem_three has no row',
      'vmem_two has 2 rows',
      'vmem_none is no function',
    ]);
    expect(findWrongTests(root)).toEqual([
      '`vmem_two`, `VMEM_LOG_LEVEL`: names test/conformance/a.test.ts: vmem_one twice',
      '`vmem_two`, `VMEM_LOG_LEVEL`: there is no test test/conformance/a.test.ts: gone',
      '`vmem_none`: there is no test test/conformance/b.test.ts: vmem_one',
      '`SIZE_MAX`: names no test',
    ]);
    expect(findWrongStates(root)).toEqual(['`vmem_two`, `VMEM_LOG_LEVEL`: partly']);
    expect(findUnnamedFiles(root)).toEqual(['test/conformance/c.test.ts']);
  });
});
