// No argument makes a function throw, or run code of the argument's, with the log on or off.

import { outputOf } from './program';

it.each(['0', '4'])('every function takes any value for any argument: level %s', (level) => {
  const variables = { VMMALLOC_LOG_LEVEL: level, VMMALLOC_LOG_FILE: '/dev/null' };
  const { calls, odd } = JSON.parse(outputOf('any-caller', [], variables)) as {
    calls: number;
    odd: string[];
  };
  expect(odd).toEqual([]);
  expect(calls).toBeGreaterThan(500);
});
