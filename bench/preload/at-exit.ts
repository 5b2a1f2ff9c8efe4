// Loaded before a program that is timed: tells on file descriptor 3 what processor time it took in all.

import { writeSync } from 'node:fs';

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  writeSync(3, JSON.stringify({ milliseconds: (user + system) / 1000 }));
});
