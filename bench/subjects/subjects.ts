// All subjects that run in Node, in the order of the tables.

import { codemixMalloc } from './codemix-malloc';
import { sharedBuffers, typedArrays, unsafeBuffers } from './collected';
import { control } from './control';
import { nativeMalloc } from './koffi';
import { libvmemNames } from './libvmem-names';
import type { Subject } from './subject';
import { thingMalloc } from './thing-malloc';
import { anonymous, heapAlone, overlay } from './vmem';

export const SUBJECTS: readonly Subject[] = [
  overlay,
  anonymous,
  libvmemNames,
  heapAlone,
  thingMalloc,
  codemixMalloc,
  unsafeBuffers,
  typedArrays,
  sharedBuffers,
  nativeMalloc,
  control,
];

export function subjectNamed(id: string): Subject {
  const subject = SUBJECTS.find((candidate) => candidate.id === id);
  if (subject === undefined) throw new Error(`there is no subject '${id}'`);
  return subject;
}
