// What the project's documents refer to: links, files, scripts. Each finder lists what doesn't exist.

import { existsSync } from 'node:fs';
import { join, posix } from 'node:path';
import { listFiles, listPackages, readManifest, readText } from './repository';

export function listDocuments(root: string): string[] {
  return listFiles(root).filter((path) => path.endsWith('.md'));
}

function withoutFences(text: string): string {
  return text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
}

/** The anchor that a heading gets where Markdown is shown with links to headings. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replace(/\s/g, '-');
}

function listAnchors(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutFences(text).matchAll(/^#{1,6}\s+(.*)$/gm)) {
    const anchor = anchorOf(heading);
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** Relative links whose file, or whose heading in it, does not exist. */
export function findBrokenLinks(root: string): string[] {
  return listDocuments(root).flatMap((document) => {
    const prose = withoutFences(readText(root, document)).replace(/`[^`\n]*`/g, '');
    const targets = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s*(\S+)/gm)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    return targets
      .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
      .filter((target) => {
        const [path = '', anchor] = decodeURI(target).split('#');
        const file = path === '' ? document : posix.join(posix.dirname(document), path);
        if (!existsSync(join(root, file))) return true;
        return anchor !== undefined && file.endsWith('.md') && !listAnchors(readText(root, file)).has(anchor);
      })
      .map((target) => `${document}: ${target}`);
  });
}

const PATH = /^(?:\.\/)?[\w.@*-]+(?:\/[\w.@*-]+)*\/?$/;
const FILE_NAME = /\.(?:[cm]?ts|mjs|rs|md|json|toml|sh|c)$/;
const BUILT = /(?:^|\/)(?:dist|node_modules|target)\/|\.node$/;

function matcher(path: string): RegExp {
  const escaped = path
    .replace(/^\.\//, '')
    .replace(/\/$/, '')
    .replace(/[.@]/g, '\\$&')
    .replace(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
  return new RegExp(`(?:^|/)${escaped}(?:/|$)`);
}

/**
 * Files and folders in code spans that are not in the checkout. A path counts as one if it starts with a folder of the
 * root or ends like a source file; it may be written from the root or, like `layout/region.ts`, from further in.
 */
export function findMissingPaths(root: string): string[] {
  const files = listFiles(root);
  const topFolders = new Set(files.filter((path) => path.includes('/')).map((path) => path.split('/')[0]));
  const isPath = (span: string): boolean =>
    PATH.test(span) &&
    !BUILT.test(span) &&
    (FILE_NAME.test(span) || (span.includes('/') && topFolders.has(span.replace(/^\.\//, '').split('/')[0])));
  return listDocuments(root).flatMap((document) => {
    const spans = [...withoutFences(readText(root, document)).matchAll(/`([^`\n]+)`/g)].map(
      ([, span = '']) => span,
    );
    return spans
      .filter((span) => isPath(span) && !files.some((path) => matcher(span).test(path)))
      .map((span) => `${document}: ${span}`);
  });
}

/** `npm run x` where neither the root nor the package named after `-w` has a script x. */
export function findMissingScripts(root: string): string[] {
  const scripts = new Map(
    ['', ...listPackages(root)].map((folder) => [
      folder,
      new Set(Object.keys(readManifest(root, folder).scripts ?? {})),
    ]),
  );
  return listDocuments(root).flatMap((document) =>
    [...readText(root, document).matchAll(/npm run ([\w:-]+)(?: -w (\S*\w))?/g)]
      .filter(([, script = '', folder = '']) => scripts.get(folder)?.has(script) !== true)
      .map(([command]) => `${document}: ${command}`),
  );
}
