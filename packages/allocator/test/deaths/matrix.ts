// Plays the deaths of a thread at each write of an operation.

import { Aftermath, Findings, type Manner } from './aftermath';
import { Naps } from '../support/naps';
import type { Recording } from './recording';
import { Scene, type Place } from './scene';

/** An operation of the dying thread: prepares the scene and returns it. */
export type Act = (scene: Scene) => () => void;

/** Who sleeps while a lock is not let go of asks at its eighth look whether the owner lives; of whom it knows, it need not. */
const NAPS_FOR_ONE = 7;
/** VMEM_TEST_EVERY_DEATH=1: each death in each manner on each system, which takes twice as long. */
const EVERY_MANNER = process.env.VMEM_TEST_EVERY_DEATH === '1';
const MANNERS: readonly Manner[] = ['loud', 'silent'];
const MOST_FAILURES = 5;
// eslint-disable-next-line no-control-regex
const ANSI_COLOURS = /\u001b\[\d+m/g;

export interface Deaths {
  readonly findings: Findings;
  /** What went wrong, a few times at most. */
  readonly failures: readonly string[];
}

/** Records the operation in a scene of its own. */
export function recordingOf(
  place: Place,
  isAttached: boolean,
  act: Act,
): { scene: Scene; recording: Recording } {
  const scene = new Scene(place);
  if (isAttached) scene.attachMortal();
  let operation!: () => void;
  scene.mortal.run(() => (operation = act(scene)));
  return { scene, recording: scene.record(operation) };
}

/**
 * What becomes of the others when a thread dies at each write of one operation, with a death note or silently.
 *
 * @param isAttached false if the operation is how it attaches
 */
export function dieAtEveryWrite(place: Place, isAttached: boolean, act: Act): Deaths {
  const naps = new Naps();
  const findings = new Findings();
  const failures: string[] = [];
  naps.during(() => {
    const { scene, recording } = recordingOf(place, isAttached, act);
    findings.operations = 1;
    findings.deaths = recording.length;
    recording.visit((moment) => {
      // each write in one manner on one system and in the other on the other
      const isLoud = moment.at % 2 === (place.hasBarrier ? 0 : 1);
      const manners = EVERY_MANNER ? MANNERS : [MANNERS[isLoud ? 0 : 1]];
      for (const manner of manners) {
        if (failures.length >= MOST_FAILURES) return;
        try {
          const mostNaps = NAPS_FOR_ONE * (1 + moment.dead.length);
          moment.restore();
          const aftermath = new Aftermath(scene, moment, manner, naps, findings, mostNaps);
          aftermath.expectHoldings();
          if (!moment.isNew) return;
          findings.aftermaths++;
          aftermath.die();
          aftermath.liveOn(moment.at * 5 + (manner === 'loud' ? 0 : 11));
          aftermath.expectNothingLost();
        } catch (error) {
          const text = (error as Error).message.replace(ANSI_COLOURS, '');
          failures.push(`${manner} death at write ${moment.at}: ${text}`);
        }
      }
    });
  });
  return { findings, failures };
}
