// Calls as commands of fast-check: made, judged, and the pools looked at afterwards.

import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import type { Method, User } from './methods';
import type { PoolModel, World } from './model';
import type { Arg } from './values';

/** Calls and refusals by method. */
export class Figures {
  readonly calls = new Map<string, number>();
  refusals = 0;
  cases = 0;

  count(name: string): void {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
  }

  get total(): number {
    return [...this.calls.values()].reduce((sum, n) => sum + n, 0);
  }
}

interface Refusal {
  readonly name: string;
  readonly code?: string;
  readonly index?: number;
}

/** What a caller's own code threw is told by its name. */
function codeOf(error: unknown): string {
  const { name, code } = (error ?? {}) as Partial<Refusal>;
  if (name === 'VmemError' && code !== undefined && /^E[A-Z0-9]+$/.test(code)) return code;
  if (name === 'CallerError') return name;
  throw error;
}

class Call implements fc.Command<World, Figures> {
  constructor(
    private readonly key: string | symbol,
    private readonly method: Method,
    private readonly args: readonly Arg[],
    private readonly poolIndex: 0 | 1,
    private readonly attachment: 0 | 1,
  ) {}

  check(): boolean {
    return true;
  }

  run({ pools }: World, figures: Figures): void {
    const pool = pools[this.poolIndex];
    const user = pool.attachments[this.attachment] as User;
    const isOpen = !pool.isDeleted && pool.isOpen[this.attachment];
    const args = this.args.map((arg) => arg.make(pool));
    const judgement = this.method.judge(pool, args, user);
    if (judgement.must?.length === 0) return;
    figures.count(String(this.key));
    let result: unknown;
    try {
      const member = Reflect.get(user, this.key) as unknown;
      result = typeof member === 'function' ? (Reflect.apply(member, user, args) as unknown) : member;
    } catch (error) {
      figures.refusals++;
      const code = codeOf(error);
      const codes = [...(judgement.must ?? []), ...(judgement.may ?? []), ...(isOpen ? [] : ['ECLOSED'])];
      assert(codes.includes(code), `${this.toString()} threw ${code}, not one of ${codes.join()}`);
      if (isOpen) judgement.refused?.(error as Refusal);
      pool.verify();
      if (figures.refusals % 8 === 0) pool.other.verify();
      return;
    }
    if (this.method.isForEver !== true) assert(isOpen, `${this.toString()} after the end of the pool`);
    assert(judgement.must === undefined, `${this.toString()} gave ${typeof result}, and no error`);
    judgement.done?.(result);
  }

  toString(): string {
    const member = `${'AB'[this.poolIndex]}${this.attachment}.${String(this.key)}`;
    return `${member}(${this.args.join(', ')})`;
  }
}

/** A command for each method, as often as its weight says. */
export function callsOf(
  methods: Readonly<Record<string, Method>>,
): fc.Arbitrary<fc.Command<World, Figures>>[] {
  return Reflect.ownKeys(methods).flatMap((key) => {
    const method = methods[key as string];
    const call = fc
      .tuple(fc.tuple(...method.args), fc.constantFrom(0, 0, 1), fc.constantFrom(0, 0, 1))
      .map(([args, pool, attachment]) => new Call(key, method, args, pool, attachment));
    return new Array<typeof call>(method.weight).fill(call);
  });
}

/** A call that belongs to no pool, such as one of a static method. */
export class Static implements fc.Command<World, Figures> {
  constructor(
    private readonly name: string,
    private readonly args: readonly Arg[],
    private readonly poolIndex: 0 | 1,
    private readonly codes: RegExp,
    private readonly act: (args: readonly unknown[], pool: PoolModel) => void,
  ) {}

  check(): boolean {
    return true;
  }

  run({ pools }: World, figures: Figures): void {
    const pool = pools[this.poolIndex];
    const args = this.args.map((arg) => arg.make(pool));
    figures.count(this.name);
    try {
      this.act(args, pool);
    } catch (error) {
      figures.refusals++;
      assert.match(codeOf(error), this.codes, this.toString());
    }
    pool.verify();
  }

  toString(): string {
    return `${this.name}(${this.args.join(', ')})`;
  }
}

export function staticCall(
  name: string,
  args: readonly fc.Arbitrary<Arg>[],
  act: (args: readonly unknown[], pool: PoolModel) => void,
  codes = /^(E[A-Z0-9]+|CallerError)$/,
): fc.Arbitrary<fc.Command<World, Figures>> {
  return fc
    .tuple(fc.tuple(...args), fc.constantFrom(0, 1))
    .map(([made, pool]) => new Static(name, made, pool, codes, act));
}
