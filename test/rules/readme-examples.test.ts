// The README's programs run as they stand there, and print what they say they print.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, readText } from './repository';

/** Fenced JavaScript programs of a document, each with the outputs that its comments behind console.log promise. */
function programsOf(document: string): { code: string; promised: string[] }[] {
  const text = readText(ROOT, document);
  return [...text.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code = '']) => ({
    code,
    promised: [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]),
  }));
}

const documents = ['README.md', 'docs/from-c.md', 'packages/allocator/README.md'];

describe.each(documents)('%s', (document) => {
  const programs = programsOf(document);

  it('has a program', () => {
    expect(programs.length).toBeGreaterThan(0);
  });

  it.each(programs)('shows a program that runs', ({ code, promised }) => {
    // below the root, so that the packages are found
    const folder = mkdtempSync(join(ROOT, '.setup', 'readme-'));
    try {
      const file = join(folder, 'example.js');
      writeFileSync(file, code);
      const lines = execFileSync(process.execPath, [file], { encoding: 'utf8' }).split('\n').filter(Boolean);
      expect(lines).toEqual(promised);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
