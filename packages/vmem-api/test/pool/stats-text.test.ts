import type { ClassStats, HeapStats, ThreadStats } from '@vmem-ts/vmem-api';
import { statsText } from '#src/pool/stats-text';

const ofClass = (size: number, slabsMade: number): ClassStats => ({
  size,
  slabs: slabsMade,
  bytes: 9,
  live: 11,
  cached: 12,
  free: 13,
  refills: 14,
  flushes: 15,
  slabsMade,
  slabsReleased: 0,
});

const ofThread = (slot: number, isAlive: boolean): ThreadStats => ({
  slot,
  isCaller: slot === 0,
  isAlive,
  blocks: 3,
  blockBytes: 10,
  runs: 1,
  runBytes: 5,
  stackBytes: 8192,
});

const stats: HeapStats = {
  size: 1000,
  backed: 900,
  live: 200,
  liveBlocks: 21,
  cached: 30,
  slabFree: 40,
  pagesFree: 700,
  overhead: 30,
  threads: 5,
  perThread: [ofThread(0, true), ofThread(7, false)],
  classes: [ofClass(8, 2), ofClass(16, 0), ofClass(16384, 3)],
  large: { blocks: 6, bytes: 4096 },
};

/** A line of each part. */
const PARTS: Record<string, RegExp> = {
  g: /backend: overlay, pool size: 1000, with storage: 900, size classes: 3 from 8 to 16384/,
  m: /allocated: 200 in 21 blocks, cached: 30, free in slabs: 40, free pages: 700, overhead: 30/,
  a: /threads: 5\n +slot +blocks +bytes +runs +run bytes +stacks\n +0 +3 +10 +1 +5 +8192\n +7 +3 +10 +1 +5 +8192 +died\n/,
  b: /bins:\n +size +slabs +bytes +live +cached +free +refills +flushes\n +8 +2 +9 +11 +12 +13 +14 +15\n +16384 /,
  l: /large: 6 blocks, 4096 bytes/,
};

const textWithout = (omit: string): string => statsText({ backend: 'overlay', stats }, omit);

describe('statsText', () => {
  it('has every part between a first and a last line', () => {
    const text = textWithout('');
    for (const part of Object.values(PARTS)) expect(text).toMatch(part);
    expect(text).toMatch(/^___ Begin .* ___\n[^]*--- End .* ---\n$/);
  });

  it.each(Object.keys(PARTS))('leaves out the part of the letter %s, and no other', (letter) => {
    const text = textWithout(letter);
    for (const [other, part] of Object.entries(PARTS)) expect(part.test(text)).toBe(other !== letter);
  });

  it('leaves out all parts for all letters, in any order, however often', () => {
    expect(textWithout('blamggm').split('\n')).toHaveLength(3);
  });

  it('ignores other letters', () => {
    expect(textWithout('xGMABL 1-😀')).toBe(textWithout(''));
  });

  it('lists the size classes that were ever used', () => {
    const rows = textWithout('gmal').split('\n').slice(2, -2);
    expect(rows.map((row) => row.trim().split(/ +/)[0])).toEqual(['size', '8', '16384']);
  });
});
