// The bench's side of a cell: starts its process, asks, waits, gives up.

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Reply } from './protocol';
import { BenchError, TimeOver, messageOf } from '../failure';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const STDERR_KEPT = 2000;

export class CellProcess {
  private readonly lines: AsyncIterator<string, undefined>;
  private readonly reader: Interface;
  private stderr = '';

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.reader = createInterface({ input: child.stdout });
    this.lines = this.reader[Symbol.asyncIterator]();
    child.stderr.on(
      'data',
      (data: Buffer) => (this.stderr = (this.stderr + data.toString()).slice(-STDERR_KEPT)),
    );
    // A child that is gone shows as the end of its output.
    child.stdin.on('error', () => undefined);
    child.on('error', () => undefined);
  }

  /** @returns the process and what it said of its allocator */
  static async start(program: Program, limitMs: number): Promise<{ cell: CellProcess; hello: Reply }> {
    const env = { ...process.env, ...program.env };
    const cell = new CellProcess(spawn(program.command, program.args, { env }));
    return { cell, hello: await cell.hear(limitMs) };
  }

  ask(order: string, limitMs: number): Promise<Reply> {
    this.child.stdin.write(`${order}\n`);
    return this.hear(limitMs);
  }

  async stop(limitMs: number): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end('quit\n');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    await ended;
    clearTimeout(timer);
    this.reader.close();
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async hear(limitMs: number): Promise<Reply> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill();
    }, limitMs);
    let line = await this.lines.next();
    while (line.done !== true && !line.value.startsWith('{')) {
      // What flags like --trace-deopt make Node say.
      process.stderr.write(`${line.value}\n`);
      line = await this.lines.next();
    }
    clearTimeout(timer);
    if (late) throw new TimeOver(`took longer than ${limitMs / 1000} s`);
    if (line.done === true) throw new BenchError(this.ending());
    const reply = parseReply(line.value);
    if (reply.error !== undefined) {
      this.kill();
      throw new BenchError(reply.error);
    }
    return reply;
  }

  private ending(): string {
    const { exitCode, signalCode } = this.child;
    const said = this.stderr.trim().split('\n').at(-1) ?? '';
    return `its process ended (${signalCode ?? exitCode ?? 'not started'})${said === '' ? '' : `: ${said}`}`;
  }
}

function parseReply(line: string): Reply {
  try {
    return JSON.parse(line) as Reply;
  } catch (error) {
    throw new BenchError(`a cell said '${line.slice(0, 80)}': ${messageOf(error)}`);
  }
}
