// Memory that can be had without swapping.

import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';

export function availableMemory(): number {
  try {
    const [, kib = ''] = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
    return Number(kib) * 1024;
  } catch {
    return freemem();
  }
}
