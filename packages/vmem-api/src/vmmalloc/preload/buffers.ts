// All that makes buffers, in the order in which it has to be replaced.

import bufferModule = require('node:buffer');
import { canLendShared } from '../../native';
import { replaceBufferFunctions } from './buffer-functions';
import { replaceConstructors } from './constructors';
import { disguiseTexts } from './disguise';
import type { Lender } from './lender';
import { replaceResults } from './results';
import { replaceTransfers } from './transfers';

/** From now on the calling thread's buffers of `lender.minSize` bytes and more are in the pool. */
export function replaceBuffers(lender: Lender): void {
  disguiseTexts();
  replaceTransfers();
  replaceResults(lender);
  replaceBufferFunctions(lender, bufferModule);
  replaceConstructors(lender, canLendShared(), heirsOf(Uint8Array));
}

/** The functions of Node.js that inherit static methods of `Class`. */
function heirsOf(Class: object): object[] {
  const { SlowBuffer } = bufferModule as { SlowBuffer?: object };
  const candidates = [Buffer, ...(SlowBuffer === undefined ? [] : [SlowBuffer])];
  return candidates.filter((found) => Object.getPrototypeOf(found) === Class);
}
