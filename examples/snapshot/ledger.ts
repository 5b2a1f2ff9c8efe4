// A large structure in a pool: accounts, each with a record in a block of its own, which every transfer replaces by a new one.
// Money only goes from one account to another, so all balances add up to the same sum whenever no transfer is under way, and
// hardly ever in the middle of some.

import type { Vmem } from '@vmem-ts/vmem-api';

/** What every account begins with. */
export const START = 1000;

/** Words of 8 bytes at the start of a record; notes follow, as many words as the record says. */
const enum Word {
  account,
  balance,
  /** How often the account took part in a transfer. */
  transfers,
  notes,
  end,
}
const WORD = 8;

export interface Account {
  readonly account: number;
  readonly balance: number;
  readonly transfers: number;
  /** Of what the record says of itself; wrong if it was read while it was written. */
  readonly isWhole: boolean;
}

export class Ledger {
  private readonly words: Float64Array;
  private readonly records: Float64Array;

  /** @param table pointer to the pointers of all records */
  private constructor(
    private readonly pool: Vmem,
    readonly table: number,
    readonly accounts: number,
  ) {
    this.words = new Float64Array(pool.buffer, pool.byteOffset, Math.floor(pool.size / WORD));
    this.records = pool.view(Float64Array, table, accounts);
  }

  static create(pool: Vmem, accounts: number): Ledger {
    const table = pool.calloc(accounts, WORD);
    if (table === 0) throw new RangeError('the pool is too small for the table');
    const ledger = new Ledger(pool, table, accounts);
    for (let account = 0; account < accounts; account++) ledger.replace(account, START, 0);
    return ledger;
  }

  /** The ledger in a pool that another thread or process has made it in. */
  static at(pool: Vmem, table: number, accounts: number): Ledger {
    return new Ledger(pool, table, accounts);
  }

  transfer(from: number, to: number, amount: number): void {
    const payer = this.read(from);
    const payee = this.read(to);
    this.replace(from, payer.balance - amount, payer.transfers + 1);
    this.replace(to, payee.balance + amount, payee.transfers + 1);
  }

  read(account: number): Account {
    const at = this.records[account] / WORD;
    const { words } = this;
    const balance = words[at + Word.balance];
    const transfers = words[at + Word.transfers];
    const notes = words[at + Word.notes];
    let isWhole = words[at + Word.account] === account && notes === notesAfter(transfers);
    for (let i = 0; isWhole && i < notes; i++) isWhole = words[at + Word.end + i] === balance + i;
    return { account, balance, transfers, isWhole };
  }

  *all(): Generator<Account, undefined, undefined> {
    for (let account = 0; account < this.accounts; account++) yield this.read(account);
  }

  delete(): void {
    this.pool.freeMany(this.records);
    this.pool.free(this.table);
  }

  private replace(account: number, balance: number, transfers: number): void {
    const notes = notesAfter(transfers);
    const ptr = this.pool.malloc((Word.end + notes) * WORD);
    if (ptr === 0) throw new RangeError('the pool is full');
    const { words } = this;
    const at = ptr / WORD;
    words[at + Word.account] = account;
    words[at + Word.balance] = balance;
    words[at + Word.transfers] = transfers;
    words[at + Word.notes] = notes;
    for (let i = 0; i < notes; i++) words[at + Word.end + i] = balance + i;
    const old = this.records[account];
    this.records[account] = ptr;
    this.pool.free(old);
  }
}

/** Records are of many sizes. */
const notesAfter = (transfers: number): number => (transfers * 7) % 29;
