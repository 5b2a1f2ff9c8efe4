// Text in side memory, which grows as it gets longer.

import { SideBlock } from './side-memory';

const FIRST_BYTES = 256;

/**
 * What `use` makes of a copy of `lines` in side memory, which is given back then.
 * @throws VmemError ENOMEM
 */
export function withSideText<T>(lines: Iterable<string>, use: (text: string) => T): T {
  const block = SideBlock.allocate(FIRST_BYTES);
  try {
    let length = 0;
    for (const line of lines) {
      const bytes = Buffer.byteLength(line);
      if (length + bytes > block.length) block.grow(Math.max(2 * block.length, length + bytes));
      length += block.buffer.write(line, length);
    }
    return use(block.buffer.toString('utf8', 0, length));
  } finally {
    block.free();
  }
}
