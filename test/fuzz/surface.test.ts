// The whole public surface of pools and heaps, called with good and hostile arguments in any order, against a model. What
// fails is shrunk to the shortest sequence of calls. VMEM_TEST_SEED replays a run; VMEM_FUZZ_RUNS says how many sequences
// to run instead of as many as fit some seconds.

import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { Heap, type RestingHeap } from '@vmem-ts/allocator';
import { VMEM_MIN_POOL, Vmem, type BackendName, type PoolInfo } from '@vmem-ts/vmem-api';
import { MIB, POOL_DIR } from '../support/pools';
import { collectGarbageUntil, countFileMappings, countOpenFiles } from '../support/process-resources';
import { seedFor } from '../support/random';
import { Figures, callsOf, staticCall } from './commands';
import { COMMON, allocOf, duplicate, method, property, viewOf, type Method, type User } from './methods';
import { PoolModel, type World } from './model';
import * as values from './values';

const RUNS = process.env['VMEM_FUZZ_RUNS'];
const MILLISECONDS = 7000;

const terminated = (text: string, unit: 1 | 4): Buffer => {
  if (unit === 1) return Buffer.from(`${text}\0`);
  const points = Array.from(text, (char) => char.codePointAt(0)!);
  return Buffer.from(Uint32Array.of(...points, 0).buffer);
};

function ended(pool: PoolModel): void {
  pool.isDeleted = true;
  pool.blocks.clear();
}

/** Ends an attachment, or the pool. */
const end = (isForAll: boolean): Method =>
  method(
    1,
    [],
    (pool, _, user) => ({
      done: () => {
        if (isForAll) ended(pool);
        pool.isOpen[pool.attachments.indexOf(user)] = false;
      },
    }),
    true,
  );

/** A member that is missing here does not compile. */
const POOL_METHODS: Record<Exclude<keyof Vmem, symbol>, Method> & Record<typeof Symbol.dispose, Method> = {
  ...COMMON,
  alloc: allocOf(values.type),
  view: viewOf(values.type),
  strdup: duplicate((text) => terminated(text, 1)),
  wcsdup: duplicate((text) => terminated(text, 4)),
  statsPrint: method(1, [values.text], (_, [omit]) =>
    typeof omit === 'string' || omit === undefined ? {} : { must: ['EINVAL'] },
  ),
  info: method(1, [], (pool) => ({
    done: (info) => assert.equal((info as PoolInfo).size, pool.size),
  })),
  handle: property(),
  isOpen: property(),
  buffer: property(),
  backend: property(() => ({ done: (name) => assert.match(String(name), /^[a-z]+$/) })),
  byteOffset: property(() => ({ done: (n) => assert.equal(n, 0) })),
  size: property((pool) => ({ done: (n) => assert.equal(n, pool.size) })),
  fork: method(
    1,
    // no path: what is one starts a process
    [fc.constantFrom(...[undefined, null, 7, {}].map((none) => values.arg(typeof none, () => none)))],
    () => ({ must: ['EINVAL'] }),
  ),
  thaw: method(1, [], () => ({ done: (written) => assert.equal(written, 0) })),
  detach: end(false),
  delete: end(true),
  [Symbol.dispose]: end(true),
};

const countUsed = (heap: RestingHeap): number =>
  heap.used().reduce((sum, { byteLength }) => sum + byteLength, 0);

const HEAP_METHODS: Record<keyof Heap, Method> = {
  ...COMMON,
  alloc: allocOf(values.plainType),
  view: viewOf(values.plainType),
  handle: property(),
  buffer: property(),
  byteOffset: property(),
  size: property((pool) => ({ done: (n) => assert.equal(n, pool.size) })),
  isOpen: property(),
  atRest: method(
    1,
    [
      fc.constantFrom(
        values.arg('an action', () => countUsed),
        values.arg('none', () => undefined),
      ),
    ],
    (_, [action]) =>
      action === undefined ? { must: ['EINVAL'] } : { done: (bytes) => assert(Number(bytes) > 0) },
  ),
  detach: end(false),
  close: method(
    1,
    [],
    (pool) => ({
      done: () => {
        ended(pool);
      },
    }),
    true,
  ),
};

