// Each package as its user gets it: required, imported, compiled against, packed.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import ts from 'typescript';
import { ROOT, listPackages, readManifest, withFiles } from './repository';

const FOLDERS = listPackages(ROOT);

/** The names under which a package's modules are imported, without its package.json. */
function listEntries(folder: string): string[] {
  const { name, exports = {} } = readManifest(ROOT, folder);
  return Object.keys(exports)
    .filter((path) => path !== './package.json')
    .map((path) => posix.join(name, path));
}

const ENTRIES = FOLDERS.flatMap(listEntries);

/** Modules that act when they are loaded, and export nothing. */
const isPreload = (entry: string): boolean => entry.endsWith('/register');
const LIBRARIES = ENTRIES.filter((entry) => !isPreload(entry));

/** Runs a few lines in a Node of their own, from the folder of `entry`'s users. */
function evaluate(code: string, ...options: string[]): string[] {
  const output = execFileSync(process.execPath, [...options, '-e', code], {
    cwd: join(ROOT, 'test'),
    encoding: 'utf8',
  });
  return JSON.parse(output) as string[];
}

const packed = new Map<string, string[]>();

/** The files that `npm pack` would put into a package. */
function npmPack(folder: string): string[] {
  const known = packed.get(folder);
  if (known !== undefined) return known;
  const output = execFileSync(
    'npm',
    ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error', '-w', folder],
    { cwd: ROOT, encoding: 'utf8', shell: process.platform === 'win32' },
  );
  // An object by package name in newer versions of npm, a list in older ones.
  const [report] = Object.values(JSON.parse(output) as Record<string, { files: { path: string }[] }>);
  const files = report?.files.map((file) => file.path) ?? [];
  packed.set(folder, files);
  return files;
}

function compile(files: Record<string, string>): string[] {
  return withFiles(files, (root) => {
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'junction');
    mkdirSync(join(root, 'out'));
    const program = ts.createProgram(
      Object.keys(files).map((path) => join(root, path)),
      {
        module: ts.ModuleKind.Node16,
        moduleResolution: ts.ModuleResolutionKind.Node16,
        target: ts.ScriptTarget.ES2022,
        lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
        types: ['node'],
        typeRoots: [join(ROOT, 'node_modules/@types')],
        strict: true,
        skipLibCheck: true,
        noEmit: true,
      },
    );
    return ts
      .getPreEmitDiagnostics(program)
      .map((diagnostic) => ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
  });
}

