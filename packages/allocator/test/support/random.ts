// Random numbers that can be had again: each random test prints its seed, and VMEM_TEST_SEED replays it.

import { randomInt } from 'node:crypto';

/** Mulberry32: 32 bits of state, good enough to choose operations and sizes by. */
export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed | 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  word(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** A size of a block: mostly small, each magnitude alike, up to `most`. */
  size(most: number): number {
    return this.below(2 ** this.between(0, Math.floor(Math.log2(most))) + 1);
  }

  shuffle(items: number[]): number[] {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
    return items;
  }
}

/** The seed of `name`: that of VMEM_TEST_SEED, or a new one. */
export function seedFor(name: string): number {
  const given = process.env.VMEM_TEST_SEED;
  const seed = given === undefined ? randomInt(2 ** 32) : Number(given);
  process.stderr.write(`${name}: VMEM_TEST_SEED=${seed}\n`);
  return seed;
}

export function randomFor(name: string): Random {
  return new Random(seedFor(name));
}
