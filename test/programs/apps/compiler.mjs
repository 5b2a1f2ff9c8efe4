// TypeScript's compiler, which hardly uses buffers.

import ts from 'typescript';
import { scale, show } from './digest.mjs';

const source = Array.from(
  { length: 40 * scale },
  (_, i) => `
    export interface Shape${i} { readonly kind: 'shape${i}'; side: number }
    export function area${i}({ side }: Shape${i}): number { return side ** 2 * ${i}; }
    export const wrong${i}: string = area${i}({ kind: 'shape${i}', side: ${i} });`,
).join('\n');

const host = {
  fileExists: (name) => name === 'main.ts',
  readFile: (name) => (name === 'main.ts' ? source : undefined),
  getSourceFile: (name, options) =>
    name === 'main.ts' ? ts.createSourceFile(name, source, options) : undefined,
  writeFile: (name, text) => show(name, Buffer.from(text)),
  getDefaultLibFileName: () => 'lib.d.ts',
  getCurrentDirectory: () => '/',
  getCanonicalFileName: (name) => name,
  useCaseSensitiveFileNames: () => true,
  getNewLine: () => '\n',
};
const options = {
  noLib: true,
  types: [],
  declaration: true,
  sourceMap: true,
  target: ts.ScriptTarget.ES2022,
};
const program = ts.createProgram(['main.ts'], options, host);
program.emit();
const messages = ts
  .getPreEmitDiagnostics(program)
  .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
show('diagnostics', Buffer.from(messages.join('\n')));
console.log(messages.length);
