// What a word is: a run of Unicode letters and digits, in lower case. `wordsOf` is the definition; `scanWords` finds the
// same words in UTF-8 without making strings of them.

const WORD = /[\p{L}\p{N}]+/gu;

/** The words of `text`. */
export function wordsOf(text: string): string[] {
  // a word is folded by itself: whether a sigma is a final one depends on what stands beside it
  return (text.match(WORD) ?? []).map((word) => word.toLowerCase());
}

/** Called with the place of a word's bytes, which are valid during the call. */
export type WordVisitor = (bytes: Buffer, start: number, end: number) => void;

const NO_WORD = 0;
const NOT_ASCII = 1;
/** For each byte: an ASCII letter or digit in lower case, NO_WORD for the rest of ASCII, NOT_ASCII from 128 on. */
const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 128) return NOT_ASCII;
  const [word] = wordsOf(String.fromCharCode(byte));
  return word === undefined ? NO_WORD : word.charCodeAt(0);
});

/** False for a byte that ends every word: an ASCII character that is neither letter nor digit. */
export const canBeInWord = (byte: number): boolean => FOLDED[byte] !== NO_WORD;

const decoder = new TextDecoder();

/**
 * Visits the words of the UTF-8 text in `bytes` from `start` up to `end`, and returns how many there are. Works in place:
 * the text is in lower case afterwards. Bytes that are no UTF-8 separate words.
 */
export function scanWords(bytes: Buffer, start: number, end: number, visit: WordVisitor): number {
  let words = 0;
  for (let at = start; at < end; at++) {
    const first = at;
    let ascii = true;
    for (; at < end; at++) {
      const folded = FOLDED[bytes[at]];
      if (folded === NO_WORD) break;
      if (folded === NOT_ASCII) ascii = false;
      else bytes[at] = folded;
    }
    if (first === at) continue;
    if (ascii) {
      visit(bytes, first, at);
      words++;
    } else {
      // No character of UTF-8 goes across the ASCII bytes on both sides, so this piece is decoded as within the whole.
      for (const word of wordsOf(decoder.decode(bytes.subarray(first, at)))) {
        const encoded = Buffer.from(word);
        visit(encoded, 0, encoded.length);
        words++;
      }
    }
  }
  return words;
}
