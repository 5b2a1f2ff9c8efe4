// Buffers that are logged, as with the preload: those too that the log makes.

import { logAllocation } from '#src/vmmalloc/log';

const { from } = Buffer;
Buffer.from = ((text: string) => {
  logAllocation(text.length);
  return from(text);
}) as typeof from;

Buffer.from('text');
