// Do both ways of counting agree, and which words are the most frequent?

export interface WordCount {
  readonly word: string;
  readonly count: number;
}

export interface Comparison {
  readonly distinctWords: number;
  /** The most frequent ones, by count, and alphabetically where counts are equal. */
  readonly top: readonly WordCount[];
  /** The first few words that the two ways count differently, and how many there are in all. */
  readonly differences: readonly { readonly word: string; readonly pool: number; readonly maps: number }[];
  readonly differing: number;
}

const SHOWN_DIFFERENCES = 5;

export function compareCounts(
  pool: Iterable<readonly [word: string, count: number]>,
  maps: ReadonlyMap<string, number>,
  topLength: number,
): Comparison {
  const all: WordCount[] = [];
  const differences: { word: string; pool: number; maps: number }[] = [];
  const unseen = new Map(maps);
  for (const [word, count] of pool) {
    all.push({ word, count });
    const other = unseen.get(word) ?? 0; // also 0 if the pool has a word twice
    if (other !== count) differences.push({ word, pool: count, maps: other });
    unseen.delete(word);
  }
  for (const [word, count] of unseen) differences.push({ word, pool: 0, maps: count });
  all.sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1));
  return {
    distinctWords: all.length,
    top: all.slice(0, topLength),
    differences: differences.slice(0, SHOWN_DIFFERENCES),
    differing: differences.length,
  };
}
