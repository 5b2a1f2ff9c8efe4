// What this thread keeps beside each VMEM that it got from libvmem: a number, and what the pool was made in. The log names
// pools by them.

import type { Vmem } from '../vmem';
import { SideBlock } from './side-memory';

interface PoolRecord {
  /** The number, in 4 bytes. */
  readonly number: SideBlock;
  readonly name: SideBlock;
}

const NUMBER_BYTES = 4;

const records = new WeakMap<Vmem, PoolRecord>();
let poolsMade = 0;

/** @throws VmemError ENOMEM if there is no memory on the side */
export function recordPool(pool: Vmem, name: string): void {
  const number = SideBlock.allocate(NUMBER_BYTES);
  try {
    records.set(pool, { number, name: SideBlock.copyOf(name) });
  } catch (error) {
    number.free();
    throw error;
  }
  poolsMade = (poolsMade + 1) >>> 0;
  number.buffer.writeUInt32LE(poolsMade);
}

export function forgetPool(pool: Vmem): void {
  const record = records.get(pool);
  if (record === undefined) return;
  records.delete(pool);
  try {
    record.name.free();
  } finally {
    record.number.free();
  }
}

/** The pool as the log names it. */
export function nameOf(pool: Vmem): string {
  const record = records.get(pool);
  if (record === undefined) return 'a pool';
  const { number, name } = record;
  // whoever provides the memory may have detached it
  if (number.length < NUMBER_BYTES || name.length === 0) return 'a pool';
  return `pool ${number.buffer.readUInt32LE()} (${name.buffer.toString('utf8', 0, name.length - 1)})`;
}