const HANDLES = fc.oneof(
  values.strange,
  values.withOneWrong(
    (pool) => pool.handle,
    ['backend', 'buffer', 'byteOffset', 'size', 'fd', 'file', 'sync', 'id'],
  ),
);
const OPTIONS = ['backend', 'maxSize', 'wholeDevice', 'threads', 'cacheBytes', 'policy'];
const BACKENDS: readonly BackendName[] = ['anonymous', 'anonymous', 'region', 'overlay'];

/** A pool that came of hostile arguments is one nonetheless. */
function useAndDelete(pool: Vmem): void {
  assert.equal(pool.check(), 1);
  pool.free(pool.malloc(100));
  pool.delete();
}

function useAndDetach(user: { check(): number; detach(): void }): void {
  assert.equal(user.check(), 1);
  user.detach();
}

const poolSize = fc.oneof(
  fc.constant(values.arg('14 MiB', () => VMEM_MIN_POOL)),
  values.strange,
  // larger ones are made, too, but wiping their tables takes its time
  values.anyNumber.map((number) =>
    values.arg(String(number), (pool) => {
      const n = number.make(pool) as number;
      return n > 2 ** 26 ? -n : n;
    }),
  ),
);

const POOL_STATICS: Record<Exclude<keyof typeof Vmem, 'prototype'> | 'constructor', unknown> = {
  create: staticCall(
    'Vmem.create',
    [
      fc.oneof(fc.constant(values.arg('a place', () => POOL_DIR)), values.text),
      poolSize,
      values.withOneWrong(() => ({ backend: 'anonymous' }), OPTIONS),
    ],
    ([dir, size, options]) => useAndDelete(Vmem.create(dir as string, size as number, options as object)),
  ),
  createInRegion: staticCall(
    'Vmem.createInRegion',
    [values.strange, values.withOneWrong(() => ({}), OPTIONS)],
    ([region, options], pool) => {
      if (region === pool.buffer) return; // what is there is lost: it says so
      useAndDelete(Vmem.createInRegion(region as SharedArrayBuffer, options as object));
    },
  ),
  attach: staticCall('Vmem.attach', [HANDLES], ([handle]) =>
    useAndDetach(Vmem.attach(handle as Vmem['handle'])),
  ),
  inherited: staticCall('Vmem.inherited', [values.text], ([name]) =>
    assert.equal(Vmem.inherited(name as string), null),
  ),
  constructor: staticCall(
    'new Vmem',
    [values.strange, values.strange, values.strange],
    (args) => {
      Reflect.construct(Vmem, args);
      assert.fail('a pool was made by its constructor');
    },
    /^EINVAL$/,
  ),
};

const HEAP_STATICS: Record<Exclude<keyof typeof Heap, 'prototype'>, unknown> = {
  create: staticCall(
    'Heap.create',
    [
      fc.oneof(fc.constant(values.arg('memory', () => new SharedArrayBuffer(MIB))), values.strange),
      values.withOneWrong(() => ({}), ['host', 'source', 'size', 'policy', 'threads', 'cacheBytes']),
    ],
    ([memory, options], pool) => {
      if (memory === pool.buffer) return; // as above
      useAndDetach(Heap.create(memory as SharedArrayBuffer, options as object));
    },
  ),
  attach: staticCall('Heap.attach', [HANDLES], ([handle]) =>
    useAndDetach(Heap.attach(handle as Heap['handle'])),
  ),
  // a heap that others use is none to adopt: no good handles here
  adopt: staticCall('Heap.adopt', [values.strange, values.strange], ([handle, storage]) =>
    useAndDetach(Heap.adopt(handle as Heap['handle'], storage as 'own')),
  ),
  storedRanges: staticCall('Heap.storedRanges', [HANDLES], ([handle]) =>
    assert([...Heap.storedRanges(handle as Heap['handle'])].length > 0),
  ),
};

