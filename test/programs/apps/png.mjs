// PNG images, written and read by pngjs: at once, and as streams.

import { PNG } from 'pngjs';
import { contents, scale, show } from './digest.mjs';

for (let i = 0; i < 2 * scale; i++) {
  const width = 200 + i;
  const height = 150;
  const image = new PNG({ width, height });
  image.data.set(contents(width * height * 4, i));
  const file = PNG.sync.write(image);
  show('png', file);
  show('pixels', PNG.sync.read(file).data);

  const streamed = await new Promise((done, fail) => {
    image.pack().pipe(new PNG()).on('parsed', done).on('error', fail);
  });
  show('pixels of a stream', streamed);
}
