// What user code can transfer an ArrayBuffer to another thread with. Those of the pool stay: a thread that ends gives back
// all it has lent, which another one might be using. The receiver gets a copy, and the sender's buffer is detached: nobody
// can tell the difference but by the time it takes.

import { types } from 'node:util';
import workerThreads = require('node:worker_threads');
import { detachBuffer, isLent } from '../../native';
import { disguised, putInPlace } from './disguise';

/** For a buffer that is in a list twice, which the runtime complains of before it does anything. */
const STAND_IN = new ArrayBuffer(0);

/** Those that user code has marked. The runtime's own mark, which all of the pool bear, ends the process if it is given again. */
const untransferable = new WeakSet<ArrayBuffer>();
const UNTRANSFERABLE = new ArrayBuffer(0);
workerThreads.markAsUntransferable(UNTRANSFERABLE);

/** Prototypes of message ports whose `postMessage` is replaced. */
const replaced = new WeakSet<object>();

type AnyFunction = (...args: never[]) => unknown;
type Send = (message: unknown, options?: unknown) => unknown;

const { isArrayBuffer } = types;
const apply = Reflect.apply.bind(Reflect);

/** Replaces `structuredClone` and `postMessage` of message ports, which those of workers use, too. */
export function replaceTransfers(): void {
  const { structuredClone } = globalThis as unknown as { structuredClone: Send };
  putInPlace(globalThis, 'structuredClone', copyingTransfers(structuredClone, listInOptions));
  replacePosting(workerThreads.MessagePort.prototype);
  replaceMove();
  replaceMark();
}

/** Replaces `postMessage` of a prototype of message ports: each realm has one. */
function replacePosting(prototype: object): void {
  if (!Object.hasOwn(prototype, 'postMessage') || replaced.has(prototype)) return;
  const { postMessage } = prototype as { postMessage: Send };
  const post = copyingTransfers(
    postMessage,
    (options, lent) => listItself(options, lent) ?? listInOptions(options, lent),
  );
  putInPlace(prototype, 'postMessage', post);
  replaced.add(prototype);
}

/** Replaces `moveMessagePortToContext`, whose results are of another realm. */
function replaceMove(): void {
  const { moveMessagePortToContext: move } = workerThreads;
  const moving = disguised(move, (self, args) => {
    const port = apply(move, self, args) as object;
    replacePosting(Object.getPrototypeOf(port) as object);
    return port;
  });
  putInPlace(workerThreads, 'moveMessagePortToContext', moving);
}

/** Replaces `markAsUntransferable`, and what asks for the mark where the runtime has that. */
function replaceMark(): void {
  const owner = workerThreads as unknown as Record<string, ((value: unknown) => unknown) | undefined>;
  const { markAsUntransferable: mark, isMarkedAsUntransferable: isMarked } = owner;
  const isOfPool = (value: unknown): value is ArrayBuffer => isArrayBuffer(value) && isLent(value);
  putInPlace(
    owner,
    'markAsUntransferable',
    disguised(mark!, (self, args) => {
      const [value] = args;
      return isOfPool(value) ? void untransferable.add(value) : apply(mark!, self, args);
    }),
  );
  if (isMarked === undefined) return;
  putInPlace(
    owner,
    'isMarkedAsUntransferable',
    disguised(isMarked, (self, args) => {
      const [value] = args;
      return isOfPool(value) ? untransferable.has(value) : apply(isMarked, self, args);
    }),
  );
}

/**
 * `send`, with ArrayBuffers of the pool copied that are in its list of transfers.
 * @param without makes of the caller's options, or list, one without them; undefined if there is no list
 */
function copyingTransfers(
  send: Send,
  without: (options: object, lent: Set<ArrayBuffer>) => object | undefined,
): AnyFunction {
  return disguised(send, (self, args) => {
    const [message, options] = args;
    const lent = new Set<ArrayBuffer>();
    const others = typeof options === 'object' && options !== null ? without(options, lent) : undefined;
    if (others === undefined) return apply(send, self, args);
    const result: unknown = apply(send, self, [message, others]);
    lent.forEach(detachBuffer);
    return result;
  });
}

function listInOptions(options: object, lent: Set<ArrayBuffer>): object | undefined {
  const { transfer } = options as { transfer?: unknown };
  return isIterable(transfer) ? { transfer: withoutLent(transfer, lent) } : undefined;
}

/** What is not iterable after all is taken for options by the runtime. */
function listItself(list: object, lent: Set<ArrayBuffer>): object | undefined {
  if (!isIterable(list)) return undefined;
  const asOptions = {
    get transfer(): unknown {
      return (list as { transfer?: unknown }).transfer;
    },
  };
  return Object.assign(asOptions, withoutLent(list, lent));
}

/** What the runtime may transfer of a list, which it reads as it would read that list; the rest is put into `lent`. */
function withoutLent(list: Iterable<unknown>, lent: Set<ArrayBuffer>): Iterable<unknown> {
  const begin = (): Iterator<unknown> => {
    const iterator = list[Symbol.iterator]() as Iterator<unknown> | undefined;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- applied to the iterator
    const next: unknown = iterator?.next;
    // the runtime has words for what is no iterator
    if (typeof next !== 'function') return iterator!;
    let again: ArrayBuffer | undefined;
    return {
      next() {
        for (;;) {
          if (again !== undefined) {
            const value = again;
            again = undefined;
            return { done: false, value };
          }
          const step = apply(next, iterator, []) as IteratorResult<unknown>;
          if (step.done === true || !isArrayBuffer(step.value) || !isLent(step.value)) return step;
          if (untransferable.has(step.value)) return { done: false, value: UNTRANSFERABLE };
          if (!lent.has(step.value)) {
            lent.add(step.value);
          } else {
            again = STAND_IN;
            return { done: false, value: STAND_IN };
          }
        }
      },
    };
  };
  return { [Symbol.iterator]: begin };
}

function isIterable(list: unknown): list is Iterable<unknown> {
  if (typeof list !== 'object' || list === null) return false;
  return typeof (list as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function';
}