function makePool(backend: BackendName): PoolModel {
  const pool =
    backend === 'region'
      ? Vmem.createInRegion(new SharedArrayBuffer(VMEM_MIN_POOL))
      : Vmem.create(POOL_DIR, VMEM_MIN_POOL, { backend, maxSize: 16 * MIB, policy: 'conservative' });
  return new PoolModel([pool, Vmem.attach(pool.handle)], pool.size);
}

function makeHeap(): PoolModel {
  const heap = Heap.create(new SharedArrayBuffer(MIB));
  return new PoolModel([heap, Heap.attach(heap.handle)], heap.size);
}

/** Blocks that there are from the start, so that short sequences have something to go wrong with. */
const SIZES = [8, 24, 24, 24, 104, 104, 3000, 3000, 16_384, 20_000, 150_000];

function worldOf(a: PoolModel, b: PoolModel): World {
  a.other = b;
  b.other = a;
  for (const pool of [a, b])
    for (const [i, size] of SIZES.entries()) {
      const user = pool.attachments[i % 2] as User;
      const ptr = user.malloc(size);
      pool.add(ptr, user.usableSize(ptr));
    }
  return { pools: [a, b] };
}

type Commands = Parameters<typeof fc.commands<World, Figures>>[0];

/** Runs sequences of commands on two pools of a kind, until time or number is up. */
function fuzz(
  title: string,
  commands: Commands,
  make: (backend: BackendName) => PoolModel,
  figures: Figures,
): void {
  let world: World | undefined;
  const property = fc.property(
    fc.commands(commands, { maxCommands: 60, size: 'max' }),
    fc.constantFrom(...BACKENDS),
    (calls, backend) => {
      world = worldOf(make(backend), make('anonymous'));
      const setup = { model: world, real: figures };
      try {
        fc.modelRun(() => setup, calls);
        for (const pool of world.pools) pool.finish();
        figures.cases++;
      } finally {
        for (const { attachments } of world.pools)
          for (const each of attachments) {
            if (each instanceof Vmem) each.delete();
          }
      }
    },
  );
  fc.assert(property, {
    seed: seedFor(title),
    ...(RUNS === undefined
      ? { numRuns: 1e9, interruptAfterTimeLimit: MILLISECONDS }
      : { numRuns: Number(RUNS) }),
  });
  const { cases, total, refusals } = figures;
  process.stdout.write(`${title}: ${cases} sequences, ${total} calls, ${refusals} of them refused\n`);
}

describe('any calls in any order', () => {
  let print: jest.SpyInstance;
  beforeEach(() => {
    print = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => print.mockRestore());

  it.each([
    ['pools', POOL_METHODS, POOL_STATICS, makePool],
    ['heaps', HEAP_METHODS, HEAP_STATICS, makeHeap],
  ] as const)(
    'of %s agree with a model',
    async (title, methods, statics, make) => {
      const before = { files: countOpenFiles(), mappings: countFileMappings() };
      const figures = new Figures();
      fuzz(`fuzz of ${title}`, [...callsOf(methods), ...(Object.values(statics) as Commands)], make, figures);
      const missing = Reflect.ownKeys(methods).filter((name) => !figures.calls.has(String(name)));
      // a busy machine has time for few
      if (figures.total > 5000) expect(missing).toEqual([]);
      expect(figures.cases).toBeGreaterThan(0);
      expect(countOpenFiles()).toBe(before.files);
      expect(await collectGarbageUntil(() => countFileMappings() <= before.mappings)).toBe(true);
    },
    RUNS === undefined ? 120_000 : 2 ** 31 - 1,
  );
});
