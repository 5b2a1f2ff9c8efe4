// What comes from the pool, and what does not: docs/vmmalloc.md has the same.

import { resultOf } from './preloaded';

type Found = Record<string, boolean>;

const { user, node } = resultOf<{ user: Found; node: Found }>('doors', [], { VMMALLOC_MIN_SIZE: '16384' });
const namesOf = (found: Found, is: boolean): string[] =>
  Object.entries(found)
    .filter(([, inPool]) => inPool === is)
    .map(([name]) => name);

describe('the preload', () => {
  it('has all in the pool that user code makes', () => {
    expect(namesOf(user, false)).toEqual([]);
    expect(namesOf(user, true).length).toBeGreaterThan(100);
  });

  it('has in the pool what Node.js makes by the functions of user code, and nothing else', () => {
    process.stdout.write(`of Node.js, in the pool: ${namesOf(node, true).join(', ')}\n`);
    expect(namesOf(node, false)).toEqual(
      expect.arrayContaining([
        'ArrayBuffer#slice',
        'crypto.randomBytes',
        'WebAssembly.Memory',
        'a resizable ArrayBuffer',
        'structuredClone',
      ]),
    );
  });
});
