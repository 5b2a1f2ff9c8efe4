// The documents name only what exists.

import { findBrokenLinks, findMissingPaths, findMissingScripts, listDocuments } from './document-rules';
import { ROOT, withFiles } from './repository';

test('there are documents to check', () => {
  expect(listDocuments(ROOT)).toContain('CONTRIBUTING.md');
});

test('every relative link leads to a file and to a heading in it', () => {
  expect(findBrokenLinks(ROOT)).toEqual([]);
});

test('every file that a document names exists', () => {
  expect(findMissingPaths(ROOT)).toEqual([]);
});

test('every npm script that a document names exists', () => {
  expect(findMissingScripts(ROOT)).toEqual([]);
});

test('planted mistakes are found, and only they', () => {
  const files = {
    'package.json': '{ "scripts": { "lint": "" } }',
    'packages/p/package.json': '{ "scripts": { "build:native": "" } }',
    'packages/p/src/layout/region.ts': '',
    'docs/b.md': '# Bold & [linked](../a.md) heading\n\n[back](../a.md#top) [gone](../c.md)\n',
    'a.md': [
      '# Top',
      '[good](docs/b.md#bold--linked-heading), [bad](docs/b.md#no-such-heading), [out](https://example.org/x.md)',
      '`layout/region.ts`, `packages/*/src/`, `packages/p/dist/index.js`, `heap/gone.ts`, `packages/q/`, `a/b`',
      '`npm run lint`, `npm run build:native -w packages/p`, `npm run gone`',
      '```sh',
      'npm run lost  # [not](a-link.md)',
      '```',
    ].join('\n'),
  };
  withFiles(files, (root) => {
    expect(findBrokenLinks(root).sort()).toEqual(['a.md: docs/b.md#no-such-heading', 'docs/b.md: ../c.md']);
    expect(findMissingPaths(root)).toEqual(['a.md: heap/gone.ts', 'a.md: packages/q/']);
    expect(findMissingScripts(root)).toEqual(['a.md: npm run gone', 'a.md: npm run lost']);
  });
});
