/*
 * The error that a call throws, whatever realm it is from.
 */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly errno?: number;
  readonly syscall?: string;
  readonly path?: string;
  readonly fd?: number;
  readonly range?: { offset: number; length: number };
}

export function thrownBy(call: () => unknown): Thrown {
  try {
    call();
  } catch (error) {
    return error as Thrown;
  }
  throw new Error('expected a throw, and there was none');
}
