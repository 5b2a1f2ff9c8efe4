// One case: a heap is made, one word of it is damaged, `check` looks at it, and then everything is done with it that can
// be done with a heap.

import { VmemError, type Heap, type VmemErrorCode } from '@vmem-ts/allocator';
import { Random } from '../support/random';
import { damageOne, type Damage } from './damage';
import { Scene } from './scene';

/** What `check` made of the damage. */
export type Outcome =
  | 'found' // it reports it, or throws
  | 'put right' // a lock that nobody has: what it protects is rebuilt
  | 'unnoticed';

export interface Trial {
  readonly seed: number;
  readonly structure: string;
  readonly field: string;
  readonly damage: string;
  /** Why the damage does no harm, if it does not. */
  readonly harmless: string | undefined;
  readonly outcome: Outcome;
  /** Codes of the errors that calls threw, and how often. */
  readonly codes: Readonly<Record<string, number>>;
  readonly calls: number;
  /** Times that a thread was waited for until it ended. */
  readonly waits: number;
  /** What must not be. */
  readonly faults: readonly string[];
}

/** Milliseconds that no call takes, but on a machine that does something else. */
const LONG = 10_000;

/** What calls throw besides ECORRUPT, and where the damage makes that true. */
const ALSO: Readonly<Record<string, (damage: Damage) => boolean>> = {
  // the word of the state, or of the format, says what it says of a heap that was deleted, or is of another version
  ECLOSED: ({ place }) => place.structure === 'identity',
  EINVAL: ({ place }) => place.structure === 'identity',
};

type Call = (scene: Scene, random: Random) => unknown;
type Named = readonly [name: string, allowed: readonly VmemErrorCode[], call: Call];

const ofLive: readonly VmemErrorCode[] = ['EBADPTR', 'EDOUBLEFREE'];
const anyHeap = ({ heaps }: Scene, random: Random): Heap => random.pick(heaps);
const someSize = (random: Random): number =>
  random.chance(15) ? random.between(16_385, 300_000) : random.size(16_384);

function keep({ live }: Scene, ptr: number): void {
  if (ptr !== 0) live.push(ptr);
}

function garbage({ inner, live }: Scene, random: Random): unknown {
  const { size } = inner.region;
  switch (random.below(5)) {
    case 0:
      return random.below(size / 4096) * 4096;
    case 1:
      return random.below(size);
    case 2:
      return random.pick([-8, size, size + 4096, 2 ** 40, NaN, 1.5, '8', undefined]);
    case 3:
      return (live.length > 0 ? random.pick(live) : 0) + random.pick([8, 4, 4096, -4096]);
    default:
      return inner.i32[random.below(inner.i32.length)];
  }
}

const CALLS: readonly Named[] = [
  ['malloc', [], (scene, random) => keep(scene, anyHeap(scene, random).malloc(someSize(random)))],
  ['malloc', [], (scene, random) => keep(scene, anyHeap(scene, random).malloc(random.size(3000)))],
  [
    'calloc',
    [],
    (scene, random) => keep(scene, anyHeap(scene, random).calloc(random.between(1, 4), someSize(random))),
  ],
  [
    'alignedAlloc',
    [],
    (scene, random) =>
      keep(scene, anyHeap(scene, random).alignedAlloc(2 ** random.below(16), someSize(random))),
  ],
  [
    'alloc',
    ['ENOMEM'],
    (scene, random) => anyHeap(scene, random).alloc(Uint8Array, someSize(random)).fill(1),
  ],
  [
    'mallocMany',
    [],
    (scene, random) => {
      const some: number[] = [];
      const count = anyHeap(scene, random).mallocMany(random.size(2000), random.between(1, 400), some);
      scene.live.push(...some.slice(0, count));
    },
  ],
  ['free', ofLive, (scene, random) => anyHeap(scene, random).free(scene.takeLive())],
  ['free', ofLive, (scene, random) => anyHeap(scene, random).free(scene.takeLive())],
  [
    'free of garbage',
    ofLive,
    (scene, random) => anyHeap(scene, random).free(garbage(scene, random) as number),
  ],
  [
    'freeMany',
    ofLive,
    (scene, random) => {
      const some = Array.from({ length: random.between(1, 40) }, () => scene.takeLive());
      anyHeap(scene, random).freeMany(random.chance(50) ? some : Float64Array.from(some));
    },
  ],
  [
    'realloc',
    ofLive,
    (scene, random) => keep(scene, anyHeap(scene, random).realloc(scene.takeLive(), someSize(random))),
  ],
  [
    'usableSize',
    ofLive,
    (scene, random) => anyHeap(scene, random).usableSize(random.pick([...scene.live, 0])),
  ],
  [
    'view',
    [...ofLive, 'EINVAL'],
    (scene, random) =>
      anyHeap(scene, random)
        .view(Uint8Array, random.pick([...scene.live, 8]), someSize(random))
        .fill(2),
  ],
  ['contains', [], (scene, random) => anyHeap(scene, random).contains(garbage(scene, random))],
  ['blockAt', [], (scene, random) => anyHeap(scene, random).blockAt(garbage(scene, random) as number)],
  ['blocks', [], (scene, random) => [...anyHeap(scene, random).blocks()].length],
  ['stats', [], (scene, random) => anyHeap(scene, random).stats()],
  ['check', [], (scene, random) => anyHeap(scene, random).check()],
  ['purge', [], (scene, random) => anyHeap(scene, random).purge()],
  // no slot or no pages where the damage took them away
  ['attach', ['EAGAIN', 'ENOMEM'], (scene) => void scene.attach()],
  [
    'detach',
    [],
    ({ heaps }, random) => {
      if (heaps.length < 3) return;
      const [heap] = heaps.splice(random.below(heaps.length), 1);
      heap.detach();
    },
  ],
];

