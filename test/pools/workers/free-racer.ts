// Frees the blocks that other threads free at the same moment, round after round.

import { parentPort, workerData } from 'node:worker_threads';
import { Vmem, type VmemHandle } from '@vmem-ts/vmem-api';
import { freeWithOthers, type FreeRace } from '../../support/free-race';
import { meet } from '../../support/meeting';

export interface FreeRacerTask {
  readonly handle: VmemHandle;
  readonly race: FreeRace;
}

const { handle, race } = workerData as FreeRacerTask;
const pool = Vmem.attach(handle);
const odd: string[] = [];
for (let round = 0; round < race.rounds; round++) {
  meet(race.meeting, race.threads); // there are blocks
  odd.push(...freeWithOthers(pool, race));
  meet(race.meeting, race.threads); // all are freed
}
pool.detach();
parentPort!.postMessage(odd);
