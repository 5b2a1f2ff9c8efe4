import type { ClassStats, HeapStats, ThreadStats } from '@vmem-ts/vmem-api';
import { statsText } from '#src/pool/stats-text';

const ofClass = (size: number, slabsMade: number): ClassStats => ({
  size,
  slabs: slabsMade,
  bytes: 16384 * slabsMade,
  live: 10 * slabsMade,
  cached: slabsMade,
  free: 3 * slabsMade,
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
  runBytes: 8192,
  stackBytes: 12288,
});

const stats: HeapStats = {
  size: 1_000_000,
  backed: 900_000,
  live: 180 + 320 + 4096,
  liveBlocks: 56,
  cached: 18 + 32 + 16384,
  slabFree: 150,
  pagesFree: 409_600,
  overhead: 123,
  threads: 5,
  perThread: [ofThread(0, true), ofThread(7, false)],
  classes: [ofClass(8, 2), ofClass(16, 0), ofClass(32, 3)],
  large: { blocks: 6, bytes: 24_576 },
};

const ACTIVE = 5 * 16384 + 24_576 + 16384;

/** A part of each section. */
const PARTS: Record<string, RegExp> = {
  g: /^Backend: overlay\nPool size: 1000000\nPage size: 4096\nSize classes: 3 from 8 to 32\n/m,
  m: /^Merged arenas stats:\nassigned threads: 5\n +allocated +blocks +cached +free\nsmall: +1120 +50 +112 +150\nlarge: +24576 +6 +16322 +0\ntotal: +4596 +56 +16434 +150\nfree pages: 100\noverhead: 123\n/m,
  a: /^arenas: +blocks +bytes +runs +run bytes +stacks\narenas\[0\]: +3 +10 +1 +8192 +12288\narenas\[7\]: +3 +10 +1 +8192 +12288 +died\n/m,
  b: /^bins: +size +slabs +bytes +live +cached +free +refills +flushes\n +8 +2 +32768 +20 +2 +6 +14 +15\n +32 /m,
  l: /^large: +blocks +bytes\n +6 +24576\n/m,
};

const textWithout = (opts: string): string => statsText({ backend: 'overlay', stats }, opts);

describe('statsText', () => {
  it('has every section between a first and a last line', () => {
    const text = textWithout('');
    for (const part of Object.values(PARTS)) expect(text).toMatch(part);
    expect(text).toMatch(/^___ Begin .* ___\n[^]*--- End .* ---\n$/);
  });

  it.each(Object.keys(PARTS))('leaves out the section of the letter %s, and no other', (letter) => {
    const text = textWithout(letter);
    for (const [other, part] of Object.entries(PARTS)) expect(part.test(text)).toBe(other !== letter);
  });

  it('has the totals alone for all letters, in any order, however often', () => {
    const totals = `Allocated: 4596, active: ${ACTIVE}, metadata: ${900_000 - ACTIVE - 409_600}, mapped: 900000, retained: 100000`;
    expect(textWithout('blamggm').split('\n').slice(1, -2)).toEqual([totals]);
  });

  it('ignores other letters', () => {
    expect(textWithout('xGMABL 1-😀')).toBe(textWithout(''));
  });

  it('lists the size classes that were ever used', () => {
    const [, rows = ''] = textWithout('gmal').split('\n\n');
    const lines = rows.split('\n').slice(0, -2);
    expect(lines.map((row) => /\S+$/.exec(row.slice(0, 25))?.[0])).toEqual(['size', '8', '32']);
  });
});

type Section = Record<string, unknown>;
const figures = (opts: string): Record<string, Section | Section[] | undefined> =>
  (JSON.parse(textWithout(opts)) as { vmem: Record<string, Section> }).vmem;

describe('statsText, J', () => {
  it('is JSON with the figures of all sections', () => {
    expect(figures('J')).toEqual({
      general: {
        backend: 'overlay',
        size: 1_000_000,
        page: 4096,
        nbins: 3,
        bin: [8, 16, 32].map((size) => ({ size })),
      },
      stats: {
        allocated: 4596,
        active: ACTIVE,
        metadata: 900_000 - ACTIVE - 409_600,
        mapped: 900_000,
        retained: 100_000,
      },
      'stats.arenas': {
        merged: expect.objectContaining({ nthreads: 5, free_pages: 100, overhead: 123 }) as object,
        '0': expect.objectContaining({ alive: true, blocks: 3, run_bytes: 8192 }) as object,
        '7': expect.objectContaining({ alive: false }) as object,
      },
      bins: [
        expect.objectContaining({
          size: 8,
          curregs: 20,
          cached: 2,
          free: 6,
          curslabs: 2,
          nfills: 14,
        }) as object,
        expect.objectContaining({ size: 32, curregs: 30 }) as object,
      ],
      large: { allocated: 24_576, curlextents: 6 },
    });
  });

  it.each([
    ['g', 'general'],
    ['b', 'bins'],
    ['l', 'large'],
  ])('leaves out by the letter %s', (letter, section) => {
    expect(Object.keys(figures('J'))).toContain(section);
    const rest = Object.entries(figures('J')).filter(([name]) => name !== section);
    expect(Object.entries(figures(`J${letter}`))).toEqual(rest);
  });

  it('leaves out what is merged, and threads', () => {
    expect(Object.keys(figures('mJ')['stats.arenas']!)).toEqual(['0', '7']);
    expect(Object.keys(figures('aJ')['stats.arenas']!)).toEqual(['merged']);
  });
});
