// The direction of imports: between packages, and between the folders of the allocator.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  ALLOCATOR_LADDER,
  HELPER,
  HELPER_IMPORTER,
  PACKAGE_IMPORTS,
  findClimbingImports,
  findCycles,
  findForbiddenImports,
  findHelperImporters,
} from './import-rules';
import { ROOT, listPackages, readManifest, readText, withFiles } from './repository';

const manifest = (name: string, exports: string[] = ['.']): string =>
  JSON.stringify({
    name: `@vmem-ts/${name}`,
    exports: Object.fromEntries(exports.map((path) => [path, ''])),
  });

/** A checkout with the three packages and nothing in them but what a test plants. */
function plant<T>(files: Record<string, string>, find: (root: string) => T): T {
  const packages = {
    'packages/allocator/package.json': manifest('allocator'),
    'packages/mmap-helper/package.json': manifest('mmap-helper'),
    'packages/vmem-api/package.json': manifest('vmem-api', ['.', './libvmem']),
  };
  return withFiles({ ...packages, ...files }, find);
}

describe('the checkout', () => {
  test('has no import that its part may not make', () => {
    expect(findForbiddenImports(ROOT)).toEqual([]);
  });

  test('has no import up the allocator’s ladder', () => {
    expect(findClimbingImports(ROOT)).toEqual([]);
  });

  test('has no import cycle', () => {
    expect(findCycles(ROOT)).toEqual([]);
  });

  test('reaches the addon from one file of vmem-api', () => {
    expect(findHelperImporters(ROOT)).toEqual([HELPER_IMPORTER]);
  });

  test('has a row of the table for every package', () => {
    expect(listPackages(ROOT).map((folder) => folder.slice('packages/'.length))).toEqual(
      Object.keys(PACKAGE_IMPORTS).sort(),
    );
  });

  test.each(Object.keys(PACKAGE_IMPORTS))('%s declares exactly the packages that it may import', (name) => {
    const { dependencies, optionalDependencies, peerDependencies } = readManifest(ROOT, `packages/${name}`);
    const declared = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
    expect(declared.sort()).toEqual(PACKAGE_IMPORTS[name]?.filter((other) => other !== 'node:').sort());
  });
});

describe('what is written about it', () => {
  const documents = ['CONTRIBUTING.md', 'ARCHITECTURE.md'].filter((name) => existsSync(join(ROOT, name)));

  test.each(documents)('%s shows the ladder as it is, if it shows one', (name) => {
    const shown = readText(ROOT, name).match(/\bbase < [a-z< ]*[a-z]/g) ?? [];
    expect(shown).toEqual(shown.map(() => ALLOCATOR_LADDER.join(' < ')));
  });

  test('CONTRIBUTING.md shows the ladder, a row for each package and the way to the addon', () => {
    const text = readText(ROOT, 'CONTRIBUTING.md');
    expect(text).toContain(ALLOCATOR_LADDER.join(' < '));
    const rows = [...text.matchAll(/^\| `packages\/([a-z-]+)\/src` \| (.*?) *\|$/gm)];
    const shown = rows.map(([, name, names = '']) => [
      name,
      [...names.matchAll(/`([^`]+)`/g)].map((m) => m[1]),
    ]);
    expect(Object.fromEntries(shown)).toEqual(PACKAGE_IMPORTS);
    expect(text).toContain(`\`${HELPER_IMPORTER}\``);
  });
});

describe('a planted violation is found:', () => {
  test('the allocator imports a module of Node', () => {
    const files = { 'packages/allocator/src/base/a.ts': "import { readFileSync } from 'node:fs';" };
    expect(plant(files, findForbiddenImports)).toEqual([expect.stringContaining("'node:fs'")]);
  });

  test('vmem-api imports a package that is not in the table', () => {
    const files = { 'packages/vmem-api/src/a.ts': "export * from 'lodash';" };
    expect(plant(files, findForbiddenImports)).toEqual([expect.stringContaining("'lodash'")]);
  });

  test('a package reaches into another one’s sources', () => {
    const files = { 'packages/vmem-api/src/a.ts': "type A = import('../../allocator/src/base/a').A;" };
    expect(plant(files, findForbiddenImports)).toEqual([
      expect.stringContaining('leaves packages/vmem-api/src'),
    ]);
  });

  test('an example uses a path that the package does not export', () => {
    const files = {
      'examples/good.ts': "import '@vmem-ts/vmem-api/libvmem';",
      'examples/bad.ts': "const a = require('@vmem-ts/vmem-api/dist/pool');",
      'examples/inner.ts': "import '#src/pool';",
    };
    expect(plant(files, findForbiddenImports)).toEqual([
      expect.stringContaining('examples/bad.ts'),
      expect.stringContaining('examples/inner.ts'),
    ]);
  });

  test('a folder of the allocator imports a higher one', () => {
    const files = {
      'packages/allocator/src/slab/s.ts': 'export const s = 1;',
      'packages/allocator/src/extent/e.ts': "import { s } from '../slab/s';",
      'packages/allocator/src/slab/down.ts': "import '../extent/e';",
    };
    expect(plant(files, findClimbingImports)).toEqual([
      'packages/allocator/src/extent/e.ts imports slab, which stands above extent',
    ]);
  });

  test('a folder of the allocator is not on the ladder', () => {
    const files = { 'packages/allocator/src/misc/m.ts': '' };
    expect(plant(files, findClimbingImports)).toEqual([
      expect.stringContaining('in no folder of the ladder'),
    ]);
  });

  test('files import each other', () => {
    const files = {
      'packages/allocator/src/heap/a.ts': "import './b';",
      'packages/allocator/src/heap/b.ts': "export { c } from './c';",
      'packages/allocator/src/heap/c.ts': "import type { A } from './a';",
    };
    expect(plant(files, findCycles)).toEqual([
      expect.stringMatching(/a\.ts -> .*b\.ts -> .*c\.ts -> .*a\.ts/),
    ]);
  });

  test('two files of vmem-api import the addon', () => {
    const text = `import { map } from '${HELPER}';`;
    const files = { 'packages/vmem-api/src/a.ts': text, 'packages/vmem-api/src/b.ts': text };
    expect(plant(files, findHelperImporters)).toHaveLength(2);
  });
});
