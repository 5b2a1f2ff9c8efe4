// Statistics as libvmem prints them. vmem_create(3)

import { VmemError, describe } from '@vmem-ts/allocator';
import { LogLevel } from '../c/log';
import { statsText } from '../pool/stats-text';
import { failedIn, log, traceCall } from './log';
import type { VMEM } from './pools';
import { withSideText } from './side-text';

const OPERATIONS = log.level >= LogLevel.operations;

/**
 * Prints figures of the pool to the print function of `vmem_set_funcs`, or to the file that VMEM_LOG_FILE names, or to
 * stderr, in one piece. Sizes are in bytes. The figures are of one moment and add up. vmem_stats_print(3)
 *
 * @param opts letters of the sections to leave out: `g` general information, `m` what is merged of all threads, `a` by
 *   thread, `b` by size class, `l` large blocks; `J` for JSON. Others are ignored. null or nothing for all
 *
 * Fails with errno EINVAL: `vmp` is no pool, or `opts` no string; EBADF: the pool was deleted; ENOMEM: no memory on the side.
 */
export function vmem_stats_print(vmp: VMEM | null, opts: string | null = null): void {
  if (OPERATIONS) traceCall(LogLevel.operations, 'vmem_stats_print', vmp, opts);
  let text: string;
  try {
    const letters: unknown = opts ?? '';
    if (typeof letters !== 'string')
      throw new VmemError('EINVAL', `opts: expected a string, got ${describe(letters)}`);
    const { backend } = vmp!;
    const lines = statsText({ backend, stats: vmp!.stats() }, letters).split(/(?<=\n)/);
    text = withSideText(lines, (copy) => copy);
  } catch (error) {
    failedIn('vmem_stats_print', vmp, error, undefined);
    return;
  }
  log.print(text);
}
