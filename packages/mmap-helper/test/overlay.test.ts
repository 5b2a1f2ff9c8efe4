import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  addressAlignment,
  alignedOffset,
  closeFile,
  dropMapping,
  fileInfo,
  freeFileSpace,
  mapFile,
  openUnnamedFile,
  overlayFile,
  allocateFile,
  pageSize,
  reserve,
} from '@vmem-ts/mmap-helper';
import { testOnSmallDisk } from './support/small-disk.js';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';

const MIB = 2 ** 20;

function byteOfFile(fd: number, position: number): number {
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, position);
  return byte[0];
}

function viewOf(buffer: SharedArrayBuffer): Uint8Array {
  return new Uint8Array(buffer, 0, buffer.byteLength);
}

describeWithAddon('overlayFile', () => {
  it('makes stores reach the file, and what is written to the file reach every view', () => {
    const fd = tempFile(MIB);
    const buffer = reserve(MIB);
    const older = viewOf(buffer);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');

    older[5] = 11;
    viewOf(buffer)[MIB - 1] = 12;
    expect(byteOfFile(fd, 5)).toBe(11);
    expect(byteOfFile(fd, MIB - 1)).toBe(12);
    const mapped = new Uint8Array(mapFile(fd, 0, MIB, 'read'));
    expect([mapped[5], mapped[MIB - 1]]).toEqual([11, 12]);

    writeSync(fd, new Uint8Array([13]), 0, 1, 77);
    expect(older[77]).toBe(13);
  });

  it('maps a part of the file under a part of the buffer and leaves the rest alone', () => {
    const page = pageSize();
    const fd = tempFile(4 * page);
    const buffer = reserve(4 * page);
    const bytes = viewOf(buffer).fill(1);
    writeSync(fd, new Uint8Array([42]), 0, 1, 3 * page);
    overlayFile(buffer, page, page, fd, 3 * page, 'shared');
    expect([0, page, 2 * page, 3 * page].map((offset) => bytes[offset])).toEqual([1, 42, 1, 1]);
    bytes[page + 1] = 43;
    expect(byteOfFile(fd, 3 * page + 1)).toBe(43);
  });

  it('serves a worker that has the buffer, whichever thread mapped it', async () => {
    const fd = tempFile(MIB);
    const buffer = reserve(MIB);
    const worker = startWorker('overlay-writer', { buffer });
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    viewOf(buffer)[100] = 21;
    worker.postMessage({ offset: 100, value: 22 });
    expect(await nextMessage(worker)).toBe(21);
    expect(byteOfFile(fd, 100)).toBe(22);
    dropMapping(buffer, 0, MIB);
    worker.postMessage({ offset: 100 });
    expect(await nextMessage(worker)).toBe(0);
    const exit = exitOf(worker);
    await worker.terminate();
    await exit;
  });

  it('needs the descriptor no longer', () => {
    const fd = openUnnamedFile(tmpdir());
    allocateFile(fd, 0, MIB);
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    closeFile(fd);
    viewOf(buffer).fill(9);
    expect(viewOf(buffer)[MIB - 1]).toBe(9);
  });

  it('leaves the file as it is in private mode, and starts from its contents', () => {
    const fd = tempFile(MIB);
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    const bytes = viewOf(buffer).fill(1);
    overlayFile(buffer, 0, MIB, fd, 0, 'private');
    expect(bytes[1000]).toBe(1);
    bytes.fill(2);
    expect(byteOfFile(fd, 1000)).toBe(1);
    expect(bytes[1000]).toBe(2);
  });

  it('refuses a file system without DAX in sync mode, and keeps what was there', () => {
    const fd = tempFile(MIB);
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    const bytes = viewOf(buffer).fill(7);
    expect(thrownBy(() => overlayFile(buffer, 0, MIB, fd, 0, 'sync'))).toMatchObject({ code: 'EOPNOTSUPP' });
    expect(bytes.every((byte) => byte === 7)).toBe(true);
    bytes[0] = 8;
    expect(byteOfFile(fd, 0)).toBe(8);
  });

  it('overlays what was added after the buffer grew', () => {
    const fd = tempFile(MIB);
    const buffer = new SharedArrayBuffer(MIB, { maxByteLength: 4 * MIB });
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    expect(thrownBy(() => overlayFile(buffer, MIB, MIB, fd, MIB, 'shared'))).toMatchObject({
      code: 'ERR_OUT_OF_RANGE',
    });
    allocateFile(fd, MIB, MIB);
    buffer.grow(2 * MIB);
    overlayFile(buffer, MIB, MIB, fd, MIB, 'shared');
    viewOf(buffer).fill(3);
    expect([byteOfFile(fd, 0), byteOfFile(fd, 2 * MIB - 1)]).toEqual([3, 3]);
  });

  it('says in its errors what was wrong, and about what', () => {
    const fd = tempFile(MIB);
    const error = thrownBy(() => overlayFile(reserve(2 * MIB), MIB, MIB, fd, 4096, 'shared'));
    expect(error).toMatchObject({
      name: 'MmapError',
      code: 'ENXIO',
      errno: 6,
      syscall: 'mmap',
      fd,
      range: { offset: MIB, length: MIB },
    });
    expect(error.message).toBe(
      `ENXIO: the file has ${MIB} bytes, and the range is ${MIB} bytes from 4096 on, ` +
        `mmap of fd ${fd}, range of ${MIB} bytes at ${MIB}`,
    );
  });

  describe('when it refuses', () => {
    const page = 4096;
    const openPlain = (path: string, flags: string): [number, () => void] => {
      const fd = openSync(path, flags);
      return [fd, () => closeSync(fd)];
    };
    const fileOfOnePage = (): [number, () => void] => [tempFile(page), () => {}];

    it.each<[string, string, () => [number, () => void], number[]]>([
      ['a range beyond the end of the file', 'ENXIO', fileOfOnePage, [0, 2 * page, 0]],
      ['an offset at the end of the file', 'ENXIO', fileOfOnePage, [0, page, page]],
      ['an offset near 2^53', 'ENXIO', fileOfOnePage, [0, page, 2 ** 53 - page]],
      ['a misaligned file offset', 'EINVAL', fileOfOnePage, [0, page, 512]],
      ['a misaligned address', 'EINVAL', fileOfOnePage, [16, page, 0]],
      ['a misaligned length', 'EINVAL', fileOfOnePage, [0, 100, 0]],
      ['an empty file', 'ENXIO', () => [tempFile(0), () => {}], [0, page, 0]],
      ['a descriptor opened for reading', 'EACCES', () => openPlain(process.execPath, 'r'), [0, page, 0]],
      ['a directory', 'EISDIR', () => openPlain('/', 'r'), [0, page, 0]],
      ['a device without memory', 'ENODEV', () => openPlain('/dev/null', 'r+'), [0, page, 0]],
      ['a descriptor that is not open', 'EBADF', () => [2 ** 31 - 1, () => {}], [0, page, 0]],
    ])('%s: the buffer stays as it was', (_what, code, open, [byteOffset, length, fileOffset]) => {
      const [fd, close] = open();
      const buffer = reserve(4 * page);
      const bytes = viewOf(buffer).fill(5);
      const error = thrownBy(() => overlayFile(buffer, byteOffset, length, fd, fileOffset, 'shared'));
      close();
      expect(error).toMatchObject({ code, syscall: 'mmap', fd, range: { offset: byteOffset, length } });
      expect(bytes.every((byte) => byte === 5)).toBe(true);
      bytes.fill(6);
    });
  });

  it('maps what is opened for reading in private mode', () => {
    const fd = openSync(process.execPath, 'r');
    const buffer = reserve(4096);
    overlayFile(buffer, 0, 4096, fd, 0, 'private');
    closeSync(fd);
    expect([...viewOf(buffer).subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]); // ELF
    viewOf(buffer).fill(0);
  });
});

