import { runInNewContext } from 'node:vm';
import { VmemError } from '@vmem-ts/vmem-api';
import { asVmemError, failingAs } from '#src/pool/failures';
import { thrownBy } from '../support/thrown';

const withCode = (code: unknown): Error => Object.assign(new Error('it failed'), { code });

describe('asVmemError', () => {
  it('turns a failed system call into a VmemError with its code, and tells what was attempted', () => {
    const cause = withCode('ENOSPC');
    const error = asVmemError(cause, 'no pool can be made');
    expect(error).toBeInstanceOf(VmemError);
    expect(error).toMatchObject({ code: 'ENOSPC', message: 'no pool can be made: it failed', cause });
  });

  it('does so for an error of another realm', () => {
    const cause: unknown = runInNewContext("Object.assign(new Error('it failed'), { code: 'EROFS' })");
    expect(asVmemError(cause, 'what')).toMatchObject({ name: 'VmemError', code: 'EROFS', cause });
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

describe('failingAs', () => {
  it('returns what the act does, or throws its failure as a VmemError', () => {
    expect(failingAs('what', () => 7)).toBe(7);
    const act = (): never => {
      throw withCode('EIO');
    };
    expect(thrownBy(() => failingAs('what', act))).toMatchObject({ code: 'EIO', message: 'what: it failed' });
  });
});
