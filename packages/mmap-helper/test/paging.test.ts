import { ftruncateSync } from 'node:fs';
import {
  advise,
  closeFile,
  mapFile,
  openUnnamedFile,
  overlayFile,
  reserve,
  sync,
} from '@vmem-ts/mmap-helper';
import type { Advice } from '@vmem-ts/mmap-helper';
import { testOnSmallDisk } from './support/small-disk.js';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';

const MIB = 2 ** 20;

function overlaid(): { buffer: SharedArrayBuffer; bytes: Uint8Array; fd: number } {
  const fd = tempFile(MIB);
  const buffer = reserve(MIB);
  overlayFile(buffer, 0, MIB, fd, 0, 'shared');
  return { buffer, bytes: new Uint8Array(buffer, 0, MIB), fd };
}

describeWithAddon('advise', () => {
  it.each<Advice>([
    'normal',
    'random',
    'sequential',
    'willneed',
    'dontneed',
    'cold',
    'pageout',
    'populate-read',
    'populate-write',
    'dontdump',
    'dodump',
  ])("takes '%s' for a shared file, whose contents stay", (advice) => {
    const { buffer, bytes, fd } = overlaid();
    bytes.fill(3);
    advise(buffer, 0, MIB, advice);
    expect(bytes.every((byte) => byte === 3)).toBe(true);
    advise(mapFile(fd, 0, 100, 'shared'), 0, 100, advice);
    bytes.fill(4);
  });

  it('takes advice on huge pages, where the kernel knows them', () => {
    const buffer = reserve(4 * MIB);
    for (const advice of ['hugepage', 'nohugepage'] as const) {
      try {
        advise(buffer, 0, 4 * MIB, advice);
      } catch (error) {
        expect(error).toMatchObject({ code: 'EINVAL', syscall: 'madvise' });
      }
    }
  });

  it("empties memory without a file on 'dontneed'", () => {
    const buffer = reserve(MIB);
    const bytes = new Uint8Array(buffer, 0, MIB).fill(1);
    advise(buffer, 4096, 4096, 'dontneed');
    expect([bytes[0], bytes[4096], bytes[8192]]).toEqual([1, 0, 1]);
  });

  testOnSmallDisk('tmpfs', 1, "reports on 'populate-write' what would kill the process", (disk) => {
    const fd = openUnnamedFile(disk.dir);
    ftruncateSync(fd, 2 * MIB); // sparse
    const buffer = reserve(2 * MIB);
    overlayFile(buffer, 0, 2 * MIB, fd, 0, 'shared');
    expect(thrownBy(() => advise(buffer, 0, 2 * MIB, 'populate-write'))).toMatchObject({
      code: 'EFAULT',
      errno: 14,
      syscall: 'madvise',
      range: { offset: 0, length: 2 * MIB },
    });
    closeFile(fd);
  });
});

describeWithAddon('sync', () => {
  it.each([true, false])('writes back a range of whole pages, waiting: %p', (wait) => {
    const { buffer, bytes } = overlaid();
    bytes.fill(2);
    sync(buffer, 4096, 8192, wait);
    sync(buffer, 0, MIB, wait);
  });
});

describeWithAddon('a range of advise and sync', () => {
  it('starts at a page, and ends at one or at the end of the buffer', () => {
    const { buffer, fd } = overlaid();
    const mapped = mapFile(fd, 0, 5000, 'shared');
    for (const call of [
      (b: SharedArrayBuffer | ArrayBuffer, offset: number, length: number) => sync(b, offset, length, true),
      (b: SharedArrayBuffer | ArrayBuffer, offset: number, length: number) =>
        advise(b, offset, length, 'cold'),
    ]) {
      call(mapped, 0, 4096);
      call(mapped, 4096, 904);
      call(mapped, 0, 5000);
      expect(thrownBy(() => call(mapped, 0, 100))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
      expect(thrownBy(() => call(mapped, 0, 5001))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
      expect(thrownBy(() => call(buffer, 0, 100))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
      expect(thrownBy(() => call(buffer, 100, 4096))).toMatchObject({ code: 'EINVAL' });
      expect(thrownBy(() => call(new ArrayBuffer(8192), 0, 8192))).toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
      });
    }
  });
});
