// Archives: zip, gzip and zlib by fflate, tar by tar-stream through Node's own gzip.

import { gunzipSync as nodeGunzip, gzipSync as nodeGzip } from 'node:zlib';
import { Gunzip, gunzipSync, gzipSync, unzipSync, zipSync, zlibSync } from 'fflate';
import tar from 'tar-stream';
import { contents, scale, show } from './digest.mjs';

const files = Object.fromEntries(
  Array.from({ length: 3 * scale }, (_, i) => [`folder/${i}.bin`, contents(50_000 + i, i)]),
);
const archive = zipSync(files, { level: 6, mtime: new Date(2020, 0, 1) });
show('zip', archive);
for (const [name, bytes] of Object.entries(unzipSync(archive))) show(name, bytes);

const long = contents(200_000 * scale, 7);
show('gzip', gunzipSync(gzipSync(long, { mtime: 0 })));
show('zlib', zlibSync(long));

const pieces = [];
const gunzip = new Gunzip((piece) => pieces.push(piece));
const zipped = nodeGzip(long);
for (let start = 0; start < zipped.length; start += 20_000) {
  gunzip.push(zipped.subarray(start, start + 20_000), start + 20_000 >= zipped.length);
}
show('gzip in pieces', Buffer.concat(pieces));

const pack = tar.pack();
for (const [name, bytes] of Object.entries(files))
  pack.entry({ name, mtime: new Date(0) }, Buffer.from(bytes));
pack.finalize();
const chunks = [];
for await (const chunk of pack) chunks.push(chunk);
const tarball = Buffer.concat(chunks);
show('tar', tarball);

const extract = tar.extract();
extract.end(nodeGunzip(nodeGzip(tarball)));
for await (const entry of extract) {
  const parts = [];
  for await (const part of entry) parts.push(part);
  show(entry.header.name, Buffer.concat(parts));
}