describe.each(FOLDERS)('%s', (folder) => {
  test('names the oldest Node that it runs on', () => {
    expect(readManifest(ROOT, folder).engines?.node).toBe('>=20');
  });

  test('is packed with what it needs and without its tests', () => {
    const files = npmPack(folder);
    expect(files).toEqual(expect.arrayContaining(['package.json', 'dist/index.js', 'dist/index.d.ts']));
    if (existsSync(join(ROOT, folder, 'README.md'))) expect(files).toContain('README.md');
    expect(files).toContain('LICENSE');
    expect(files.filter((path) => /(^|\/)tests?\/|\.test\.|tsconfig|tsbuildinfo/.test(path))).toEqual([]);
  });

  test('packs every file that its exports name', () => {
    const named = JSON.stringify(readManifest(ROOT, folder).exports).match(/\.\/[^"*]+\.[a-z.]+/g) ?? [];
    const files = npmPack(folder);
    expect(named.map((path) => posix.normalize(path)).filter((path) => !files.includes(path))).toEqual([]);
  });
});

/** Sources that a package's maps name and its user can't see: neither in the map itself nor in the package. */
function missingSources(folder: string, kind: RegExp): string[] {
  const files = npmPack(folder);
  return files
    .filter((path) => kind.test(path))
    .flatMap((path) => {
      const map = JSON.parse(readFileSync(join(ROOT, folder, path), 'utf8')) as SourceMap;
      const sources = map.sources.map((source) => posix.join(posix.dirname(path), source));
      return sources.filter((source, i) => !map.sourcesContent?.[i] && !files.includes(source));
    });
}

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly string[];
}

test.each(FOLDERS)('%s is packed with the sources that stack traces and debuggers show', (folder) => {
  expect(npmPack(folder)).toContain('dist/index.js.map');
  expect(missingSources(folder, /\.js\.map$/)).toEqual([]);
});

// an editor goes to these
test.each(FOLDERS)('%s is packed with the sources of its types', (folder) => {
  expect(missingSources(folder, /\.d\.ts\.map$/)).toEqual([]);
});

const addonTest = process.env['VMEM_TEST_WITHOUT_ADDON'] === '1' ? test.skip : test;

addonTest('the addon is packed with packages/mmap-helper', () => {
  expect(npmPack('packages/mmap-helper')).toContainEqual(expect.stringMatching(/\.node$/));
});

describe.each(LIBRARIES)('%s', (entry) => {
  test('exports the same names to require and to import', () => {
    const required = evaluate(`console.log(JSON.stringify(Object.keys(require('${entry}')).sort()))`);
    const imported = evaluate(
      `import * as module from '${entry}'; console.log(JSON.stringify(Object.keys(module).sort()))`,
      '--input-type=module',
    );
    expect(required.length).toBeGreaterThan(0);
    expect(imported).toEqual(expect.arrayContaining(required));
  });

  test.each(['cts', 'mts'])('has types for a .%s file', (extension) => {
    const text = `import * as library from '${entry}';\nexport const names: string[] = Object.keys(library);\n`;
    expect(compile({ [`consumer.${extension}`]: text })).toEqual([]);
  });

  test('has types that a compiler would notice to be wrong', () => {
    const text = `import { noSuchName } from '${entry}';\nexport { noSuchName };\n`;
    expect(compile({ 'consumer.mts': text })).toEqual([expect.stringContaining('noSuchName')]);
  });
});

test('views on a pool are not typed as views on an ArrayBuffer', () => {
  const text = (type: string): string => `
    import { Vmem } from '@vmem-ts/vmem-api';
    class Column extends Float64Array { sum(): number { return this.reduce((a, b) => a + b, 0); } }
    const pool = Vmem.create('/tmp', 2 ** 24);
    const bytes: Uint8Array<${type}> = pool.alloc(Uint8Array, 10);
    export const column: number = pool.view(Column, bytes.byteOffset, 1).sum();`;
  expect(compile({ 'consumer.mts': text('ArrayBufferLike') })).toEqual([]);
  expect(compile({ 'consumer.mts': text('ArrayBuffer') })).not.toEqual([]);
  const dataView =
    "import { Vmem } from '@vmem-ts/vmem-api';\nVmem.create('/tmp', 2 ** 24).alloc(DataView, 1);\n";
  expect(compile({ 'consumer.mts': dataView })).not.toEqual([]);
});

describe('@vmem-ts/vmem-api/libvmem', () => {
  const program = `
    const vmp = vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL);
    const ptr = vmem_strdup(vmp, 'text');
    vmem_free(vmp, ptr);
    vmem_free(vmp, ptr);
    const failed = [errno() === constants.errno.EFAULT, vmem_errormsg() !== ''];
    setErrno(0);
    vmem_delete(vmp);
    console.log(JSON.stringify([ptr > 0, ...failed, errno() === 0, vmem_check_versionU(1, 1) === null]));`;
  const names = [...program.matchAll(/\b(vmem_\w+|VMEM_\w+|errno|setErrno)\b(?=[,)(])/g)].map(
    ([name]) => name,
  );
  const list = [...new Set(names)].join(', ');
  const entry = '@vmem-ts/vmem-api/libvmem';

  test('works by its names in an ES module, and required', () => {
    const imports = `import { constants } from 'node:os'; import { ${list} } from '${entry}';`;
    const requires = `const { constants } = require('node:os'); const { ${list} } = require('${entry}');`;
    expect(evaluate(imports + program, '--input-type=module')).toEqual([true, true, true, true, true]);
    expect(evaluate(requires + program)).toEqual([true, true, true, true, true]);
  });

  test('is one module for both', () => {
    const code = `
      import { createRequire } from 'node:module';
      import { errno } from '${entry}';
      createRequire(import.meta.url)('${entry}').setErrno(5);
      console.log(errno());`;
    expect(evaluate(code, '--input-type=module')).toBe(5);
  });

  test.each(['cts', 'mts'])('has types for each name, in a .%s file', (extension) => {
    const imports = `import { constants } from 'node:os';\nimport { ${list} } from '${entry}';\n`;
    expect(compile({ [`consumer.${extension}`]: imports + program })).toEqual([]);
    const wrong = `import { vmem_malloc, type VMEM } from '${entry}';\nexport const make = (vmp: VMEM): string => vmem_malloc(vmp, '100');\n`;
    expect(compile({ [`consumer.${extension}`]: wrong }).join('\n')).toMatch(/string[^]*number/);
  });
});
