// Where the storage of a region's pages comes from and goes to, if not all pages have it from the start to the end.
// Without one a region's memory is taken to be there.

/**
 * Implemented over files by whoever makes the region. Ranges are in bytes from the region's start and in whole pages.
 * A page without storage can be read and written like any other, in all threads: it reads as zeros, and what is
 * written is lost. The heap has locks while it calls these: they must not call it back.
 */
export interface PageSource {
  /**
   * Gives the range storage. What had some keeps its contents, the rest is zeros.
   * @throws VmemError ENOSPC, EDQUOT, EFBIG or ENOMEM if there is no room, with others for other reasons; then the
   *   range is as before
   */
  back(byteOffset: number, byteLength: number): void;
  /**
   * Takes the storage of the range away. False if that can't be done: then the range is as before.
   * @throws VmemError if it has neither been taken away, nor can be had again: then the heap will ask for one or the other later
   */
  drop(byteOffset: number, byteLength: number): boolean;
}
