// A doubly linked list of extents: a head word in the tables, links in words 4 and 5 of the page records. An
// extent is in one list at most.
//
// A link is followed, or changed, only if the page that it names links back: damaged lists end with an error, and no walk
// runs in a circle.

import { VmemError } from '../base/errors';
import { NULL_PAGE, type PageIndex } from '../base/units';
import type { PageMap } from './page-map';

export class PageLists {
  /** @param invariant that damaged links break, for messages */
  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
    private readonly invariant: string,
  ) {}

  /**
   * First member of the list whose head is word `head`, or `NULL_PAGE`.
   * @throws VmemError ECORRUPT, like all methods here, if links contradict each other
   */
  first(head: number): PageIndex {
    const page = this.i32[head] as PageIndex;
    if (page !== NULL_PAGE) this.requireAfter(page, NULL_PAGE);
    return page;
  }

  /** The member after `page`, or `NULL_PAGE`. */
  next(page: PageIndex): PageIndex {
    const next = this.pageMap.next(page);
    if (next !== NULL_PAGE) this.requireAfter(next, page);
    return next;
  }

  addFirst(head: number, page: PageIndex): void {
    const first = this.first(head);
    this.pageMap.setPrevious(page, NULL_PAGE);
    this.pageMap.setNext(page, first);
    if (first !== NULL_PAGE) this.pageMap.setPrevious(first, page);
    this.i32[head] = page;
  }

  remove(head: number, page: PageIndex): void {
    const next = this.next(page);
    const previous = this.pageMap.previous(page);
    const before = previous === NULL_PAGE ? this.i32[head] : this.pageMap.next(previous);
    if (before !== page) this.refuse(page, previous);
    if (next !== NULL_PAGE) this.pageMap.setPrevious(next, previous);
    if (previous !== NULL_PAGE) this.pageMap.setNext(previous, next);
    else this.i32[head] = next;
  }

  private requireAfter(page: PageIndex, previous: PageIndex): void {
    if (page < 0 || page >= this.pageMap.pages || this.pageMap.previous(page) !== previous)
      this.refuse(page, previous);
  }

  private refuse(page: PageIndex, previous: PageIndex): never {
    throw new VmemError(
      'ECORRUPT',
      `${this.invariant} page ${page} does not belong in a list after page ${previous}`,
    );
  }
}
