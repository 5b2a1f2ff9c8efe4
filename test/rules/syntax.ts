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

/** `describe`, `it`, `test`, and what the tests' support has beside them, such as `testOnTmpfs`. */
const TITLED = /^(describe|it|test)(?![a-z])/;

/** `test` of `test(...)`, `test.skip(...)`, `test.each(rows)(...)`. */
function rootOfCall(expression: ts.Expression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression) || ts.isCallExpression(expression))
    return rootOfCall(expression.expression);
  if (ts.isTaggedTemplateExpression(expression)) return rootOfCall(expression.tag);
  return '';
}

/** The text in front of the function, or the first one. */
function titleOf(args: readonly ts.Node[]): ts.Node | undefined {
  const isText = (node: ts.Node): boolean => ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
  const body = args.findIndex((node) => ts.isArrowFunction(node) || ts.isFunctionExpression(node));
  return body > 0 && isText(args[body - 1]) ? args[body - 1] : args.find(isText);
}

/** The titles of a test file, as they stand in the source, without those of tests that are skipped or known to fail. */
export function readTestTitles(path: string): string[] {
  const titles: string[] = [];
  visit(parse(path), (node) => {
    if (!ts.isCallExpression(node) || !TITLED.test(rootOfCall(node.expression))) return;
    if (/\.(skip|failing|todo)\b/.test(node.expression.getText())) return;
    const title = titleOf(node.arguments);
    if (title !== undefined) titles.push(title.getText().slice(1, -1));
  });
  return titles;
}

/** The first arguments of all calls that are strings and no titles of tests. */
export function readFirstArguments(path: string): string[] {
  const found: string[] = [];
  visit(parse(path), (node) => {
    if (!ts.isCallExpression(node) || TITLED.test(rootOfCall(node.expression))) return;
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
