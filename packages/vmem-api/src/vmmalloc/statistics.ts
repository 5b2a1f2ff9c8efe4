// Statistics when the process ends. libvmmalloc(7), VMMALLOC_LOG_STATS

import { VmemError } from '@vmem-ts/allocator';
import { LogLevel } from '../c/log';
import { statsText } from '../pool/stats-text';
import type { Vmem } from '../vmem';
import { log } from './log';

/** As in C: no general information, nothing by size class or by thread. */
const OMITTED = 'gba';

/** Has a summary printed to the log's destination, at any level, when the calling thread ends, if there is a pool then. */
export function printAtExit(findPool: () => Vmem | undefined): void {
  process.on('exit', () => {
    try {
      const pool = findPool();
      if (pool === undefined) return;
      const text = statsText({ backend: pool.backend, stats: pool.stats() }, OMITTED);
      log.print(`\n=========    vmem pool   ========\n${text}`);
    } catch (error) {
      // a program that ends well must not fail for this
      if (!(error instanceof VmemError)) throw error;
      if (log.level >= LogLevel.errors) log.line(LogLevel.errors, 'libvmmalloc', error.message);
    }
  });
}
