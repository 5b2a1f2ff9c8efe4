// The tests of one subject: each of its operations on each kind of system.

import { SUBJECTS, type Subject } from './acts/all';
import { Findings } from './aftermath';
import { dieAtEveryWrite } from './matrix';

const SYSTEMS = [
  ['with a barrier', true],
  ['without a barrier', false],
] as const;

export function testSubject(name: keyof typeof SUBJECTS): void {
  const subject: Subject = SUBJECTS[name];
  const all = new Findings();

  describe.each(SYSTEMS)(`${name}, on a system %s: a thread that dies at any write of`, (_, hasBarrier) => {
    test.each(Object.entries(subject.acts))(
      '%s leaves nothing that the others can not put right',
      (__, act) => {
        const { grows, isAttached } = subject;
        const { findings, failures } = dieAtEveryWrite({ hasBarrier, grows }, isAttached, act);
        all.add(findings);
        expect(failures).toEqual([]);
      },
    );
  });

  afterAll(() => all.print(`deaths, ${name}`));
}
