// The operations in which threads die, by subject.

import type { Act } from '../matrix';
import type { Place } from '../scene';
import { ATTACHING_ACTS } from './attaching';
import { MANY_ACTS } from './many';
import { PAGE_ACTS } from './pages';
import { SMALL_ACTS } from './small';
import { CONSERVATIVE_ACTS, GROWING_ATTACH, STORAGE_ACTS } from './storage';
import { WHOLE_ACTS } from './whole';

export interface Subject {
  readonly acts: Readonly<Record<string, Act>>;
  readonly grows?: NonNullable<Place['grows']>;
  /** False if the acts are how the thread attaches. */
  readonly isAttached: boolean;
}

export const SUBJECTS = {
  'blocks of slabs': { acts: SMALL_ACTS, isAttached: true },
  'blocks of whole pages': { acts: PAGE_ACTS, isAttached: true },
  'many blocks': { acts: MANY_ACTS, isAttached: true },
  'the whole heap': { acts: WHOLE_ACTS, isAttached: true },
  attaching: { acts: ATTACHING_ACTS, isAttached: false },
  storage: { acts: STORAGE_ACTS, grows: 'default', isAttached: true },
  'storage that is given back at once': { acts: CONSERVATIVE_ACTS, grows: 'conservative', isAttached: true },
  'attaching where the heap must grow': { acts: GROWING_ATTACH, grows: 'default', isAttached: false },
} as const satisfies Record<string, Subject>;
