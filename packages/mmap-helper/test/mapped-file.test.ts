import { readSync } from 'node:fs';
import { dropMapping, mapFile, overlayFile, reserve } from '@vmem-ts/mmap-helper';
import { collectGarbageUntil } from './support/collect-garbage.js';
import { countMappings } from './support/mappings.js';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';

const MIB = 2 ** 20;
const PAGE = 4096;

function byteOfFile(fd: number, position: number): number {
  const byte = new Uint8Array(1);
  readSync(fd, byte, 0, 1, position);
  return byte[0];
}

describeWithAddon('mapFile', () => {
  it('gives an ordinary ArrayBuffer of exactly the length asked for', () => {
    const buffer = mapFile(tempFile(MIB), PAGE, 100, 'shared');
    expect(Object.prototype.toString.call(buffer)).toBe('[object ArrayBuffer]');
    expect(buffer.byteLength).toBe(100);
  });

  it('shares its memory with the file and with overlays of it', () => {
    const fd = tempFile(MIB);
    const overlaid = reserve(MIB);
    overlayFile(overlaid, 0, MIB, fd, 0, 'shared');
    const bytes = new Uint8Array(mapFile(fd, PAGE, PAGE, 'shared'));
    bytes[3] = 17;
    expect(byteOfFile(fd, PAGE + 3)).toBe(17);
    expect(new Uint8Array(overlaid, 0, MIB)[PAGE + 3]).toBe(17);
    dropMapping(overlaid, 0, MIB);
    expect(bytes[3]).toBe(17);
  });

  it.each(['private', 'read'] as const)('keeps stores from the file in %s mode', (mode) => {
    const fd = tempFile(MIB);
    const bytes = new Uint8Array(mapFile(fd, 0, MIB, mode));
    bytes.fill(5);
    expect([bytes[0], byteOfFile(fd, 0)]).toEqual([5, 0]);
  });

  it('unmaps what was collected, in a later turn of the event loop', async () => {
    const fd = tempFile(MIB);
    (() => {
      for (let round = 0; round < 50; round++) new Uint8Array(mapFile(fd, 0, MIB, 'shared')).fill(round);
    })();
    expect(await collectGarbageUntil(() => countMappings(fd) === 0)).toBe(true);
    expect(byteOfFile(fd, MIB - 1)).toBe(49);
  });

  it('lets go of the file when the thread ends, whether or not the buffers were collected', async () => {
    const fd = tempFile(MIB);
    const worker = startWorker('file-mapper', { fd, count: 20, length: MIB });
    expect(await nextMessage(worker)).toBe('mapped');
    expect(countMappings(fd)).toBeGreaterThan(0);
    const exit = exitOf(worker);
    worker.postMessage('end');
    await exit;
    expect(countMappings(fd)).toBe(0);
  });

  const canTransfer = 'transfer' in ArrayBuffer.prototype ? it : it.skip; // from Node 22 on
  canTransfer('leaves zeros, and no hole, in a thread that was given the memory', async () => {
    const fd = tempFile(MIB);
    const worker = startWorker('file-mapper', { fd, count: 1, length: MIB, transfer: true });
    const bytes = new Uint8Array((await nextMessage(worker)) as ArrayBuffer);
    bytes.fill(3);
    expect(byteOfFile(fd, 0)).toBe(3);
    const exit = exitOf(worker);
    worker.postMessage('end');
    await exit;
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    bytes.fill(4);
    expect(byteOfFile(fd, 0)).toBe(3);
  });

  it.each([
    ['beyond the end of the file', 'ENXIO', 0, MIB + 1],
    ['at the end of the file', 'ENXIO', MIB, 1],
    ['at a misaligned offset', 'EINVAL', 100, 1],
  ])('refuses a range %s', (_where, code, offset, length) => {
    const fd = tempFile(MIB);
    const error = thrownBy(() => mapFile(fd, offset, length, 'shared'));
    expect(error).toMatchObject({ code, syscall: 'mmap', fd, range: { offset, length } });
    expect(countMappings(fd)).toBe(0);
  });
});
