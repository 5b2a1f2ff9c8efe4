import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  adoptFile,
  allocateFile,
  closeFile,
  dropMapping,
  fileInfo,
  lockFile,
  openFile,
  openMemoryFile,
  openUnnamedFile,
  overlayFile,
  pageSize,
  punchHole,
  reserve,
} from '@vmem-ts/mmap-helper';
import { testOnSmallDisk } from './support/small-disk.js';
import { tempFile } from './support/temp-file.js';
import { thrownBy } from './support/thrown.js';
import { describeWithAddon } from './support/with-addon.js';
import { exitOf, nextMessage, startWorker } from './support/worker.js';

const MIB = 2 ** 20;

function inTempDir(test: (dir: string) => void): void {
  const dir = mkdtempSync(path.join(tmpdir(), 'vmem-file-test-'));
  try {
    test(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describeWithAddon('openUnnamedFile', () => {
  it('opens an empty file that no directory lists', () => {
    inTempDir((dir) => {
      const fd = openUnnamedFile(dir);
      expect(readdirSync(dir)).toEqual([]);
      const { size, nlink, mode } = fstatSync(fd);
      expect({ size, nlink, mode: mode & 0o7777 }).toEqual({ size: 0, nlink: 0, mode: 0o600 });
      closeFile(fd);
    });
  });

  it('names the path in its errors', () => {
    expect(thrownBy(() => openUnnamedFile('/nowhere/at/all'))).toMatchObject({
      code: 'ENOENT',
      errno: 2,
      syscall: 'open',
      path: '/nowhere/at/all',
      message: "ENOENT: no such file or directory, open '/nowhere/at/all'",
    });
    expect(thrownBy(() => openUnnamedFile(process.execPath))).toMatchObject({ code: 'ENOTDIR' });
  });

  it('gives a descriptor that outlives the worker which opened it', async () => {
    const worker = startWorker('file-opener', tmpdir());
    const exit = exitOf(worker);
    const fd = (await nextMessage(worker)) as number;
    await exit;
    writeSync(fd, new Uint8Array([1]), 0, 1, 0);
    expect(fileInfo(fd).size).toBe(1);
    closeFile(fd);
  });
});

describeWithAddon('openFile', () => {
  it('opens an existing file for reading and writing', () => {
    inTempDir((dir) => {
      const name = path.join(dir, 'file');
      closeSync(openSync(name, 'w'));
      const fd = openFile(name);
      writeSync(fd, 'x');
      expect(fileInfo(fd).size).toBe(1);
      closeFile(fd);
    });
  });

  it('names the path in its errors', () => {
    expect(thrownBy(() => openFile('/nowhere'))).toMatchObject({ code: 'ENOENT', path: '/nowhere' });
    expect(thrownBy(() => openFile('/'))).toMatchObject({ code: 'EISDIR', path: '/' });
  });
});

describeWithAddon('lockFile', () => {
  it('keeps others out until the descriptor is closed and nothing is mapped by it', () => {
    inTempDir((dir) => {
      const name = path.join(dir, 'file');
      writeFileSync(name, new Uint8Array(pageSize()));
      const [first, second] = [openFile(name), openFile(name)];
      lockFile(first);
      lockFile(first); // its own
      expect(thrownBy(() => lockFile(second))).toMatchObject({ code: 'EBUSY', syscall: 'flock', fd: second });
      const buffer = reserve(pageSize());
      overlayFile(buffer, 0, pageSize(), first, 0, 'shared');
      closeFile(first);
      expect(thrownBy(() => lockFile(second))).toMatchObject({ code: 'EBUSY' });
      dropMapping(buffer, 0, pageSize());
      lockFile(second);
      closeFile(second);
      expect(thrownBy(() => lockFile(second))).toMatchObject({ code: 'EBADF' });
    });
  });

  it('is shared by those who ask for that, and keeps out who wants it alone', () => {
    inTempDir((dir) => {
      const name = path.join(dir, 'file');
      writeFileSync(name, '');
      const [first, second, third] = [openFile(name), openFile(name), openFile(name)];
      lockFile(first, 'shared');
      lockFile(second, 'shared');
      expect(thrownBy(() => lockFile(third))).toMatchObject({ code: 'EBUSY', fd: third });
      lockFile(first, 'none');
      expect(thrownBy(() => lockFile(third))).toMatchObject({ code: 'EBUSY' });
      closeFile(second);
      lockFile(third);
      expect(thrownBy(() => lockFile(first, 'shared'))).toMatchObject({ code: 'EBUSY' });
      closeFile(third);
      closeFile(first);
    });
  });
});

describeWithAddon('openMemoryFile', () => {
  it('opens an empty file that no file system knows', () => {
    const fd = openMemoryFile();
    expect(fstatSync(fd)).toMatchObject({ size: 0, nlink: 0 });
    expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^\/memfd:/);
    ftruncateSync(fd, MIB);
    const buffer = reserve(MIB);
    overlayFile(buffer, 0, MIB, fd, 0, 'shared');
    new Uint8Array(buffer, 0, MIB)[5] = 7;
    expect(fileInfo(fd)).toMatchObject({ size: MIB, blocksBytes: pageSize() });
    closeFile(fd);
  });
});

describeWithAddon('adoptFile', () => {
  it('gives a second descriptor for the same open file, that closeFile takes', () => {
    const theirs = openSync(process.execPath, 'r');
    const fd = adoptFile(theirs);
    expect(fileInfo(fd).id).toBe(fileInfo(theirs).id);
    closeSync(theirs);
    expect(fileInfo(fd).size).toBeGreaterThan(0);
    closeFile(fd);
    expect(thrownBy(() => adoptFile(fd))).toMatchObject({ code: 'EBADF', syscall: 'fcntl', fd });
  });
});

describeWithAddon('closeFile', () => {
  it('closes once', () => {
    const fd = openUnnamedFile(tmpdir());
    closeFile(fd);
    expect(thrownBy(() => fstatSync(fd))).toMatchObject({ code: 'EBADF' });
    expect(thrownBy(() => closeFile(fd))).toMatchObject({ code: 'EBADF', syscall: 'close', fd });
  });

  it('refuses descriptors that others opened, and leaves them open', () => {
    const mine = openSync('/dev/null', 'r');
    for (const fd of [0, 1, 2, mine])
      expect(thrownBy(() => closeFile(fd))).toMatchObject({ code: 'EBADF', fd });
    expect(fstatSync(mine).isCharacterDevice()).toBe(true);
    closeSync(mine);
  });

  it('leaves a file alone that got the number of one closed elsewhere', () => {
    const fd = openUnnamedFile(tmpdir());
    closeSync(fd);
    const other = openSync('/dev/null', 'r');
    expect(other).toBe(fd); // the lowest free number, see open(2)
    expect(thrownBy(() => closeFile(fd))).toMatchObject({ code: 'EBADF' });
    expect(fstatSync(other).isCharacterDevice()).toBe(true);
    closeSync(other);
  });
});

describeWithAddon('allocateFile', () => {
  it('gives storage and size', () => {
    const fd = tempFile(0);
    allocateFile(fd, 0, MIB);
    expect(fileInfo(fd).size).toBe(MIB);
    expect(fileInfo(fd).blocksBytes).toBeGreaterThanOrEqual(MIB);
    allocateFile(fd, MIB, 10);
    expect(fileInfo(fd).size).toBe(MIB + 10);
    allocateFile(fd, 0, 10);
    expect(fileInfo(fd).size).toBe(MIB + 10);
  });

  testOnSmallDisk('tmpfs', 1, 'leaves size and space as they were when the disk is full', (disk) => {
    const fd = openUnnamedFile(disk.dir);
    allocateFile(fd, 0, MIB / 2);
    writeSync(fd, new Uint8Array(4096).fill(9), 0, 4096, 0);
    const before = { info: fileInfo(fd), free: disk.freeBytes() };
    expect(thrownBy(() => allocateFile(fd, 4096, 8 * MIB))).toMatchObject({
      code: 'ENOSPC',
      errno: 28,
      syscall: 'fallocate',
      fd,
      range: { offset: 4096, length: 8 * MIB },
    });
    expect({ info: fileInfo(fd), free: disk.freeBytes() }).toEqual(before);
    allocateFile(fd, MIB / 2, MIB / 2);
    expect(fileInfo(fd).size).toBe(MIB);
    closeFile(fd);
    expect(disk.freeBytes()).toBe(MIB);
  });

  testOnSmallDisk('ext4', 16, 'takes back what ext4 leaves of a failed allocation', (disk) => {
    const fd = openUnnamedFile(disk.dir);
    allocateFile(fd, 0, MIB); // allocated, never written
    punchHole(fd, MIB / 4, MIB / 4);
    ftruncateSync(fd, 2 * MIB); // and a hole up to the end
    const before = { info: fileInfo(fd), free: disk.freeBytes() };
    const listOfPieces = 4096; // a block that ext4 keeps once a file had more pieces than its inode can list
    for (const offset of [0, MIB, 2 * MIB]) {
      expect(thrownBy(() => allocateFile(fd, offset, 64 * MIB))).toMatchObject({ code: 'ENOSPC' });
      const after = fileInfo(fd);
      expect(after.size).toBe(before.info.size);
      expect(after.blocksBytes).toBeLessThanOrEqual(before.info.blocksBytes + listOfPieces);
      expect(after.blocksBytes).toBeGreaterThanOrEqual(before.info.blocksBytes);
      expect(disk.freeBytes()).toBeGreaterThanOrEqual(before.free - listOfPieces);
    }
    closeFile(fd);
  });

  testOnSmallDisk('tmpfs', 16, 'never takes away what another thread allocates', async (disk) => {
    const fd = openUnnamedFile(disk.dir);
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const greedy = startWorker('file-extender', { fd, stop, length: 64 * MIB });
    expect(await nextMessage(greedy)).toBe('starting');
    const modest = startWorker('file-extender', { fd, stop, length: 4096, attempts: 2048 });
    expect(await nextMessage(modest)).toBe('starting');
    const exits = [exitOf(greedy), exitOf(modest)];
    const failed = nextMessage(greedy);
    expect(await nextMessage(modest)).toEqual({ allocated: 2048, lost: 0 });
    Atomics.store(stop, 0, 1);
    expect(await failed).toEqual({ allocated: 0, lost: 0 });
    await Promise.all(exits);
    expect(fileInfo(fd).size).toBe(2048 * 4096);
    closeFile(fd);
  });

  it('refuses what is no file with space of its own', () => {
    const refusal = (path: string, flags: string): string | undefined => {
      const fd = openSync(path, flags);
      const { code } = thrownBy(() => allocateFile(fd, 0, 4096));
      expect(thrownBy(() => punchHole(fd, 0, 4096))).toMatchObject({ code, syscall: 'fallocate', fd });
      closeSync(fd);
      return code;
    };
    expect(refusal(process.execPath, 'r')).toBe('EBADF');
    expect(refusal('/', 'r')).toBe('EISDIR');
    expect(refusal('/dev/null', 'r+')).toBe('ENODEV');
  });
});

describeWithAddon('punchHole', () => {
  it('gives storage back; the range reads as zeros, the file keeps its size', () => {
    const fd = tempFile(MIB);
    writeSync(fd, new Uint8Array(MIB).fill(1), 0, MIB, 0);
    const { blocksBytes } = fileInfo(fd);
    punchHole(fd, 4096, MIB / 2);
    expect(fileInfo(fd)).toMatchObject({ size: MIB, blocksBytes: blocksBytes - MIB / 2 });
  });
});

describeWithAddon('fileInfo', () => {
  it('tells what can be mapped', () => {
    const fd = tempFile(8192);
    expect(fileInfo(fd)).toEqual({
      size: 8192,
      blocksBytes: expect.any(Number) as number,
      alignment: 4096,
      isCharDevice: false,
      isDax: expect.any(Boolean) as boolean,
      major: 0,
      minor: 0,
      fsType: expect.any(Number) as number,
      id: expect.any(String) as string,
    });
  });

  it('tells files apart, and knows one by any of its descriptors', () => {
    const fd = tempFile(8192);
    const { dev, ino } = fstatSync(fd, { bigint: true });
    expect(fileInfo(fd).id).toBe(`${dev.toString(16)}:${ino.toString(16)}`);
    const again = openSync(`/proc/self/fd/${fd}`, 'r');
    expect(fileInfo(again).id).toBe(fileInfo(fd).id);
    closeSync(again);
    expect(fileInfo(tempFile(8192)).id).not.toBe(fileInfo(fd).id);
  });

  testOnSmallDisk('tmpfs', 1, 'tells the file system', (disk) => {
    const fd = openUnnamedFile(disk.dir);
    expect(fileInfo(fd)).toMatchObject({ fsType: 0x01021994, isDax: false });
    closeFile(fd);
  });
});
