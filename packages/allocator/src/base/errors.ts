// The one error type of the heap, and how arguments are named in its messages.

/** What went wrong, in the manner of errno names. */
export type VmemErrorCode =
  | 'EINVAL' // an argument is not what the function takes
  | 'ENOMEM' // no memory left in the region
  | 'EBADPTR' // not a pointer to a live block of this heap
  | 'EDOUBLEFREE' // the block is not live any more
  | 'ECORRUPT' // the region's own data contradict each other
  | 'ECLOSED' // the heap was deleted, or this thread has detached
  | 'EAGAIN' // more threads at once than the region has slots
  | 'EBUSY' // the heap rests until a call ends that is under way
  | 'ENOTSUP' // the runtime or the platform can't do it
  | (string & {}); // errno names of system calls, from backends

/**
 * What every function throws when it fails. That memory is out is no failure of those that return pointers or a count:
 * `malloc`, `calloc`, `realloc`, `alignedAlloc`, `mallocMany`, `relocate`.
 */
export class VmemError extends Error {
  declare readonly name: 'VmemError';
  /** Of several things that were passed in, the place of the one that is wrong. */
  readonly index?: number;

  constructor(
    readonly code: VmemErrorCode,
    message: string,
    // not ErrorOptions: a caller's TypeScript may be set to a library without it
    options?: { readonly cause?: unknown; readonly index?: number },
  ) {
    super(message, options);
    if (options?.index !== undefined) this.index = options.index;
  }
}

// not by an assignment in the constructor, which fails where a program has frozen Error.prototype
Object.defineProperty(VmemError.prototype, 'name', {
  value: 'VmemError',
  writable: true,
  configurable: true,
});

/** A caller's value as it should stand in a message: short, and without running the caller's code. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'string':
      return value.length > 40 ? `a string of ${value.length} characters` : JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : isArray(value) ? 'an array' : 'an object';
    default:
      return String(value);
  }
}

function isArray(value: object): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false; // a proxy that was revoked: nothing can be asked of it
  }
}
