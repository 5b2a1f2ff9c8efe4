/*
 * On a real (or emulated) DAX device, whose contents are lost: only where VMEM_TEST_DAX_DEVICE names one, such as
 * /dev/dax0.0. VMEM_TEST_DAX_DIR names a directory of a file system mounted with dax=always.
 */
import { readSync } from 'node:fs';
import {
  alignedOffset,
  allocateFile,
  closeFile,
  dropMapping,
  fileInfo,
  freeFileSpace,
  mapFile,
  openFile,
  openUnnamedFile,
  overlayFile,
  punchHole,
  reserve,
  sync,
} from '@vmem-ts/mmap-helper';
import { thrownBy } from './support/thrown.js';

const device = process.env['VMEM_TEST_DAX_DEVICE'];
const dir = process.env['VMEM_TEST_DAX_DIR'];

/** Bytes between those that are written and read. */
const STEP = 4096;

(device === undefined ? describe.skip : describe)('a DAX device', () => {
  let units: number;
  let fd: number;
  let unit: number;
  let buffer: SharedArrayBuffer;
  let start: number;
  let bytes: Uint8Array;

  beforeEach(() => {
    fd = openFile(device!);
    unit = fileInfo(fd).alignment;
    units = unit > 2 ** 21 ? 2 : 8;
    buffer = reserve(units * unit, unit);
    start = alignedOffset(buffer, unit);
    overlayFile(buffer, start, units * unit, fd, 0, 'shared');
    bytes = new Uint8Array(buffer, start, units * unit);
    for (let at = 0; at < bytes.length; at += STEP) bytes[at] = 7;
  });

  afterEach(() => {
    dropMapping(buffer, start, units * unit);
    closeFile(fd);
  });

  function expectUnchanged(): void {
    for (let at = 0; at < bytes.length; at += STEP)
      if (bytes[at] !== 7) expect([at, bytes[at]]).toEqual([at, 7]);
  }

  it('has the size and the alignment that sysfs tells', () => {
    const info = fileInfo(fd);
    expect(info).toMatchObject({ isCharDevice: true, isDax: true, blocksBytes: 0 });
    expect(info.size).toBeGreaterThanOrEqual(units * unit);
    expect(info.size % info.alignment).toBe(0);
  });

  it('is shared by overlays and mapped files, and stays mapped without the descriptor', () => {
    overlayFile(buffer, start, unit, fd, (units - 1) * unit, 'sync');
    bytes[5] = 42;
    expect(bytes[(units - 1) * unit + 5]).toBe(42);
    const mapped = new Uint8Array(mapFile(fd, (units - 1) * unit, unit, 'shared'));
    expect(mapped[5]).toBe(42);
    dropMapping(buffer, start, units * unit);
    expect([bytes[5], mapped[5]]).toEqual([0, 42]);
  });

  it('is touched up to its last byte, and refused beyond', () => {
    const { size } = fileInfo(fd);
    overlayFile(buffer, start, unit, fd, size - unit, 'shared');
    bytes[0] = bytes[unit - 1] = 1;
    expect(thrownBy(() => overlayFile(buffer, start, unit, fd, size, 'shared'))).toMatchObject({
      code: 'ENXIO',
    });
    expect(thrownBy(() => overlayFile(buffer, start, 2 * unit, fd, size - unit, 'shared'))).toMatchObject({
      code: 'ENXIO',
    });
    expect(thrownBy(() => mapFile(fd, size, unit, 'shared'))).toMatchObject({ code: 'ENXIO' });
  });

  it('refuses what the kernel would answer with a hole or the wrong offset', () => {
    const page = 4096;
    if (unit > page) {
      for (const call of [
        () => overlayFile(buffer, start + page, unit, fd, 0, 'shared'),
        () => overlayFile(buffer, start, page, fd, 0, 'shared'),
        () => overlayFile(buffer, start, unit, fd, page, 'shared'),
        () => mapFile(fd, 0, page, 'shared'),
      ]) {
        expect(thrownBy(call)).toMatchObject({ code: 'EINVAL' });
      }
      expect(thrownBy(() => dropMapping(buffer, start, page))).toMatchObject({ syscall: 'mmap' });
    }
    expect(thrownBy(() => overlayFile(buffer, start, unit, fd, 0, 'private'))).toMatchObject({
      code: 'EINVAL',
    });
    expectUnchanged();
  });

  it('has no space to allocate or give back', () => {
    expect(thrownBy(() => allocateFile(fd, 0, unit))).toMatchObject({ code: 'ENODEV' });
    expect(thrownBy(() => punchHole(fd, 0, unit))).toMatchObject({ code: 'ENODEV' });
    expect(thrownBy(() => freeFileSpace(buffer, start, unit))).toMatchObject({ code: 'ENODEV' });
    expect(thrownBy(() => sync(buffer, start, unit, true))).toMatchObject({ code: 'EINVAL' });
    expectUnchanged();
  });
});

(dir === undefined ? describe.skip : describe)('a file on file-system DAX', () => {
  it('is overlaid in sync mode and gives its space back', () => {
    const size = 2 ** 23;
    const fd = openUnnamedFile(dir!);
    allocateFile(fd, 0, size);
    expect(fileInfo(fd).isDax).toBe(true);
    const buffer = reserve(size);
    overlayFile(buffer, 0, size, fd, 0, 'sync');
    new Uint8Array(buffer, 0, 10)[3] = 4;
    const read = new Uint8Array(4);
    readSync(fd, read, 0, 4, 0);
    expect(read[3]).toBe(4);
    freeFileSpace(buffer, 0, size / 2);
    expect(fileInfo(fd).blocksBytes).toBe(size / 2);
    closeFile(fd);
  });
});
