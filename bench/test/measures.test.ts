// Measures that take too long for a run of the whole bench, with less to do.

import { tmpdir } from 'node:os';
import { subjectNamed } from '../subjects/subjects';
import { DEFAULT_PARAMS } from '../workloads/job';
import { measureNamed } from '../workloads/measures';

test('crowd gives four times', async () => {
  const params = { ...DEFAULT_PARAMS, threads: 4 };
  const times = await measureNamed('crowd')(subjectNamed('heap'), params, tmpdir());
  expect(times).toHaveLength(4);
  expect(times.every((time) => time !== null && time > 0)).toBe(true);
}, 60_000);

test('crowd finds out that there is room where it expects none', async () => {
  const heap = subjectNamed('heap');
  const roomy = {
    ...heap,
    shared: {
      attach: (share: unknown) => heap.shared!.attach(share),
      open: (place: Parameters<typeof heap.open>[0]) => {
        const opened = heap.shared!.open(place);
        let calls = 0;
        // every tenth time it says that it has nothing
        const malloc = (size: number) => (++calls % 10 === 0 ? 0 : opened.blocks.malloc(size / 2 ** 20));
        return { ...opened, share: () => opened.share(), blocks: { malloc, free: () => undefined } };
      },
    },
  };
  const measured = measureNamed('crowd')(roomy, { ...DEFAULT_PARAMS, threads: 2 }, tmpdir());
  await expect(measured).rejects.toThrow('what was refused is there');
}, 60_000);
