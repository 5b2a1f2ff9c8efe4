// What a caller in JavaScript can put in the place of an argument.

import { Vmem } from '@vmem-ts/vmem-api';
import { PmemKind } from '@vmem-ts/vmem-api/memkind';

/** @param onCode is called where code of one of the values is run */
export function anyValues(onCode: () => void): unknown[] {
  const trap = (): never => {
    onCode();
    throw new Error('trapped');
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const detached = new Uint8Array(8);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  return [
    undefined,
    null,
    true,
    0,
    -0,
    1,
    -1,
    0.5,
    5e-324,
    NaN,
    Infinity,
    -Infinity,
    4096,
    2 ** 31,
    2 ** 53,
    2 ** 64,
    '',
    '8',
    '\ud800\0',
    0n,
    8n,
    Symbol('value'),
    [],
    [8],
    {},
    { valueOf: trap, toString: trap, [Symbol.toPrimitive]: trap, toJSON: trap },
    revoked.proxy,
    new Date(NaN),
    new ArrayBuffer(8),
    new SharedArrayBuffer(8),
    new Uint8Array(8),
    new DataView(new ArrayBuffer(8)),
    detached,
    detached.buffer,
    Object.create(null),
    Object.freeze({ value: null }),
    // they look like handles
    Object.create(Vmem.prototype),
    Object.create(PmemKind.prototype),
    Vmem.prototype,
    PmemKind.prototype,
  ];
}
