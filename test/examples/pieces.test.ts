// A file cut into pieces has the words that it has as a whole.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PIECE_SIZE, cutIntoPieces, readPiece } from '@vmem-ts/examples/word-count/pieces';
import { scanWords, wordsOf } from '@vmem-ts/examples/word-count/tokenizer';
import fc from 'fast-check';

const folder = mkdtempSync(join(tmpdir(), 'vmem-test-pieces-'));
const path = join(folder, 'text');

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The words of the file, and the bytes of text that its pieces had. */
function readInPieces(content: Buffer, pieceSize: number): { words: string[]; bytes: number } {
  writeFileSync(path, content);
  const words: string[] = [];
  let bytes = 0;
  for (const piece of cutIntoPieces([{ path, size: content.length }], pieceSize)) {
    let block = Buffer.alloc(0);
    const text = readPiece(piece, (size) => (block = Buffer.concat([block], size)));
    expect(text.bytes).toBe(block);
    bytes += text.end - text.start;
    scanWords(text.bytes, text.start, text.end, (where, start, end) =>
      words.push(where.toString('utf8', start, end)),
    );
  }
  return { words, bytes };
}

test('the words of any text, whatever the size of the pieces', () => {
  const unit = fc.constantFrom('a', 'B', '7', 'é', '漢', '🦊', ' ', '\n', '_');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (text, pieceSize) => {
      const content = Buffer.from(text);
      expect(readInPieces(content, pieceSize)).toEqual({ words: wordsOf(text), bytes: content.length });
    }),
    { numRuns: 500 },
  );
});

test('a word that is longer than several pieces, and one that ends with the last', () => {
  const text = `one ${'x'.repeat(3 * PIECE_SIZE)} ${'two '.repeat(PIECE_SIZE / 2)}${'y'.repeat(100)}`;
  const content = Buffer.from(text);
  expect(readInPieces(content, PIECE_SIZE)).toEqual({ words: wordsOf(text), bytes: content.length });
});

test('a file that has become shorter ends where it ends, and an empty one has no pieces', () => {
  writeFileSync(path, 'just this');
  const { bytes, start, end } = readPiece({ path, start: 0, end: 100 }, (size) => Buffer.alloc(size));
  expect(bytes.toString('utf8', start, end)).toBe('just this');
  const gone = readPiece({ path, start: 50, end: 100 }, (size) => Buffer.alloc(size));
  expect(gone.end).toBe(gone.start);
  expect(cutIntoPieces([{ path, size: 0 }])).toEqual([]);
});