describeWithAddon('dropMapping', () => {
  testOnSmallDisk('tmpfs', 8, 'frees the space at once while views live, and they read zeros', (disk) => {
    const before = disk.freeBytes();
    const fd = openUnnamedFile(disk.dir);
    allocateFile(fd, 0, 4 * MIB);
    const buffer = reserve(4 * MIB);
    overlayFile(buffer, 0, 4 * MIB, fd, 0, 'shared');
    const bytes = viewOf(buffer).fill(255);
    closeFile(fd);
    expect(disk.freeBytes()).toBe(before - 4 * MIB);

    dropMapping(buffer, 0, 4 * MIB);
    expect(disk.freeBytes()).toBe(before);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    bytes.fill(1);
    expect(bytes[4 * MIB - 1]).toBe(1);
  });

  it('drops a part', () => {
    const page = pageSize();
    const fd = tempFile(3 * page);
    const buffer = reserve(3 * page);
    overlayFile(buffer, 0, 3 * page, fd, 0, 'shared');
    const bytes = viewOf(buffer).fill(4);
    dropMapping(buffer, page, page);
    expect([0, page, 2 * page].map((offset) => bytes[offset])).toEqual([4, 0, 4]);
    expect(byteOfFile(fd, page)).toBe(4);
  });

  it('refuses what is misaligned', () => {
    const buffer = reserve(MIB);
    const bytes = viewOf(buffer).fill(4);
    for (const [byteOffset, length] of [
      [16, 4096],
      [0, 100],
      [4096, 4097],
    ]) {
      const error = thrownBy(() => dropMapping(buffer, byteOffset, length));
      expect(error).toMatchObject({ code: 'EINVAL', range: { offset: byteOffset, length } });
    }
    expect(bytes.every((byte) => byte === 4)).toBe(true);
  });
});

