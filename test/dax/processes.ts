// Other programs beside the tests'.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { scriptPath } from '../support/worker';
import { script } from './sharing';

export interface Opened {
  /** What making a pool has thrown, or `none`. */
  readonly failure: string;
  /** A block of calloc had nothing but zeros. */
  readonly isZero: boolean;
}

const resultOf = <T>(name: string, ...args: string[]): T =>
  JSON.parse(execFileSync(process.execPath, [script(`${name}.js`), ...args], { encoding: 'utf8' })) as T;

/** Another process makes a pool there, and has `bytes` of calloc. */
export const openElsewhere = (place: string, bytes = 0): Opened => resultOf('opener', place, String(bytes));

/** How often another process finds a text in the first bytes of a device. */
export const countElsewhere = (device: string, text: string, bytes: number): number =>
  resultOf('device-reader', device, text, String(bytes));

/** Runs a process that has a pool there, in which it fills a MiB with 7, and kills it after `meanwhile`. */
export async function killOwner(place: string, meanwhile: () => void): Promise<void> {
  const owner = spawn(process.execPath, [scriptPath('pool-owner'), place, String(16 * 2 ** 20)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(owner, 'exit');
  await once(owner.stdout, 'data');
  meanwhile();
  owner.kill('SIGKILL');
  await ended;
}
