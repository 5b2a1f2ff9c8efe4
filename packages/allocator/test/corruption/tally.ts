// What came of many cases: how much of the damage was noticed, by structure, and what must not be.

import type { Trial } from './trial';

/** The part of the changes that matter which `check` notices, at least; 1 where nothing else is said. */
const FLOORS: Readonly<Record<string, number>> = {
  // which thread that is, and whether it lives, only the system knows: a heap believes what stands there
  'who has another slot': 0,
  // pages that nobody knows to be zero may be; of those that are said to be, the first and the last are looked at
  'free extents': 0.8,
  // four states that change at once may be as many FREE ones as before
  'block states': 0.8,
};

interface Counts {
  cases: number;
  harmless: number;
  found: number;
  putRight: number;
  unnoticed: number;
}

export class Tally {
  cases = 0;
  calls = 0;
  waits = 0;
  readonly codes: Record<string, number> = {};
  /** What must not be, each with the seed that replays it. */
  readonly faults: string[] = [];
  private readonly structures = new Map<string, Counts>();
  private readonly unnoticed: string[] = [];

  add({ seed, structure, field, damage, harmless, outcome, codes, calls, waits, faults }: Trial): void {
    const counts = this.structures.get(structure) ?? {
      cases: 0,
      harmless: 0,
      found: 0,
      putRight: 0,
      unnoticed: 0,
    };
    this.structures.set(structure, counts);
    this.cases++;
    this.calls += calls;
    this.waits += waits;
    for (const [code, count] of Object.entries(codes)) this.codes[code] = (this.codes[code] ?? 0) + count;
    const what = `seed ${seed}, ${structure}, ${field}: ${damage}`;
    for (const fault of faults) this.faults.push(`${what}: ${fault}`);
    counts.cases++;
    if (harmless !== undefined) counts.harmless++;
    else if (outcome === 'found') counts.found++;
    else if (outcome === 'put right') counts.putRight++;
    else {
      counts.unnoticed++;
      this.unnoticed.push(what);
    }
  }

  /** Structures of which less damage was noticed than should be, with the damage that was not. */
  tooLow(): string[] {
    return [...this.structures]
      .filter(([name, counts]) => rateOf(counts) < (FLOORS[name] ?? 1))
      .flatMap(([name]) => this.unnoticed.filter((what) => what.includes(`, ${name}, `)));
  }

  /** A table, and the sums. */
  lines(): string[] {
    const rows = [...this.structures].sort(([a], [b]) => (a < b ? -1 : 1));
    const cell = (value: number): string => String(value).padStart(9);
    return [
      `${'structure'.padEnd(22)}    cases  harmless    found  put right unnoticed  noticed`,
      ...rows.map(([name, counts]) => {
        const { cases, harmless, found, putRight, unnoticed } = counts;
        const rate = cases === harmless ? '-' : `${(100 * rateOf(counts)).toFixed(1)} %`;
        return `${name.padEnd(22)}${[cases, harmless, found, putRight, unnoticed].map(cell).join(' ')}  ${rate.padStart(7)}`;
      }),
      `${this.cases} cases, ${this.calls} calls, ${this.waits} times a thread waited for the end of another`,
      `errors: ${JSON.stringify(this.codes)}; faults: ${this.faults.length}`,
    ];
  }
}

/** Of the changes that matter. */
function rateOf({ cases, harmless, unnoticed }: Counts): number {
  return cases === harmless ? 1 : 1 - unnoticed / (cases - harmless);
}
