import { loadError } from '@vmem-ts/mmap-helper';
import { anonymous } from '#src/backends/anonymous';
import { backendNamed, chooseBackend, type BackendChoice } from '#src/backends/choose';
import { mmapIoBackend } from '#src/backends/mmap-io';
import { overlay } from '#src/backends/overlay';
import { thrownBy } from '../support/thrown';

const BAD_NAMES: [string, unknown][] = [
  ['an unknown name', 'file'],
  ['a name of Object.prototype', 'toString'],
  ['__proto__', '__proto__'],
  ['the caller’s own memory', 'region'],
  ['an empty string', ''],
  ['null', null],
  ['a number', 0],
  ['a symbol', Symbol('overlay')],
  ['a function', () => 'overlay'],
  ['a string object', Object('overlay')],
];

describe('chooseBackend', () => {
  it('prefers files where the addon is', () => {
    if (loadError() === null) expect(chooseBackend('auto')).toBe(overlay);
  });

  it('returns what is asked for, if it can work here', () => {
    expect(chooseBackend('anonymous')).toBe(anonymous);
    const others = { overlay, 'mmap-io': mmapIoBackend };
    for (const [name, backend] of Object.entries(others) as [keyof typeof others, typeof overlay][]) {
      const reason = backend.unavailable();
      if (reason === undefined) expect(chooseBackend(name)).toBe(backend);
      else expect(thrownBy(() => chooseBackend(name)).message).toContain(reason);
    }
  });

  it.each(BAD_NAMES)('refuses %s', (_, name) => {
    expect(thrownBy(() => chooseBackend(name as BackendChoice))).toMatchObject({
      name: 'VmemError',
      code: 'EINVAL',
      message: expect.stringContaining('expected auto, overlay, anonymous, mmap-io') as string,
    });
  });

  it('refuses a bigint, and a value with code of its own, without running that code', () => {
    const hostile = { toJSON: () => expect(true).toBe(false), toString: () => expect(true).toBe(false) };
    for (const name of [1n, hostile] as unknown[]) {
      expect(thrownBy(() => chooseBackend(name as BackendChoice))).toMatchObject({ code: 'EINVAL' });
    }
  });
});

describe('backendNamed', () => {
  it.each(Object.entries({ overlay, anonymous, 'mmap-io': mmapIoBackend }))(
    'finds %s, or says why it can’t be used',
    (name, backend) => {
      const reason = backend.unavailable();
      if (reason === undefined) expect(backendNamed(name)).toBe(backend);
      else expect(thrownBy(() => backendNamed(name))).toMatchObject({ name: 'VmemError', code: 'ENOTSUP' });
    },
  );

  it('does not take auto, which is no backend', () => {
    expect(thrownBy(() => backendNamed('auto'))).toMatchObject({ code: 'EINVAL' });
  });
});
