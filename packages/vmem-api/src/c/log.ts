// The log of a library with C names: how much is told, and where the text goes. libvmem(7), DEBUGGING AND ERROR HANDLING
//
// PREFIX_LOG_LEVEL is read as C's atoi reads it: digits up to the first other character; what begins with none, and what is
// negative, means 0, and more than 4 means 4. PREFIX_LOG_FILE names the file; the process id is appended if it ends in `-`.
// Both are read when the library is loaded. All threads append to the one file, each line by one write, and it is made when
// the first text goes to it, for its owner alone to read. One that can't be opened is told on stderr, once a thread, and
// stderr has the log then. What can't be written is lost: a log must not make the program fail.

import { openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { threadId } from 'node:worker_threads';
import { VmemError, describe } from '@vmem-ts/allocator';
import { errorMessage, remember } from './errno';

/** From which level on something is told. */
export const enum LogLevel {
  errors = 1,
  operations = 2,
  calls = 3,
  everything = 4,
}

/** Gets text that a library prints, in pieces of whole lines. */
export type PrintFunc = (text: string) => void;

const STDERR = 2;
const OWNER_ONLY = 0o600;

export class Log {
  /** 0 to 4. */
  readonly level: number;
  private readonly path: string | undefined;
  private fd: number | undefined;
  private printFunc: PrintFunc | undefined;
  private isPrinting = false;

  /**
   * @param library its name, for the beginning of each line
   * @param prefix of the environment's variables
   */
  constructor(
    private readonly library: string,
    private readonly prefix: string,
    environment: NodeJS.ProcessEnv = process.env,
  ) {
    this.level = levelOf(environment[`${prefix}_LOG_LEVEL`]);
    const file = environment[`${prefix}_LOG_FILE`] ?? '';
    if (file !== '') this.path = resolve(file.endsWith('-') ? `${file}${process.pid}` : file);
  }

  /** Says from level 1 on which process logs. */
  begin(): void {
    if (this.level < LogLevel.errors) return;
    const program = process.argv[1] ?? 'no file';
    const { node } = process.versions;
    this.line(LogLevel.errors, this.library, `process ${process.pid}, Node.js ${node}, program ${program}`);
  }

  /** The call `name` failed: keeps errno and the message, and returns `result`. What is no `VmemError` comes through. */
  failed<T>(name: string, error: unknown, result: T): T {
    remember(error);
    if (this.level >= LogLevel.errors) this.line(LogLevel.errors, name, errorMessage());
    return result;
  }

  /** Memory is out: the same, and returns NULL. */
  outOfMemory(name: string, size: number): 0 {
    return this.failed(name, new VmemError('ENOMEM', `no memory for ${describe(size)} bytes in the pool`), 0);
  }

  /** A line of its own, told by the function `name`. Whoever calls this has compared the level. */
  line(level: LogLevel, name: string, text: string): void {
    const oneLine = text.replaceAll('\n', '\\n');
    this.print(`<${this.library}>: <${level}> [thread ${threadId}, ${name}] ${oneLine}\n`);
  }

  /** To the print function, or to the file, or to stderr, at every level. What a print function throws comes through. */
  print(text: string): void {
    if (this.printFunc === undefined || this.isPrinting) {
      this.write(text);
      return;
    }
    // what the print function itself gives reason to print would have no end
    this.isPrinting = true;
    try {
      this.printFunc(text);
    } finally {
      this.isPrinting = false;
    }
  }

  /** Has this thread's text go to `print`; to the file or to stderr again if it is undefined. */
  printTo(print: PrintFunc | undefined): void {
    this.printFunc = print;
  }

  private write(text: string): void {
    this.fd ??= this.open();
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.fd, bytes, written);
    } catch (error) {
      // a pipe that is full, and does not block; Node waits for it
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN' && this.fd === STDERR)
        process.stderr.write(bytes.subarray(written));
    }
  }

  private open(): number {
    if (this.path === undefined) return STDERR;
    try {
      return openSync(this.path, 'a', OWNER_ONLY);
    } catch (error) {
      const variable = `${this.prefix}_LOG_FILE`;
      this.fd = STDERR;
      this.write(
        `${this.library}: ${variable}: ${(error as Error).message}; what is logged goes to stderr instead\n`,
      );
      return STDERR;
    }
  }
}

function levelOf(text = ''): number {
  const level = Number.parseInt(text, 10);
  return Number.isNaN(level) ? 0 : Math.min(Math.max(level, 0), LogLevel.everything);
}
