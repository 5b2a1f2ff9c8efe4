// Copies of strings in a pool, and what a pool tells of itself.

import { spawnSync } from 'node:child_process';
import type { Vmem } from '@vmem-ts/vmem-api';
import { MIB, POOL_DIR, describeEachKind, expectEmptyAndWhole } from '../support/pools';
import { randomFrom, seedFor } from '../support/random';
import { scriptPath } from '../support/worker';

const TEXTS: [string, string][] = [
  ['nothing', ''],
  ['ASCII', 'vmem'],
  ['letters of all lengths', 'aé€😀ÿ'],
  ['lone surrogates', '\ud800x\udc00'],
  ['a NUL inside', 'a\0b'],
  ['a long text', 'long€'.repeat(50_000)],
];

describeEachKind('a copy of a text', ({ create }) => {
  let pool: Vmem;
  beforeEach(() => {
    pool = create();
  });
  afterEach(() => {
    expectEmptyAndWhole(pool);
  });

  it.each(TEXTS)('has the bytes of %s and a NUL', (_, text) => {
    const dirty = pool.alloc(Uint8Array, Buffer.byteLength(text) + 1).fill(0xff);
    pool.free(dirty);
    const ptr = pool.strdup(text);
    const expected = Buffer.from(`${text}\0`);
    expect(pool.usableSize(ptr)).toBeGreaterThanOrEqual(expected.length);
    expect(Buffer.compare(Buffer.from(pool.view(Uint8Array, ptr, expected.length)), expected)).toBe(0);
    pool.free(ptr);
  });

  it.each(TEXTS)('has the code points of %s and a zero', (_, text) => {
    const expected = [...Array.from(text, (character) => character.codePointAt(0)!), 0];
    const ptr = pool.wcsdup(text);
    expect(pool.usableSize(ptr)).toBeGreaterThanOrEqual(4 * expected.length);
    expect(Array.from(pool.view(Uint32Array, ptr, expected.length))).toEqual(expected);
    pool.free(ptr);
  });

  it('is NULL when memory is out', () => {
    const text = 'x'.repeat(17 * MIB);
    expect(pool.strdup(text)).toBe(0);
    expect(pool.wcsdup(text.slice(5 * MIB, 10 * MIB))).toBe(0);
  });
});

describeEachKind('statistics', ({ name, create }) => {
  it('add up, and tell of exactly the blocks that are live', () => {
    const random = randomFrom(seedFor(`statistics, ${name}`));
    const pool = create();
    const blocks: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      if (blocks.length < 300 || random(2) === 0) {
        const ptr = pool.malloc(random(20) === 0 ? random(60_000) : random(900));
        if (ptr !== 0) blocks.push(ptr);
      } else {
        pool.free(blocks.splice(random(blocks.length), 1)[0]);
      }
      if (i % 500 !== 0) continue;
      const { size, live, liveBlocks, cached, slabFree, pagesFree, overhead, classes, large } = pool.stats();
      expect(live + cached + slabFree + pagesFree + overhead).toBe(size);
      expect(size).toBe(pool.size);
      expect(liveBlocks).toBe(blocks.length);
      expect(live).toBe(blocks.reduce((sum, ptr) => sum + pool.usableSize(ptr), 0));
      expect(classes.reduce((sum, each) => sum + each.live * each.size, large.bytes)).toBe(live);
      expect(Math.min(cached, slabFree, pagesFree, overhead)).toBeGreaterThanOrEqual(0);
    }
    for (const ptr of blocks) pool.free(ptr);
    expectEmptyAndWhole(pool);
  });

  it('are printed to stderr, without the parts whose letters are named', () => {
    const parts: Record<string, RegExp> = {
      g: new RegExp(`Backend: ${name}`),
      m: /assigned threads: 1\n.*\n.*\n.*\ntotal: +\d+ +3 /,
      a: /arenas\[0\]:/,
      b: /bins:/,
      l: /large: +blocks +bytes\n +1 /,
    };
    const letters = ['', 'g', 'm', 'a', 'b', 'l', 'gmabl', 'xyz'];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [scriptPath('stats-printer'), POOL_DIR, name, ...letters],
      { encoding: 'utf8' },
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    const texts = stderr.split('--- End vmem statistics ---\n').slice(0, -1);
    expect(texts).toHaveLength(letters.length);
    for (const [i, omit] of letters.entries()) {
      for (const [letter, part] of Object.entries(parts)) {
        expect([omit, letter, part.test(texts[i])]).toEqual([omit, letter, !omit.includes(letter)]);
      }
    }
  });
});
