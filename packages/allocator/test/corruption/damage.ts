// One word of a heap's own data that rots, and what it becomes.

import { Identity, Slot, slotAt, tokenOf } from '#src/layout/region-layout';
import type { Random } from '../support/random';
import { THREADS, type Scene } from './scene';
import { placesOf, type Place } from './places';

export interface Damage {
  readonly place: Place;
  readonly old: number;
  readonly now: number;
  /** Why it matters to nobody, if it does not. */
  readonly harmless: string | undefined;
}

/** Damages one word of the scene's heap; all structures alike, however many words they have. */
export function damageOne(scene: Scene, random: Random): Damage {
  const { inner } = scene;
  const places = placesOf(inner);
  const structure = random.pick([...new Set(places.map((place) => place.structure))]);
  const place = random.pick(places.filter((each) => each.structure === structure));
  const old = inner.i32[place.word];
  let now = valueFor(scene, place, old, random);
  if (now === old) now = old ^ (1 << random.below(32));
  inner.i32[place.word] = now;
  return { place, old, now, harmless: place.harmless(old, now) };
}

function valueFor({ inner }: Scene, { structure, word }: Place, old: number, random: Random): number {
  const { i32, region } = inner;
  if (structure === 'locks' && random.chance(20)) {
    // a thread that lives, or lived, and has not got it
    const slot = random.below(THREADS);
    return tokenOf(slot, i32[slotAt(slot) + Slot.generation]);
  }
  switch (random.below(10)) {
    case 0:
      return random.word() | 0;
    case 1:
      return old + random.pick([1, -1]);
    case 2:
      return random.pick([0, -1, 1, -old]);
    case 3:
      return i32[random.between(Identity.start, region.firstDataPage * 1024 - 1)];
    case 4:
      return i32[word + random.pick([-8, -2, -1, 1, 2, 8])];
    case 5:
      return random.below(region.pages + 2);
    default:
      return old ^ (1 << random.below(32));
  }
}
