// The error that a call throws, and its code.

export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
}

export function thrownBy(call: () => unknown): Thrown {
  try {
    call();
  } catch (error) {
    return error as Thrown;
  }
  throw new Error('expected a throw, and there was none');
}

/** What a call threw in one word, such as `VmemError ECLOSED`, or `none`. */
export function failureOf(call: () => unknown): string {
  try {
    call();
    return 'none';
  } catch (error) {
    const { name, code } = error as Thrown;
    return code === undefined ? name : `${name} ${code}`;
  }
}
