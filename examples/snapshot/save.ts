// The process that saves: it has the ledger as it was when it was started, and all the time it needs.

import { closeSync, openSync, writeSync } from 'node:fs';
import { Vmem } from '@vmem-ts/vmem-api';
import { Ledger } from './ledger';

const ACCOUNTS_A_WRITE = 4096;

function save(table: number, accounts: number, path: string): void {
  const pool = Vmem.inherited();
  if (pool === null) throw new Error('this is started by main.js, with a pool');
  const ledger = Ledger.at(pool, table, accounts);
  const file = openSync(path, 'wx');
  let lines: string[] = [];
  const flush = (): void => {
    writeSync(file, lines.join(''));
    lines = [];
  };
  for (const { account, balance, transfers, isWhole } of ledger.all()) {
    if (!isWhole) throw new Error(`the record of account ${account} is not whole`);
    lines.push(`${account} ${balance} ${transfers}\n`);
    if (lines.length === ACCOUNTS_A_WRITE) flush();
  }
  flush();
  closeSync(file);
  if (pool.check() !== 1) throw new Error('the pool is not consistent');
}

const [, , table, accounts, path = ''] = process.argv;
try {
  save(Number(table), Number(accounts), path);
} catch (error) {
  process.stderr.write(`save: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
process.disconnect();