class Course {
  readonly codes: Record<string, number> = {};
  readonly faults: string[] = [];
  calls = 0;

  constructor(
    private readonly scene: Scene,
    private readonly damage: Damage,
  ) {}

  /** Does one thing; whatever it throws is judged. True if it threw nothing. */
  do(name: string, allowed: readonly VmemErrorCode[], call: () => unknown): boolean {
    this.calls++;
    this.scene.beginWaiting();
    const start = performance.now();
    try {
      call();
      return true;
    } catch (error) {
      this.judge(name, allowed, error);
      return false;
    } finally {
      const duration = performance.now() - start;
      if (duration > LONG) this.faults.push(`${name} took ${Math.round(duration)} ms`);
    }
  }

  private judge(name: string, allowed: readonly VmemErrorCode[], error: unknown): void {
    if (!(error instanceof VmemError)) {
      this.faults.push(`${name} threw ${String((error as Error).stack)}`);
      return;
    }
    const { code } = error;
    this.codes[code] = (this.codes[code] ?? 0) + 1;
    if (code === 'ECORRUPT' || allowed.includes(code) || ALSO[code]?.(this.damage)) return;
    this.faults.push(`${name} threw ${code}: ${error.message}`);
  }
}

/** Where a thread may be waited for until it ends: who says that it is at work is believed, and how many slots there are. */
const WAITED_FOR = ['locks', 'slots', 'who has another slot', 'who has the own slot', 'identity'];

export function runTrial(seed: number, calls: number): Trial {
  const random = new Random(seed);
  const scene = new Scene(random);
  const healthy = scene.heap.checkReport();
  const damage = damageOne(scene, random);
  const { place, old, now, harmless } = damage;
  const course = new Course(scene, damage);
  if (healthy.result !== 1) course.faults.push(`before: ${JSON.stringify(healthy.problems[0])}`);
  const outcome = look(scene, damage, course);
  for (let i = 0; i < calls; i++) {
    const [name, allowed, call] = random.pick(CALLS);
    course.do(name, allowed, () => call(scene, random));
  }
  course.do('check', [], () => scene.heaps[0].check());
  for (const heap of scene.heaps) course.do('detach', [], () => heap.detach());
  const { faults } = course;
  if (!scene.isGuarded) faults.push('something was written outside of the region');
  if (scene.waits > 0 && !WAITED_FOR.includes(place.structure))
    faults.push(`waited ${scene.waits} times for a thread to end`);
  return {
    seed,
    structure: place.structure,
    field: place.field,
    damage: `word ${place.word}: ${old} became ${now}`,
    harmless,
    outcome,
    codes: course.codes,
    calls: course.calls,
    waits: scene.waits,
    faults,
  };
}

/** What `check` says; the damage is as before then, unless it was put right. */
function look(scene: Scene, { place, old, now }: Damage, course: Course): Outcome {
  const { i32 } = scene.inner;
  let result: unknown;
  const isDone = course.do('check', [], () => (result = scene.heap.check()));
  if (!isDone || result === 0) return 'found';
  return i32[place.word] === now || i32[place.word] !== old ? 'unnoticed' : 'put right';
}
