/*
 * The error of a system call that refused or failed, also of one that was refused beforehand because it would have.
 */
import type { Failure } from './addon.js';

/** What a call was about. */
export interface MmapErrorSubject {
  /** The path that was to be opened. */
  readonly path?: string;
  /** The file descriptor. */
  readonly fd?: number;
  /** In bytes: of the buffer, or where no buffer was given, of the file. */
  readonly range?: { readonly offset: number; readonly length: number };
}

/** A system call that failed, or that was refused beforehand because it would have. */
export class MmapError extends Error {
  declare readonly name: 'MmapError';
  /** The errno's name, such as `'ENOSPC'`. */
  readonly code: string;
  /** The errno's number, above 0. */
  readonly errno: number;
  /** The system call that failed or would have, such as `'mmap'`. */
  readonly syscall: string;
  declare readonly path?: string;
  declare readonly fd?: number;
  declare readonly range?: { readonly offset: number; readonly length: number };

  /** @hidden */
  constructor(failure: Failure, subject: MmapErrorSubject) {
    super(`${failure.code}: ${failure.reason}, ${failure.syscall}${describe(subject)}`);
    this.code = failure.code;
    this.errno = failure.errno;
    this.syscall = failure.syscall;
    Object.assign(this, subject);
  }
}

// not by an assignment in the constructor, which fails where a program has frozen Error.prototype
Object.defineProperty(MmapError.prototype, 'name', {
  value: 'MmapError',
  writable: true,
  configurable: true,
});

function describe({ path, fd, range }: MmapErrorSubject): string {
  let text = '';
  if (path !== undefined) text += ` '${path}'`;
  if (fd !== undefined) text += ` of fd ${fd}`;
  if (range !== undefined) text += `, range of ${range.length} bytes at ${range.offset}`;
  return text;
}

/** Throws if a native function answered with a failure. */
export function requireDone(answer: Failure | null, subject: MmapErrorSubject): void {
  if (answer !== null) throw new MmapError(answer, subject);
}

/** The native function's result; throws if it was a failure. */
export function requireResult<T extends number | object>(answer: T | Failure, subject: MmapErrorSubject): T {
  if (isFailure(answer)) throw new MmapError(answer, subject);
  return answer;
}

function isFailure(answer: number | object): answer is Failure {
  return typeof answer === 'object' && 'errno' in answer;
}
