// Another program that knows nothing of pools: maps the device and prints how often a text is in its first bytes.

import { closeFile, fileInfo, mapFile, openFile } from '@vmem-ts/mmap-helper';

const [, , device = '', text = '', most = '0'] = process.argv;
const fd = openFile(device);
const { size, alignment } = fileInfo(fd);
const length = Math.min(size, Math.ceil(Number(most) / alignment) * alignment);
const bytes = Buffer.from(mapFile(fd, 0, length, 'shared'));
let count = 0;
for (let at = bytes.indexOf(text); at >= 0 && at < Number(most); at = bytes.indexOf(text, at + 1)) count++;
closeFile(fd);
process.stdout.write(JSON.stringify(count));
