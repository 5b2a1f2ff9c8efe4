import { constants } from 'node:os';
import { VmemError } from '@vmem-ts/vmem-api';
import { errno, errnoOf, errorMessage, remember, setErrno } from '#src/c/errno';

describe('the last error', () => {
  it('is none before the first, stays, and can be set', () => {
    expect([errno(), errorMessage()]).toEqual([0, '']);
    remember(new VmemError('ENOSPC', 'no space'));
    expect([errno(), errorMessage()]).toEqual([constants.errno.ENOSPC, 'no space']);
    setErrno(0);
    expect([errno(), errorMessage()]).toEqual([0, 'no space']);
  });

  it('is never one of the caller’s code', () => {
    const theirs = new Error('theirs');
    expect(() => {
      remember(theirs);
    }).toThrow(theirs);
    expect(errorMessage()).not.toBe('theirs');
  });
});

it.each([
  ['EINVAL', 'EINVAL'],
  ['EBADPTR', 'EFAULT'],
  ['EDOUBLEFREE', 'EFAULT'],
  ['ECLOSED', 'EBADF'],
  ['ECORRUPT', 'EIO'],
  ['ENOTSUP', 'ENOTSUP'],
] as const)('%s is %s in C', (code, name) => {
  expect(errnoOf(new VmemError(code, ''))).toBe(constants.errno[name]);
});
