// Space, descriptors, addresses and mappings that run out: always a clear error or memory out, in any thread, with nothing
// left behind and never the end of the process. What might end it runs in a process of its own.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { VMEM_MIN_POOL, Vmem } from '@vmem-ts/vmem-api';
import { resultOfChild } from '../support/child';
import { skipTest, testOnExt4, testOnTmpfs } from '../support/disk';
import { MIB, NODE_MAJOR, POOL_DIR, describeEachKind, describeFiles } from '../support/pools';
import { failureOf } from '../support/thrown';
import type { Filled } from './workers/disk-filler';
import type { Outcomes } from './workers/limited';
import type { Inherited } from './workers/late-heir';
import type { Eaten } from './workers/mapping-eater';
import { scriptPath } from '../support/worker';

const NOTHING = { files: 0, mappings: 0 };
/** A block that ext4 keeps for a list of pieces, and what a journal moves about. */
const DISK_NOISE = 64 * 1024;

type OnDisk = Parameters<typeof testOnExt4>[2];
const onTmpfs = (title: string, test: OnDisk): void => {
  testOnTmpfs('size=56m', `${title} (tmpfs, worker)`, test);
};
const onExt4 = (title: string, test: OnDisk): void => {
  testOnExt4(56, `${title} (ext4, first thread)`, test);
};

/** What the task says in the first thread of a process and in another one. */
const runLimited = (
  task: string,
  backend: string,
  limits: string[] = [],
  threads = ['first', 'worker'],
): Outcomes[] => threads.map((where) => resultOfChild('limited', [task, POOL_DIR, backend, where], limits));

describeEachKind(
  'a disk that is full',
  ({ name }) => {
    const ways = name === 'overlay' ? ['', 'grows'] : [''];
    for (const way of ways)
      for (const [define, thread] of [
        [onTmpfs, 'worker'],
        [onExt4, 'first'],
      ] as const) {
        const title = `ENOSPC for a pool${way === '' ? '' : ', and memory out for one that grows'}`;
        define(title, (disk) => {
          const result = resultOfChild<Filled>('disk-filler', [disk.dir, name, way, thread]);
          const { left, filled, deleted, again, grown } = result;
          expect(result.tooLarge).toEqual(['VmemError ENOSPC']);
          expect(left).toMatchObject(NOTHING);
          expect(Math.abs(left.used)).toBeLessThan(DISK_NOISE);
          expect(filled).toMatchObject({ further: 0, result: 1, problems: 0 });
          expect(filled.bytes).toBeGreaterThan((way === '' ? 36 : 38) * MIB);
          expect(grown).toBeGreaterThan((way === '' ? 38 : 40) * MIB);
          expect({ damaged: result.damaged, again }).toEqual({ damaged: 0, again: filled.bytes });
          expect(deleted.files).toBe(0);
          // the package unmaps when it collects garbage
          if (name === 'overlay') expect(deleted.mappings).toBe(0);
          expect(Math.abs(deleted.used)).toBeLessThan(DISK_NOISE);
        });
      }
  },
  ['overlay', 'mmap-io'],
);

