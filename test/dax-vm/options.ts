// The command line.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export const ALIGNMENTS = ['4K', '2M', '1G'] as const;
export type Alignment = (typeof ALIGNMENTS)[number];

export interface Options {
  readonly install: boolean;
  /** A line such as `20`, or the path of a binary; undefined: the one that runs this. */
  readonly node: string | undefined;
  /** Of the device that most tests use. */
  readonly align: Alignment;
  readonly accel: 'auto' | 'kvm' | 'tcg';
  readonly cpus: number;
  readonly mebibytes: number;
  readonly timeoutSeconds: number;
  readonly verbose: boolean;
  /** What jest takes: parts of paths of test files. None: those that are about DAX. */
  readonly filters: readonly string[];
}

export class UsageError extends Error {}

export const HELP = `Usage: npm run test:dax -- [options] [part of a test file's path ...]

Runs tests in a virtual machine that has persistent memory: DAX devices aligned to ${ALIGNMENTS.join(', ')} and an ext4 that is
mounted with dax=always, on NVDIMMs that QEMU emulates. Without any path, the tests that are about DAX. The machine sees
the host's files, and changes none.

  --install          install the Debian packages that are missing, as root (without it they are named)
  --node <which>     a line of Node.js, such as 20, or a file (default: ${process.version}, which runs this)
  --align <size>     which device most tests use: ${ALIGNMENTS.join(', ')} (default: 2M)
  --accel <which>    auto, kvm or tcg, which is emulation (default: auto, kvm where that works)
  --cpus <n>         processors of the machine (default: 2, or fewer if there are)
  --memory <MiB>     its memory (default: 1536)
  --timeout <s>      seconds after which all is ended (default: 900)
  --verbose          print the machine's console in the end
  --help             print this

Exit status: that of the tests; 0 with a line that says why where there can be no such machine; 124 after the time-out; 125
when the machine broke down; 2 for a wrong command line. Kernel and initrd are kept in .setup/dax-vm.
`;

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  return {
    install: values.install ?? false,
    node: values.node,
    align: oneOf('--align', values.align, ALIGNMENTS) ?? '2M',
    accel: oneOf('--accel', values.accel, ['auto', 'kvm', 'tcg'] as const) ?? 'auto',
    cpus: wholeNumber('--cpus', values.cpus) ?? Math.min(2, availableParallelism()),
    mebibytes: wholeNumber('--memory', values.memory) ?? 1536,
    timeoutSeconds: wholeNumber('--timeout', values.timeout) ?? 900,
    verbose: values.verbose ?? false,
    filters: positionals,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        install: { type: 'boolean' },
        node: { type: 'string' },
        align: { type: 'string' },
        accel: { type: 'string' },
        cpus: { type: 'string' },
        memory: { type: 'string' },
        timeout: { type: 'string' },
        verbose: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function oneOf<T extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  throw new UsageError(`${flag}: expected one of ${choices.join(', ')}, got '${text}'`);
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new UsageError(`${flag}: expected a whole number above 0, got '${text}'`);
}
