// What is verified: each model as it is, and with each mutation, which must be found.

import type { Search } from './spin';

export interface Run {
  readonly defines: readonly string[];
  readonly search: Search;
  /** What in the protocol is changed; without one, nothing is, and no error may be found. */
  readonly mutation?: string;
}

const sound = (...defines: string[]): Run => ({ defines, search: 'states' });
const soundFor = (search: Search, ...defines: string[]): Run => ({ defines, search });
const mutant = (mutation: string, ...defines: string[]): Run => ({ defines, search: 'states', mutation });
const fairly = ['FAIR', 'AT_ONCE'];

export const RUNS: Readonly<Record<string, readonly Run[]>> = {
  lock: [
    sound(),
    sound('THROWS=1', 'AT_ONCE'),
    sound('THROWS=1', 'THIRD=nobody'),
    sound('THIRD=contender'),
    sound('THROWS=1', 'CUTS=1', 'ROUNDS=2', 'THIRD=nobody', 'AT_ONCE'),
    sound('WEAK'),
    sound('WEAK', 'THROWS=1', 'THIRD=nobody'),
    soundFor('endless runs', ...fairly),
    soundFor('endless runs', ...fairly, 'THIRD=nobody', 'THROWS=1'),
    mutant('drop_repair'),
    mutant('impatient'),
    mutant('early_unlock'),
    mutant('no_timeout'),
    mutant('no_abandoning', 'THROWS=1'),
    mutant('plain_release', 'WEAK'),
    mutant('no_fence_before_repair', 'WEAK', 'THROWS=1'),
    { mutation: 'no_generation_check', defines: fairly, search: 'endless runs' },
    {
      mutation: 'no_abandoned_check',
      defines: [...fairly, 'THIRD=nobody', 'THROWS=1'],
      search: 'endless runs',
    },
    {
      mutation: 'no_own_check',
      defines: [...fairly, 'THIRD=nobody', 'CUTS=1', 'ROUNDS=2'],
      search: 'endless runs',
    },
  ],
  slots: [
    sound(),
    mutant('two_reapers'),
    mutant('reap_without_claim'),
    mutant('no_clearing'),
    mutant('no_start_time'),
    mutant('stale_start_time'),
    mutant('no_torn_mark'),
    mutant('id_returns_at_once'),
  ],
  sections: [
    sound('SCENE=sharing'),
    sound('SCENE=sharing', 'AGAIN', 'AT_ONCE'),
    sound('SCENE=standstill'),
    sound('SCENE=standstill', 'WEAK'),
    sound('SCENE=release', 'AT_ONCE'),
    mutant('no_barrier', 'SCENE=sharing'),
    mutant('no_wait', 'SCENE=sharing'),
    mutant('share_without_waiting', 'SCENE=sharing'),
    mutant('plain_shared_free', 'SCENE=sharing'),
    mutant('no_barrier', 'SCENE=standstill'),
    mutant('no_wait', 'SCENE=standstill'),
    mutant('no_gate_check', 'SCENE=standstill'),
    mutant('no_rebuild', 'SCENE=standstill'),
    mutant('one_fence', 'SCENE=standstill', 'WEAK'),
    mutant('release_without_waiting', 'SCENE=release', 'AT_ONCE'),
    mutant('repair_without_waiting', 'SCENE=release', 'AT_ONCE'),
  ],
};

export function titleOf({ defines, search, mutation }: Run): string {
  const what = [...defines, ...(search === 'states' ? [] : [search])].join(' ') || 'as it is';
  return mutation === undefined ? what : `${mutation} (${what})`;
}

/** The names to define for a run. */
export function definesOf({ defines, mutation }: Run): string[] {
  return mutation === undefined ? [...defines] : [...defines, `MUTATION=${mutation}`];
}
