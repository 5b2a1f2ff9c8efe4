import { DEFAULT_FUNCTIONS, SideBlock, useFunctions, type SideFunctions } from '#src/libvmem/side-memory';
import { withSideText } from '#src/libvmem/side-text';
import { thrownBy } from '../support/thrown';

afterEach(() => {
  useFunctions(DEFAULT_FUNCTIONS);
});

/** Sets the default functions, with others in the place of some; returns the blocks that are given back. */
function use(others: Partial<SideFunctions> = {}): Uint8Array[] {
  const freed: Uint8Array[] = [];
  useFunctions({ ...DEFAULT_FUNCTIONS, free: (block) => freed.push(block), ...others });
  return freed;
}

describe('a block on the side', () => {
  it('is what the functions gave, and goes back once', () => {
    const given = new Uint8Array(20);
    const freed = use({ malloc: () => given });
    const block = SideBlock.allocate(20);
    block.buffer.write('text');
    expect(Buffer.from(given).toString('utf8', 0, 4)).toBe('text');
    block.free();
    block.free();
    expect(freed).toEqual([given]);
    expect(block.length).toBe(0);
  });

  it('may be longer than it had to be, and lie anywhere in its buffer, also in shared memory', () => {
    use({ malloc: () => new Uint8Array(new SharedArrayBuffer(100), 32, 50) });
    const block = SideBlock.allocate(20);
    block.buffer.write('text');
    expect([block.length, block.buffer.toString('utf8', 0, 4)]).toEqual([50, 'text']);
  });

  it('keeps what is in it when it grows', () => {
    use();
    const block = SideBlock.copyOf('aé€');
    block.grow(1000);
    expect([block.length, block.buffer.toString('utf8', 0, 7)]).toEqual([1000, 'aé€\0']);
  });

  it.each<[string, Partial<SideFunctions>, () => unknown]>([
    ['malloc_func', { malloc: () => null }, () => SideBlock.allocate(20)],
    ['malloc_func', { malloc: () => new Uint8Array(19) }, () => SideBlock.allocate(20)],
    ['strdup_func', { strdup: () => null }, () => SideBlock.copyOf('text')],
    ['strdup_func', { strdup: () => new Uint8Array(4) }, () => SideBlock.copyOf('text')],
  ])('ENOMEM: %s has too little, and what it had is given back', (name, others, call) => {
    const freed = use(others);
    expect(thrownBy(call)).toMatchObject({ name: 'VmemError', code: 'ENOMEM' });
    expect(thrownBy(call).message).toContain(name);
    expect(freed.every((block) => block.length > 0)).toBe(true);
    const had = (others.malloc ?? others.strdup)!('' as never);
    expect(freed).toHaveLength(had === null ? 0 : 2);
  });

  it.each([1, 'text', {}, new ArrayBuffer(100), new Uint16Array(100)])(
    'EINVAL: malloc_func returns %p',
    (given) => {
      const freed = use({ malloc: () => given as Uint8Array });
      expect(thrownBy(() => SideBlock.allocate(20))).toMatchObject({ name: 'VmemError', code: 'EINVAL' });
      expect(freed).toEqual([]);
    },
  );

  it('stays as it is when it can’t grow', () => {
    const freed = use({ realloc: () => null });
    const block = SideBlock.copyOf('text');
    expect(thrownBy(() => block.grow(1000))).toMatchObject({ code: 'ENOMEM' });
    expect(block.buffer.toString()).toBe('text\0');
    block.free();
    expect(freed).toHaveLength(1);
  });
});

describe('text on the side', () => {
  const LINES = ['short\n', 'é€\n'.repeat(300), '', 'end\n'];

  it('is all lines, whatever the memory was before', () => {
    const freed = use({ malloc: (size) => new Uint8Array(size).fill(0xff) });
    expect(withSideText(LINES, (text) => text)).toBe(LINES.join(''));
    expect(withSideText([], (text) => text)).toBe('');
    expect(freed).toHaveLength(2);
  });

  it('goes back when it can’t grow, when lines throw, and when what uses it does', () => {
    const freed = use({ realloc: () => null });
    expect(thrownBy(() => withSideText(LINES, (text) => text))).toMatchObject({ code: 'ENOMEM' });
    expect(freed).toHaveLength(1);
    const fail = (): never => {
      throw new Error('theirs');
    };
    expect(thrownBy(() => withSideText(['a'], fail)).message).toBe('theirs');
    expect(freed).toHaveLength(2);
  });
});
