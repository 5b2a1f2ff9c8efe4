// Which threads and processes have the preload, and which pool they have.

import { REGISTER, outputOf, resultOf, runPreloaded } from './preloaded';

interface Told {
  readonly inPool: boolean;
  readonly id?: readonly number[];
}

const relativesOf = (
  how: string,
  ...rest: [Record<string, string>?, string[]?]
): Record<'own' | 'other', Told> => resultOf('relatives', [how], ...rest);

describe('the preload is had', () => {
  it.each([
    ['--require', ['--require', REGISTER]],
    ['--import', ['--import', REGISTER]],
    ['-r', ['-r', REGISTER]],
  ])('by %s, also in workers, which share the pool', (_, flags) => {
    const { own, other } = relativesOf('worker', {}, flags);
    expect(own.inPool).toBe(true);
    expect(other).toEqual(own);
  });

  it('by NODE_OPTIONS, also in processes that are spawned, which have a pool of their own', () => {
    const { own, other } = relativesOf('spawn', { NODE_OPTIONS: `--require ${REGISTER}` }, []);
    expect([own.inPool, other.inPool]).toEqual([true, true]);
    expect(other.id).not.toEqual(own.id);
  });

  it('not by processes that are spawned without the option', () => {
    const { own, other } = relativesOf('spawn');
    expect([own.inPool, other.inPool]).toEqual([true, false]);
  });

  it('by processes that are forked', () => {
    const { other } = relativesOf('fork', { VMMALLOC_FORK: '0' });
    expect(other.inPool).toBe(true);
  });

  it.each(['0', '1', '2', '3'])('by processes that are forked with no variables, mode %s', (mode) => {
    const { own, other } = relativesOf('fork-without-variables', { VMMALLOC_FORK: mode });
    expect([own.inPool, other.inPool]).toEqual([true, true]);
  });

  it('not by workers that are started without the option', () => {
    expect(relativesOf('worker-without').other).toEqual({ inPool: false });
  });

  it('not by a worker alone', () => {
    expect(outputOf('worker-alone', [REGISTER], {}, [])).toContain('the main thread');
  });
});

describe('before the program runs', () => {
  it.each([
    ['VMMALLOC_POOL_SIZE', '1000', /^Error \(libvmmalloc\): VMMALLOC_POOL_SIZE value is less than minimum/],
    ['VMMALLOC_POOL_DIR', '/no/such', /^Error \(libvmmalloc\): vmem pool creation failed: No such file/],
    ['VMMALLOC_FORK', '4', /^Error \(libvmmalloc\): incorrect VMMALLOC_FORK value \(4\)/],
    ['VMMALLOC_MIN_SIZE', 'x', /^Error \(libvmmalloc\): incorrect VMMALLOC_MIN_SIZE value/],
  ])('%s=%s ends the process', (name, value, message) => {
    const { status, stdout, stderr } = runPreloaded('relatives', ['print'], { [name]: value });
    expect({ failed: status !== 0, stdout }).toEqual({ failed: true, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('a process that may load no addons ends', () => {
    const { status, stderr } = runPreloaded('relatives', ['print'], {}, [
      '--no-addons',
      '--require',
      REGISTER,
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Error \(libvmmalloc\): buffers in the pool need the native addon: .*\n$/);
  });
});

describe('a log of level 4', () => {
  it('tells of buffers as of other blocks', () => {
    const { stderr } = runPreloaded('relatives', ['print'], { VMMALLOC_LOG_LEVEL: '4' });
    expect(stderr).toMatch(/malloc.*size 1048576$/m);
  });

  it('is silent otherwise', () => {
    expect(outputOf('relatives', ['print'])).toContain('"inPool":true');
  });
});
