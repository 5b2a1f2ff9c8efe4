// The version of the interface, and the last error's message.

import { constants } from 'node:os';
import {
  SIZE_MAX,
  VMEM_MAJOR_VERSION,
  VMEM_MINOR_VERSION,
  VMEM_MIN_POOL,
  errno,
  setErrno,
  vmem_check_version,
  vmem_check_versionU,
  vmem_check_versionW,
  vmem_create,
  vmem_create_in_region,
  vmem_delete,
  vmem_errormsg,
  vmem_errormsgU,
  vmem_errormsgW,
  vmem_free,
  vmem_malloc,
} from '@vmem-ts/vmem-api/libvmem';
import { nextMessage, startWorker } from '../../support/worker';
import { outcome, script } from './forms';

it('vmem_errormsg is empty before the first error, and errno 0', () => {
  expect([errno(), vmem_errormsg()]).toEqual([0, '']);
});

describe('vmem_check_version', () => {
  it('is the header’s', () => {
    expect([VMEM_MAJOR_VERSION, VMEM_MINOR_VERSION, VMEM_MIN_POOL, SIZE_MAX]).toEqual([
      1,
      1,
      14 << 20,
      2 ** 64,
    ]);
  });

  it.each([vmem_check_version, vmem_check_versionU, vmem_check_versionW])(
    'is NULL for what there is',
    (check) => {
      expect(outcome(() => check(VMEM_MAJOR_VERSION, VMEM_MINOR_VERSION))).toEqual([null, '']);
      expect(outcome(() => check(VMEM_MAJOR_VERSION, 0))).toEqual([null, '']);
    },
  );

  it.each([
    [2, 1, 'libvmem major version mismatch (need 2, found 1)'],
    [2, 0, 'libvmem major version mismatch (need 2, found 1)'],
    [0, 0, 'libvmem major version mismatch (need 0, found 1)'],
    [1, 2, 'libvmem minor version mismatch (need 2, found 1)'],
  ])('says what is wrong with %d.%d, and sets no errno', (major, minor, message) => {
    expect(outcome(() => vmem_check_version(major, minor))).toEqual([message, '']);
    expect(vmem_errormsg()).toBe(message);
  });

  it.each([-1, NaN, undefined, '1', {}])('fails for %p', (wrong) => {
    expect(vmem_check_version(wrong as number, 0)).toContain('major');
    expect(vmem_check_version(1, wrong as number)).toContain('minor');
  });
});

describe('vmem_errormsg', () => {
  const create = (): ReturnType<typeof vmem_create_in_region> =>
    vmem_create_in_region(new SharedArrayBuffer(VMEM_MIN_POOL), VMEM_MIN_POOL);

  it('tells of the last error, until the next one', () => {
    vmem_create_in_region(new ArrayBuffer(10), 10);
    const message = vmem_errormsg();
    expect(message).toContain('10');
    expect([vmem_errormsgU(), vmem_errormsgW()]).toEqual([message, message]);
    expect(errno()).toBe(constants.errno.EINVAL);
    const vmp = create();
    vmem_free(vmp, vmem_malloc(vmp, 100));
    expect([errno(), vmem_errormsg()]).toEqual([constants.errno.EINVAL, message]);
    vmem_malloc(vmp, VMEM_MIN_POOL);
    expect([errno(), vmem_errormsg()]).toEqual([constants.errno.ENOMEM, expect.stringContaining('memory')]);
    setErrno(0);
    vmem_delete(vmp);
    expect(errno()).toBe(0);
  });

  it('is each thread’s own', async () => {
    vmem_create('no such directory', 1);
    const message = vmem_errormsg();
    const number = errno();
    const worker = startWorker(script('failing'), undefined);
    const [before, after] = await nextMessage<[[number, string], [number, string]]>(worker);
    expect(before).toEqual([0, '']);
    expect(after).toEqual([constants.errno.EFAULT, expect.stringContaining('0x3039')]);
    expect([errno(), vmem_errormsg()]).toEqual([number, message]);
  });
});
