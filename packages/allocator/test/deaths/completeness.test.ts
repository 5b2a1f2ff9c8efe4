// The operations in which threads die are all that a heap has.

import { Heap } from '@vmem-ts/allocator';
import { SUBJECTS, type Subject } from './acts/all';
import { recordingOf } from './matrix';
import { Naps } from '../support/naps';

/** Whether a call may write to what threads share. The compiler tells of a name that is missing here. */
const METHODS: Readonly<Record<keyof Heap, 'writes' | 'reads'>> = {
  malloc: 'writes',
  calloc: 'writes',
  realloc: 'writes',
  alignedAlloc: 'writes',
  relocate: 'writes',
  free: 'writes',
  mallocMany: 'writes',
  freeMany: 'writes',
  alloc: 'writes',
  blocks: 'writes',
  check: 'writes',
  checkReport: 'writes',
  stats: 'writes',
  purge: 'writes',
  atRest: 'writes',
  detach: 'writes',
  close: 'writes',
  usableSize: 'reads',
  contains: 'reads',
  blockAt: 'reads',
  view: 'reads',
  handle: 'reads',
  buffer: 'reads',
  byteOffset: 'reads',
  size: 'reads',
  isOpen: 'reads',
};
/** In `close.test`, since nobody lives on with the heap. */
const ELSEWHERE = ['close'];

/** The names of a heap that an operation uses, and how often it writes. */
function watched(subject: Subject, act: Subject['acts'][string]): { names: Set<string>; writes: number } {
  const names = new Set<string>();
  const { isAttached, grows } = subject;
  const { recording } = recordingOf({ hasBarrier: true, grows }, isAttached, (scene) => {
    const operation = act(scene);
    return () => {
      const restore = watchNames(names);
      try {
        operation();
      } finally {
        restore();
      }
    };
  });
  return { names, writes: recording.length - 1 };
}

/** Has the use of each name of a heap written down. */
function watchNames(names: Set<string>): () => void {
  const { prototype } = Heap;
  const originals = Object.keys(METHODS).map(
    (name) => [name, Object.getOwnPropertyDescriptor(prototype, name)!] as const,
  );
  for (const [name, { value, get }] of originals) {
    const noting = <T extends (...args: never[]) => unknown>(original: T) =>
      function (this: unknown, ...args: Parameters<T>): unknown {
        names.add(name);
        return Reflect.apply(original, this, args);
      };
    if (get !== undefined)
      Object.defineProperty(prototype, name, { configurable: true, get: noting(get as () => unknown) });
    else
      Object.defineProperty(prototype, name, { configurable: true, value: noting(value as () => unknown) });
  }
  return () => {
    for (const [name, descriptor] of originals) Object.defineProperty(prototype, name, descriptor);
  };
}

const seen = new Naps().during(() =>
  Object.values<Subject>(SUBJECTS).flatMap((subject) =>
    Object.entries(subject.acts).map(([title, act]) => ({ title, ...watched(subject, act) })),
  ),
);

test('threads die in every method of a heap that writes', () => {
  const needed = Object.entries(METHODS).filter(
    ([name, kind]) => kind === 'writes' && !ELSEWHERE.includes(name),
  );
  const missing = needed.filter(([name]) => !seen.some(({ names, writes }) => names.has(name) && writes > 0));
  expect(missing).toEqual([]);
});

test('who only reads leaves nothing', () => {
  const kinds = METHODS as Readonly<Record<string, string>>;
  const readers = seen.filter(({ names }) => [...names].every((name) => kinds[name] === 'reads'));
  const writing = readers.filter(({ writes }) => writes > 0).map(({ title }) => title);
  expect(writing.filter((title) => !title.startsWith('an attach'))).toEqual([]);
  const read = new Set(readers.flatMap(({ names }) => [...names]));
  const unread = Object.keys(METHODS).filter((name) => kinds[name] === 'reads' && !read.has(name));
  expect(unread).toEqual([]);
});

test('no two operations have one name', () => {
  const titles = seen.map(({ title }) => title);
  expect(new Set(titles).size).toBe(titles.length);
});
