/*
 * The tests of this package need its addon. `VMEM_TEST_WITHOUT_ADDON=1` leaves them out where it can't be built.
 */
import { loadError } from '@vmem-ts/mmap-helper';

export const describeWithAddon =
  loadError() !== null && process.env['VMEM_TEST_WITHOUT_ADDON'] === '1' ? describe.skip : describe;
