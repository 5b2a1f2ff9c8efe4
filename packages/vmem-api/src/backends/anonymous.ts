// Plain shared memory: needs nothing, has no file. The runtime frees it when the last thread has dropped it.

import { runtimeLimit } from '../pool/limits';
import type { Backend } from './backend';
import { fileless } from './share';

const nothing = (): void => undefined;
const LEFT_TO_THE_RUNTIME = { zeroed: true, vanishes: false, release: nothing, leave: nothing };

export const anonymous: Backend = {
  unavailable: () => undefined,

  create(_dir, size) {
    let buffer: SharedArrayBuffer;
    try {
      // a growable buffer begins at a page, and its pages take no memory until they are touched
      buffer = new SharedArrayBuffer(size, { maxByteLength: size });
    } catch (error) {
      throw runtimeLimit(size, error);
    }
    return fileless('anonymous', { buffer, byteOffset: 0, size, fd: -1 }, LEFT_TO_THE_RUNTIME);
  },

  attach: (share) => fileless('anonymous', share, LEFT_TO_THE_RUNTIME),
};
