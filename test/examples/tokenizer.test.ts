// What counts as a word, and that the fast way over bytes finds the same ones.

import { scanWords, wordsOf } from '@vmem-ts/examples/word-count/tokenizer';
import fc from 'fast-check';

function scanned(bytes: Buffer): string[] {
  const words: string[] = [];
  const count = scanWords(bytes, 0, bytes.length, (where, start, end) => {
    words.push(where.toString('utf8', start, end));
  });
  expect(count).toBe(words.length);
  return words;
}

test.each([
  ['The the, THE.', ['the', 'the', 'the']],
  ["don't snake_case kebab-case x1 3.14", ['don', 't', 'snake', 'case', 'kebab', 'case', 'x1', '3', '14']],
  ['Café NAÏVE Straße', ['café', 'naïve', 'straße']],
  ['ΣΟΦΟΣ ΣΑΣ’Σ', ['σοφος', 'σας', 'σ'].map((word) => word.toUpperCase().toLowerCase())],
  ['漢字、かな 한국어', ['漢字', 'かな', '한국어']],
  ['İstanbul Ⱥ 𝕏𐐀', ['i̇stanbul', 'ⱥ', '𝕏𐐨']],
  ['٣ Ⅷ x² 🦊fox', ['٣', 'ⅷ', 'x²', 'fox']],
  ['\u{feff}bom\0nul\r\n', ['bom', 'nul']],
  ['', []],
])('%j', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
  expect(scanned(Buffer.from(text))).toEqual(words);
});

test('the bytes of any text have the words of the text', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(
      'Σ',
      'ΑΣ',
      "'",
      '\u0307',
      'I',
      'İ',
      'ſ',
      'K',
      '\u0345',
      ' ',
      'a',
      'Z',
      '\u{feff}',
      '\u{fffd}',
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const bytes = Buffer.from(pieces.join(''));
      expect(scanned(Buffer.from(bytes))).toEqual(wordsOf(bytes.toString()));
    }),
    { numRuns: 2000 },
  );
});

test('bytes that are no UTF-8 have the words of what they decode to', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.array(fc.constantFrom(0x41, 0x20, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xff), { maxLength: 60 }),
  );
  fc.assert(
    fc.property(bytes, (array) => {
      expect(scanned(Buffer.from(array))).toEqual(wordsOf(Buffer.from(array).toString()));
    }),
    { numRuns: 2000 },
  );
});

test('only the bytes that are asked for are looked at', () => {
  const words: string[] = [];
  const text = Buffer.from('One TWO Three');
  scanWords(text, 2, 6, (where, start, end) => words.push(where.toString('utf8', start, end)));
  expect(words).toEqual(['e', 'tw']);
  expect(text.toString()).toBe('One twO Three');
});
