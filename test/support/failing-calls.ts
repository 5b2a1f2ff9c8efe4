// The functions of the addon's package, which fail when a test wants it, as the system calls behind them may. For
// `jest.mock`, before anything that loads the package is imported.

type Args = readonly unknown[];
/** The code that a call fails with; undefined to let it through. */
export type Failure = (...args: Args) => string | undefined;

const failures = new Map<string, Failure>();

/** The package's exports, the functions among them in a form that asks here first. */
export function withFailures(helper: object): object {
  return Object.fromEntries(
    Object.entries(helper).map(([name, value]: [string, unknown]) => {
      const isFunction = typeof value === 'function' && /^[a-z]/.test(name); // no class
      return [name, isFunction ? failingAtWill(name, value as (...args: Args) => unknown) : value];
    }),
  );
}

function failingAtWill(name: string, call: (...args: Args) => unknown): (...args: Args) => unknown {
  return (...args) => {
    const code = failures.get(name)?.(...args);
    if (code === undefined) return call(...args);
    throw Object.assign(new Error(`${code}: ${name} fails, since a test wants it`), { code, syscall: name });
  };
}

/** Runs `action` while those functions fail. */
export function whileFailing<T>(wanted: Readonly<Record<string, Failure>>, action: () => T): T {
  for (const [name, failure] of Object.entries(wanted)) failures.set(name, failure);
  try {
    return action();
  } finally {
    failures.clear();
  }
}
