// Threads of one program, whose buffers are in one pool.

import { resultOf, type Variables } from './preloaded';

const found = (how: string, variables: Variables = {}): unknown => resultOf('threads', [how], variables);

describe('with the preload', () => {
  it('a Blob stays as it is when the thread that made it has ended', () => {
    expect(found('blob')).toEqual([400_000, 'AB']);
  });

  it('a thread that has filled the pool with garbage and is idle gives it back', () => {
    expect(found('idle')).toEqual([0, 30]);
  });

  it('a port that was moved to another realm transfers', () => {
    expect(found('moved')).toEqual([0, 100_000]);
  });

  it('a program may replace the functions of timers', () => {
    expect(found('hooks')).toBe(10);
  });

  describe('a worker that the full pool has no room for', () => {
    it('starts without the pool where buffers may be ordinary memory', () => {
      expect(found('full', { VMMALLOC_FALLBACK: '1' })).toEqual(['started', 0]);
    });

    it('ends with an error otherwise, and the process goes on', () => {
      expect(found('full')).toEqual([expect.stringContaining('the heap is full'), 1]);
    });
  });
});