describeEachKind(
  'a limit of the process',
  ({ name }) => {
    const hasFile = name !== 'anonymous';
    const inBoth = (outcomes: Outcomes[], expected: Outcomes): void => {
      const left = name === 'mmap-io' ? { files: 0, mappings: expect.anything() as unknown } : NOTHING;
      expect(outcomes).toEqual(outcomes.map(() => ({ ...expected, left })));
    };

    it('on the size of files (ulimit -f) is EFBIG', () => {
      const limit = hasFile ? 'VmemError EFBIG' : 'none';
      inBoth(runLimited('files', name, ['-f 40960']), {
        large: limit,
        small: 'none',
        growing: name === 'mmap-io' ? 'VmemError ENOTSUP' : limit,
        again: 'none',
      });
    });

    it('on addresses (ulimit -v) is ENOMEM, and what was deleted can be had again', () => {
      if (name === 'mmap-io') return; // its pools are as large as their files, and unmapped at some time
      // Node.js 26 ends a worker that asks for a buffer of any kind when there are no addresses
      const threads = NODE_MAJOR < 26 ? ['first', 'worker'] : ['first'];
      inBoth(runLimited('addresses', name, ['-v 6291456'], threads), {
        failure: 'VmemError ENOMEM',
        full: 'VmemError ENOMEM',
        sound: true,
        later: ['none'],
      });
    });

    it('on descriptors (ulimit -n) is EMFILE for what needs one; the pool stays sound, and goes on later', () => {
      const limit = name === 'overlay' ? 'VmemError EMFILE' : 'none';
      inBoth(runLimited('descriptors', name, ['-n 64']), {
        create: hasFile ? 'VmemError EMFILE' : 'none',
        grow: limit,
        growMany: expect.stringMatching(/^none$|EMFILE/) as unknown,
        use: 'none',
        purge: 'none',
        check: 1,
        attach: expect.stringMatching(name === 'overlay' ? /^none$|EMFILE/ : /^none$/) as unknown,
        after: { grow: true, usable: 104, check: 1, threads: 1 },
      });
    });

    it('is none for a pool whose directory is removed; there is no new one there (ENOENT)', () => {
      if (!hasFile) return;
      inBoth(runLimited('directory', name), {
        ptr: true,
        grown: true,
        attached: 'none',
        create: 'VmemError ENOENT',
        check: 1,
        deleted: 'none',
      });
    });
  },
  ['overlay', 'anonymous', 'mmap-io'],
);

describeFiles('descriptors in a process that was forked', () => {
  it('are needed for its pool, which can be asked for again when there are some', () => {
    expect(resultOfChild<Inherited>('late-heir', [POOL_DIR], ['-n 80'])).toEqual({
      first: 'VmemError EMFILE',
      later: 'none',
      contains: true,
      check: 1,
      files: 1,
      thaw: 'none',
    });
  });
});

describeFiles('/proc', () => {
  const alone = ['-m', 'sh', '-c', 'umount -l /proc && exec "$@"', 'sh'];
  const isAllowed = spawnSync('unshare', [...alone, 'true']).status === 0;
  const title = 'without it threads can’t be told apart: EOPNOTSUPP, and what to do';
  if (!isAllowed) skipTest(title, 'no namespace of mounts can be had');
  else
    it(title, () => {
      const script = scriptPath('unnamed-thread');
      const { stdout } = spawnSync('unshare', [...alone, process.execPath, script, POOL_DIR], {
        encoding: 'utf8',
      });
      expect(JSON.parse(stdout)).toEqual({
        code: 'EOPNOTSUPP',
        message: expect.stringMatching(
          /\/proc\/\d+\/task\/\d+\/stat.* can't be read; mount \/proc/,
        ) as unknown,
      });
    });
});

describeFiles('mappings', () => {
  it('are left to the runtime by pools that give pages back', () => {
    const { limit, before, purged, after, problems, full, contents } = resultOfChild<Eaten>('mapping-eater', [
      POOL_DIR,
    ]);
    expect(before).toBeGreaterThan(0.86 * limit);
    expect(purged).toBeGreaterThan(0);
    expect(after).toBeLessThan(0.89 * limit); // 7/8, and what the runtime made meanwhile
    expect({ problems, full, contents }).toEqual({ problems: 0, full: 0, contents: 'kept' });
  });
});

describeFiles('a place that can’t be written to', () => {
  testOnExt4(
    16,
    'EROFS: an ext4 for reading only',
    (disk) => {
      for (const backend of ['overlay', 'auto'] as const)
        expect(failureOf(() => Vmem.create(disk.dir, VMEM_MIN_POOL, { backend }))).toBe('VmemError EROFS');
    },
    ',ro',
  );

  const title = 'EACCES: a directory that its owner made read-only';
  if (process.getuid?.() === 0) skipTest(title, 'root may write anywhere; there is a test with another user');
  else
    it(title, () => {
      const dir = mkdtempSync(join(POOL_DIR, 'vmem-test-read-only-'));
      chmodSync(dir, 0o500);
      expect(failureOf(() => Vmem.create(dir, VMEM_MIN_POOL))).toBe('VmemError EACCES');
      rmdirSync(dir);
    });
});
