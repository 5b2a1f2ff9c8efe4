import { VmemError } from '@vmem-ts/vmem-api';
import { asVmemError } from '#src/pool/failures';

const withCode = (code: unknown): Error => Object.assign(new Error('it failed'), { code });

describe('asVmemError', () => {
  it('turns a failed system call into a VmemError with its code, and tells what was attempted', () => {
    const cause = withCode('ENOSPC');
    const error = asVmemError(cause, 'no pool can be made');
    expect(error).toBeInstanceOf(VmemError);
    expect(error).toMatchObject({ code: 'ENOSPC', message: 'no pool can be made: it failed', cause });
  });

  it('leaves a VmemError as it is', () => {
    const error = new VmemError('EINVAL', 'no');
    expect(asVmemError(error, 'what')).toBe(error);
  });

  it.each([
    ['an error without a code', new Error('defect')],
    ['an error with a number for a code', withCode(28)],
    ['an error with a code of the runtime', withCode('ERR_SOMETHING')],
    ['no error at all', 'ENOSPC'],
    ['null', null],
  ])('leaves %s as it is', (_, thrown) => {
    expect(asVmemError(thrown, 'what')).toBe(thrown);
  });
});
