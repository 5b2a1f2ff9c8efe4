// What a process tells the one that it starts about pools that it has for it: which of its descriptors are their files. It
// stands in the environment, since the program there may ask before anything else is to be had.

import { VmemError, readingFrom, type HeapHandle } from '@vmem-ts/allocator';
import { fileInfo } from '../native';

const VARIABLE = 'VMEM_TS_INHERITED';

export interface InheritedPool {
  readonly name: string;
  /** The number that the descriptor has in the new process. */
  readonly fd: number;
  /** Tells whether it is: the variable may reach processes further down that don't have the descriptor. */
  readonly file: string;
  readonly size: number;
  readonly id: HeapHandle['id'];
  /** Whether the file is the new process' own, or still that of the pool. */
  readonly storage: 'own' | 'borrowed';
}

/** The environment of a process that gets these pools. */
export function environmentWith(env: NodeJS.ProcessEnv, pools: readonly InheritedPool[]): NodeJS.ProcessEnv {
  const others = Object.entries(env).filter(([name]) => name !== VARIABLE);
  return Object.fromEntries(pools.length === 0 ? others : [...others, [VARIABLE, JSON.stringify(pools)]]);
}

/**
 * What this process was told, which is forgotten by that: processes that it starts don't hear it.
 * @throws VmemError EINVAL if somebody else has written the variable
 */
export function takeMessage(): InheritedPool[] {
  const text = process.env[VARIABLE];
  if (text === undefined) return [];
  Reflect.deleteProperty(process.env, VARIABLE);
  return readingFrom(VARIABLE, () => (JSON.parse(text) as unknown[]).map(poolOf)).filter(isHere);
}

function poolOf(value: unknown): InheritedPool {
  const { name, fd, file, size, id, storage } = value as InheritedPool;
  const isNamed = typeof name === 'string' && typeof file === 'string' && Array.isArray(id);
  const isKnown = (storage as unknown) === 'own' || (storage as unknown) === 'borrowed';
  if (!isNamed || !isKnown || !Number.isInteger(fd) || fd < 3 || !Number.isSafeInteger(size)) {
    throw new VmemError('EINVAL', `${VARIABLE}: expected what Vmem#fork writes there`);
  }
  return { name, fd, file, size, id, storage };
}

function isHere({ fd, file }: InheritedPool): boolean {
  try {
    return fileInfo(fd).id === file;
  } catch {
    return false;
  }
}
