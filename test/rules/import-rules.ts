// Who may import whom. The tables are the rule; CONTRIBUTING.md repeats them for readers and a test compares the two.

import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { listFiles, listPackages, readManifest } from './repository';
import { readImports } from './syntax';

/** The folders of packages/allocator/src, lower first: a file imports from its own folder and from lower ones. */
export const ALLOCATOR_LADDER = ['base', 'layout', 'sync', 'extent', 'slab', 'heap', 'index'];

/** What the sources of each package may import besides their own files; `node:` is all of Node's own modules. */
export const PACKAGE_IMPORTS: Record<string, string[]> = {
  allocator: [],
  'mmap-helper': ['node:'],
  'vmem-api': ['@vmem-ts/allocator', '@vmem-ts/mmap-helper', 'mmap-io', 'node:'],
};

/** The addon's package, and the one file of vmem-api that may name it. */
export const HELPER = '@vmem-ts/mmap-helper';
export const HELPER_IMPORTER = 'packages/vmem-api/src/native.ts';

/** What code outside the packages may import: the packages by their public names, and Node. */
const PUBLIC_IMPORTS = ['@vmem-ts/', 'node:'];
/** What examples need besides, as any program might. */
const EXAMPLE_IMPORTS = [...PUBLIC_IMPORTS, 'cli-progress', 'cli-table3'];
const TEST_IMPORTS = [...PUBLIC_IMPORTS, '@jest/globals', 'fast-check', 'mmap-io', 'typescript'];

const SOURCE = /\.[cm]?ts$/;

/** A part of the checkout whose files may import each other by relative paths. */
interface Part {
  folder: string;
  allowed: string[];
  /** `#src/...`, the way of a package's own tests to its inner files. */
  mayImportInner: boolean;
}

function listParts(root: string): Part[] {
  const packages = listPackages(root).map((folder) => folder.slice('packages/'.length));
  return [
    ...packages.flatMap((name) => [
      { folder: `packages/${name}/src`, allowed: PACKAGE_IMPORTS[name] ?? [], mayImportInner: false },
      { folder: `packages/${name}/test`, allowed: TEST_IMPORTS, mayImportInner: true },
    ]),
    { folder: 'examples', allowed: EXAMPLE_IMPORTS, mayImportInner: false },
    { folder: 'test', allowed: TEST_IMPORTS, mayImportInner: false },
    {
      folder: 'bench',
      allowed: [...PUBLIC_IMPORTS, ...listDependencies(root, 'bench')],
      mayImportInner: false,
    },
  ];
}

/** A benchmark compares with what its manifest names. */
function listDependencies(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder, 'package.json'))) return [];
  return Object.keys(readManifest(root, folder).dependencies ?? {});
}

function listSources(root: string, folder: string): string[] {
  return listFiles(root, folder).filter((path) => SOURCE.test(path));
}

/** The file that a relative or `#src/` import names, if the checkout has it. */
function resolveImport(root: string, file: string, specifier: string): string | undefined {
  const [packages, name] = file.split('/');
  const target = specifier.startsWith('#src/')
    ? `${packages}/${name}/src/${specifier.slice('#src/'.length)}`
    : posix.join(posix.dirname(file), specifier);
  const base = target.replace(/\.[cm]?js$/, '');
  return [`${base}.ts`, `${base}.mts`, `${base}.cts`, `${base}/index.ts`].find((path) =>
    existsSync(join(root, path)),
  );
}

/** `node:` and `@vmem-ts/` stand for everything below them, a package's name for the package and its subpaths. */
function isAllowed(specifier: string, allowed: string[]): boolean {
  return allowed.some((name) => {
    const prefix = /[:/]$/.test(name) ? name : `${name}/`;
    return specifier === name || specifier.startsWith(prefix);
  });
}

/** The public names of packages and examples: their own and the subpaths of their `exports`. */
function listPublicNames(root: string): Set<string> {
  const folders = [...listPackages(root), 'examples'];
  const names = folders
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .flatMap((folder) => {
      const { name, exports = {} } = readManifest(root, folder);
      return Object.keys(exports).map((path) => posix.join(name, path));
    });
  return new Set(names);
}

/** Imports that leave a part of the checkout for somewhere it may not go. */
export function findForbiddenImports(root: string): string[] {
  const publicNames = listPublicNames(root);
  const problems: string[] = [];
  for (const { folder, allowed, mayImportInner } of listParts(root)) {
    for (const file of listSources(root, folder)) {
      for (const specifier of readImports(join(root, file))) {
        if (specifier.startsWith('.')) {
          if (!posix.join(posix.dirname(file), specifier).startsWith(`${folder}/`)) {
            problems.push(`${file}: '${specifier}' leaves ${folder}`);
          }
        } else if (specifier.startsWith('#')) {
          if (!mayImportInner) problems.push(`${file}: '${specifier}' is for the package's own tests`);
        } else if (!isAllowed(specifier, allowed)) {
          problems.push(`${file}: '${specifier}' is not among what ${folder} may import`);
        } else if (specifier.startsWith('@vmem-ts/') && !publicNames.has(specifier)) {
          problems.push(`${file}: '${specifier}' is not a public name of the package`);
        }
      }
    }
  }
  return problems;
}

/** The files of vmem-api that import the addon's package. */
export function findHelperImporters(root: string): string[] {
  return listSources(root, 'packages/vmem-api/src').filter((file) =>
    readImports(join(root, file)).includes(HELPER),
  );
}

function rungOf(file: string): string {
  const [first = ''] = file.slice('packages/allocator/src/'.length).split('/');
  return first.replace(SOURCE, '');
}

/** Imports of the allocator that go up the ladder, and files that stand on no rung of it. */
export function findClimbingImports(root: string): string[] {
  const problems: string[] = [];
  for (const file of listSources(root, 'packages/allocator/src')) {
    const from = ALLOCATOR_LADDER.indexOf(rungOf(file));
    if (from < 0) problems.push(`${file} is in no folder of the ladder`);
    for (const specifier of readImports(join(root, file))) {
      const target = resolveImport(root, file, specifier);
      if (target === undefined) continue;
      if (ALLOCATOR_LADDER.indexOf(rungOf(target)) > from) {
        problems.push(`${file} imports ${rungOf(target)}, which stands above ${rungOf(file)}`);
      }
    }
  }
  return problems;
}

/** Files that import each other, directly or through others: one line a cycle. */
export function findCycles(root: string): string[] {
  const cycles: string[] = [];
  for (const { folder } of listParts(root)) {
    const state = new Map<string, 'open' | 'done'>();
    const walk = (file: string, path: string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
        return;
      }
      state.set(file, 'open');
      for (const specifier of readImports(join(root, file))) {
        const target = specifier.startsWith('.') ? resolveImport(root, file, specifier) : undefined;
        if (target !== undefined) walk(target, [...path, file]);
      }
      state.set(file, 'done');
    };
    for (const file of listSources(root, folder)) walk(file, []);
  }
  return cycles;
}
