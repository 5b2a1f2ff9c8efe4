import { runInNewContext } from 'node:vm';
import { VmemError, readingFrom } from '@vmem-ts/allocator';

describe('readingFrom', () => {
  it('makes an error of the language EINVAL, and keeps it', () => {
    const { proxy, revoke } = Proxy.revocable<{ field?: number }>({}, {});
    revoke();
    for (const object of [proxy, Object.create(proxy) as typeof proxy]) {
      expect(() => readingFrom('options', () => object.field)).toThrow(
        expect.objectContaining({
          name: 'VmemError',
          code: 'EINVAL',
          message: expect.stringMatching(/^options: .*revoked/) as string,
          cause: expect.objectContaining({ name: 'TypeError' }) as Error,
        }),
      );
    }
  });

  it('does so for an error of another realm', () => {
    const read = runInNewContext('() => null.field') as () => unknown;
    expect(() => readingFrom('options', read)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  it.each([new Error('theirs'), 'a text', null, new VmemError('EINVAL', 'ours')])(
    'lets others through: %p',
    (error: unknown) => {
      const read = (): never => {
        throw error;
      };
      let thrown: unknown;
      try {
        readingFrom('options', read);
      } catch (caught) {
        thrown = caught;
      }
      expect(thrown).toBe(error);
    },
  );
});
