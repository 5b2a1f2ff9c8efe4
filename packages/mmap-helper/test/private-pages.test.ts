import fs from 'node:fs';
import { overlayFile, pageSize, privatePages, reserve } from '@vmem-ts/mmap-helper';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';

const MIB = 2 ** 20;

describeWithAddon('privatePages', () => {
  const page = pageSize();
  const range = (first: number, pages: number): object => ({
    byteOffset: first * page,
    byteLength: pages * page,
  });

  it('tells the pages of a private overlay that were written to', () => {
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, tempFile(MIB), 0, 'private');
    const bytes = new Uint8Array(buffer, 0, MIB);
    expect(bytes.indexOf(1)).toBe(-1); // reading is no change
    expect(privatePages(buffer, 0, MIB)).toEqual([]);
    for (const at of [3, 4, 7]) bytes[at * page + 11] = 1;
    bytes[MIB - 1] = 1;
    const last = MIB / page - 1;
    expect(privatePages(buffer, 0, MIB)).toEqual([range(3, 2), range(7, 1), range(last, 1)]);
    expect(privatePages(buffer, 4 * page, 3 * page)).toEqual([range(4, 1)]);
  });

  it('takes a store of the value that was there for a change, and none through a shared overlay', () => {
    const buffer = reserve(2 * page);
    const fd = tempFile(2 * page);
    overlayFile(buffer, 0, page, fd, 0, 'private');
    overlayFile(buffer, page, page, fd, page, 'shared');
    const bytes = new Uint8Array(buffer, 0, 2 * page);
    bytes[0] = 0;
    bytes[page] = 1;
    expect(privatePages(buffer, 0, 2 * page)).toEqual([range(0, 1)]);
  });

  it('tells the pages that were touched where there is no file', () => {
    const buffer = reserve(8 * page);
    new Uint8Array(buffer, 0, 8 * page)[5 * page] = 1;
    expect(privatePages(buffer, 0, 8 * page)).toEqual([range(5, 1)]);
  });

  it('goes through ranges that are longer than one look', () => {
    const length = 1100 * MIB;
    const buffer = reserve(length);
    const bytes = new Uint8Array(buffer, 0, length);
    const pages = [131_070, 131_071, 131_072, length / page - 1];
    for (const at of pages) bytes[at * page] = 1;
    expect(privatePages(buffer, 0, length)).toEqual([range(131_070, 3), range(length / page - 1, 1)]);
  });

  it('takes all of a range for changed where the system does not tell', () => {
    const buffer = reserve(4 * page);
    const open = jest.spyOn(fs, 'openSync').mockImplementation(() => {
      throw new Error('EACCES');
    });
    expect(privatePages(buffer, page, 2 * page)).toEqual([range(1, 2)]);
    open.mockRestore();
  });

  it('refuses ranges that are not in whole pages', () => {
    const buffer = reserve(4 * page);
    expect(thrownBy(() => privatePages(buffer, 1, page))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
    expect(thrownBy(() => privatePages(buffer, 0, page + 1))).toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });
});
