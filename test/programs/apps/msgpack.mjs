// Values with binary parts as MessagePack, by @msgpack/msgpack.

import { Decoder, Encoder, decode, decodeMultiStream, encode } from '@msgpack/msgpack';
import { contents, scale, show } from './digest.mjs';

const value = {
  rows: Array.from({ length: 500 * scale }, (_, i) => ({
    id: i,
    name: `row ${i}`,
    share: i / 7,
    even: i % 2 === 0,
  })),
  blobs: [contents(100_000 * scale, 1), contents(30_000, 2), contents(10, 3)],
  text: 'naïve café '.repeat(2000),
};
const packed = encode(value);
show('packed', packed);
const { rows, blobs, text } = decode(packed);
console.log(rows.length, JSON.stringify(rows.at(-1)), text.length);
blobs.forEach((blob) => show('blob', blob));

const encoder = new Encoder({ useBigInt64: true });
const decoder = new Decoder({ useBigInt64: true });
for (let i = 0; i < 5 * scale; i++) {
  const bytes = encoder.encode({ i: BigInt(i) ** 5n, data: contents(20_000, i) });
  show('again', encoder.encode(decoder.decode(bytes)));
}

async function* stream() {
  const all = Buffer.concat([packed, packed]);
  for (let start = 0; start < all.length; start += 33_333) yield all.subarray(start, start + 33_333);
}
for await (const item of decodeMultiStream(stream())) show('of a stream', encode(item));
