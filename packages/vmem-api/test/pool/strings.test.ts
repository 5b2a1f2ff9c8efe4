import { cString, wideString } from '#src/pool/strings';

const wide = (text: string): number[] => {
  const bytes = wideString(text);
  return [...new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)];
};

describe('cString', () => {
  it.each([
    ['nothing', '', [0]],
    ['ASCII', 'az', [97, 122, 0]],
    [
      'letters of two, three and four bytes',
      'é€😀',
      [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0],
    ],
    ['a NUL inside', 'a\0b', [97, 0, 98, 0]],
    ['lone surrogates, as U+FFFD', '\ud800a\udc00', [0xef, 0xbf, 0xbd, 97, 0xef, 0xbf, 0xbd, 0]],
  ])('encodes %s', (_, text, bytes) => {
    expect([...cString(text)]).toEqual(bytes);
  });
});

describe('wideString', () => {
  it.each([
    ['nothing', '', [0]],
    ['letters inside and outside the basic plane', 'aé€😀', [97, 0xe9, 0x20ac, 0x1f600, 0]],
    ['a NUL inside', 'a\0b', [97, 0, 98, 0]],
    ['lone surrogates as they are', '\ud800a\udc00', [0xd800, 97, 0xdc00, 0]],
    ['surrogates in the wrong order', '\udc00\ud800', [0xdc00, 0xd800, 0]],
  ])('has one unit for each code point of %s', (_, text, units) => {
    expect(wide(text)).toEqual(units);
  });
});
