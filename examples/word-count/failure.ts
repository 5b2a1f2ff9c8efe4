// What ends the program with one line for its user.

/** Its message names what was wrong and what to do about it. */
export class Failure extends Error {
  override readonly name = 'Failure';

  constructor(
    message: string,
    readonly exitStatus: 1 | 2 | 130 = 1,
  ) {
    super(message);
  }
}

/** A wrong command line. */
export const usageFailure = (message: string): Failure => new Failure(`${message}; see --help`, 2);

/** Why a system call failed, without the call's name and arguments. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: 'it does not exist',
    ENOTDIR: 'it is not a folder',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EROFS: 'its file system is read-only',
    ENOSPC: 'no space is left on its file system',
    EMFILE: 'too many files are open',
    EIO: 'input/output error',
  };
  return reasons[code ?? ''] ?? message;
}
