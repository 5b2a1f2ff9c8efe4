// Words for the tree: the same ones each time.

const SYLLABLES = 'an be co de ex fo gra hi in ju ko lo mi no o pre qua ra sub tra un ver wi xe y zu'.split(
  ' ',
);

/** Some are the beginning of others, some appear twice; single signs and pairs of them make nodes of every size. */
export function makeWords(count: number): string[] {
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
  const signs = (): string => String.fromCharCode(33 + random(94));
  return Array.from({ length: count }, (_, i) => {
    if (i % 10 === 0) return signs() + signs();
    if (i % 10 === 1) return `all of these begin alike ${random(count)}`;
    const syllables = Array.from({ length: 1 + random(5) }, () => SYLLABLES[random(SYLLABLES.length)]);
    return syllables.join('');
  });
}
