// JPEG images, written and read by jpeg-js.

import { createRequire } from 'node:module';
import { contents, scale, show } from './digest.mjs';

const jpeg = createRequire(import.meta.url)('jpeg-js');

for (let i = 0; i < 2 * scale; i++) {
  const width = 160 + i;
  const height = 120;
  const data = Buffer.from(contents(width * height * 4, i));
  const file = jpeg.encode({ width, height, data }, 80).data;
  show('jpeg', file);
  show('as a Buffer', jpeg.decode(file).data);
  show('as a typed array', jpeg.decode(file, { useTArray: true, formatAsRGBA: false }).data);
}
