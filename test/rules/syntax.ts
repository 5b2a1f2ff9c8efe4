// What the rules tests read from TypeScript sources, by the compiler's own parser.

import { readFileSync } from 'node:fs';
import ts from 'typescript';

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  ts.forEachChild(node, (child) => visit(child, see));
}

const LOADERS = new Set(['require', 'require.resolve', 'import']);

/** Every module that a file names: imports, re-exports, types of `import('x')`, and calls that load a module. */
export function readImports(path: string): string[] {
  const found = new Set<string>();
  visit(parse(path), (node) => {
    let specifier: ts.Node | undefined;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier;
    else if (ts.isExternalModuleReference(node)) specifier = node.expression;
    else if (ts.isImportTypeNode(node))
      specifier = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
    else if (ts.isCallExpression(node) && LOADERS.has(node.expression.getText()))
      specifier = node.arguments[0];
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.add(specifier.text);
  });
  return [...found];
}

const TITLED = new Set(['describe', 'it', 'test']);

/** `test` of `test(...)`, `test.skip(...)`, `test.each(rows)(...)`. */
function rootOfCall(expression: ts.Expression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return rootOfCall(expression.expression);
  if (ts.isTaggedTemplateExpression(expression)) return rootOfCall(expression.tag);
  return '';
}

/** The titles of a test file, as they stand in the source. */
export function readTestTitles(path: string): string[] {
  const titles: string[] = [];
  visit(parse(path), (node) => {
    if (!ts.isCallExpression(node) || !TITLED.has(rootOfCall(node.expression))) return;
    const [title] = node.arguments;
    if (title !== undefined && (ts.isStringLiteralLike(title) || ts.isTemplateExpression(title))) {
      titles.push(title.getText().slice(1, -1));
    }
  });
  return titles;
}

/** The first arguments of all calls that are strings and no titles of tests. */
export function readFirstArguments(path: string): string[] {
  const found: string[] = [];
  visit(parse(path), (node) => {
    if (!ts.isCallExpression(node) || TITLED.has(rootOfCall(node.expression))) return;
    const [first] = node.arguments;
    if (first !== undefined && ts.isStringLiteralLike(first)) found.push(first.text);
  });
  return found;
}

/** The comments of a file, one string each. */
export function readComments(path: string): string[] {
  const text = readFileSync(path, 'utf8');
  const source = parse(path);
  const ranges = new Map<number, ts.CommentRange>();
  visit(source, (node) => {
    for (const list of [
      ts.getLeadingCommentRanges(text, node.getFullStart()),
      ts.getTrailingCommentRanges(text, node.getEnd()),
    ]) {
      for (const range of list ?? []) ranges.set(range.pos, range);
    }
  });
  return [...ranges.values()].map(({ pos, end }) => text.slice(pos, end));
}