describeWithAddon('freeFileSpace', () => {
  it('gives blocks back without a descriptor, and the file keeps its size', () => {
    const fd = tempFile(MIB);
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    const bytes = viewOf(buffer).fill(6);
    const { blocksBytes } = fileInfo(fd);
    freeFileSpace(buffer, MIB / 4, MIB / 2);
    expect(fileInfo(fd)).toMatchObject({ size: MIB, blocksBytes: blocksBytes - MIB / 2 });
    expect([bytes[0], bytes[MIB / 2], bytes[MIB - 1]]).toEqual([6, 0, 6]);
    bytes.fill(7);
  });

  it('refuses memory without a file, and a private overlay', () => {
    const buffer = reserve(MIB);
    const bytes = viewOf(buffer).fill(8);
    expect(thrownBy(() => freeFileSpace(buffer, 0, MIB))).toMatchObject({ syscall: 'madvise' });
    overlayFile(buffer, 0, MIB, tempFile(MIB), 0, 'private');
    bytes.fill(8);
    expect(thrownBy(() => freeFileSpace(buffer, 0, MIB))).toMatchObject({ syscall: 'madvise' });
    expect(bytes.every((byte) => byte === 8)).toBe(true);
  });
});

describeWithAddon('reserve and alignedOffset', () => {
  it('reserves what can be overlaid', () => {
    const buffer = reserve(5000);
    expect(buffer.byteLength).toBe(2 * pageSize());
    expect(buffer.growable).toBe(true);
    expect(alignedOffset(buffer, pageSize())).toBe(0);
    overlayFile(buffer, 0, buffer.byteLength, tempFile(buffer.byteLength), 0, 'shared');
  });

  it('reserves room for a larger alignment', () => {
    const alignment = 2 * MIB;
    for (let round = 0; round < 20; round++) {
      const buffer = reserve(3 * MIB, alignment);
      const offset = alignedOffset(buffer, alignment);
      expect(offset).toBeLessThan(alignment);
      expect(offset + 3 * MIB).toBeLessThanOrEqual(buffer.byteLength);
      expect(addressAlignment(buffer, offset, 2 ** 40)).toBeGreaterThanOrEqual(alignment);
      expect(addressAlignment(buffer, offset, alignment)).toBe(alignment);
      expect(addressAlignment(buffer, offset + 3 * 4096, alignment)).toBe(4096);
      expect(addressAlignment(buffer, offset + 24, alignment)).toBe(8);
    }
  });

  it('says so when the runtime has no such buffers', () => {
    expect(thrownBy(() => reserve(2 ** 51))).toMatchObject({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
    const tiny = new SharedArrayBuffer(1, { maxByteLength: 1 });
    const alignments = [2 ** 39, 2 ** 40];
    expect(
      alignments.map((alignment) => {
        try {
          return alignedOffset(tiny, alignment);
        } catch (error) {
          return (error as { code: string }).code;
        }
      }),
    ).toEqual(['ERR_OUT_OF_RANGE', 'ERR_OUT_OF_RANGE']);
  });
});
