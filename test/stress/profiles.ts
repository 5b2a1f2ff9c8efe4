// What blocks a load is made of. A run goes through all of them again and again, so that sizes shift.

import type { Random } from '../support/random';
import { LEAST_SIZE } from './cookies';
import { PLACES } from './ledger';

export interface Profile {
  readonly name: string;
  /** Bytes of a new block; `mean` of them on average. */
  size(random: Random): number;
  readonly mean: number;
  /** Share of a pool that the blocks of all workers take; above 1 memory is out most of the time. */
  readonly share: number;
}

const upTo =
  (most: number) =>
  (random: Random): number =>
    LEAST_SIZE + random(most - LEAST_SIZE);

export const PROFILES: readonly Profile[] = [
  { name: 'small', size: upTo(128), mean: 68, share: 0.3 },
  { name: 'medium', size: upTo(2048), mean: 1024, share: 0.4 },
  { name: 'pages', size: (random) => 4096 * (1 + random(12)) - random(64), mean: 26_600, share: 0.5 },
  { name: 'one size', size: () => 96, mean: 96, share: 0.3 },
  {
    name: 'each magnitude',
    size: (random) => LEAST_SIZE + random(2 ** (3 + random(14))),
    mean: 9600,
    share: 0.5,
  },
  { name: 'runs', size: (random) => 16_385 + random(114_000), mean: 73_000, share: 0.5 },
  {
    name: 'small and large',
    size: (random) => (random(200) === 0 ? 200_000 + random(400_000) : 16 + random(600)),
    mean: 2300,
    share: 0.4,
  },
  {
    name: 'too much',
    size: (random) => (random(8) === 0 ? random(60_000) : 300) + LEAST_SIZE,
    mean: 4000,
    share: 1.3,
  },
];

/** How many blocks one of `workers` has at most, half of which it has on average. */
export function placesFor({ mean, share }: Profile, poolBytes: number, workers: number): number {
  return Math.min(PLACES, Math.max(16, Math.floor((2 * share * poolBytes) / workers / mean)));
}
