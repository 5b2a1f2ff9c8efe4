// A doubly linked list of extents: a head word in the tables, links in words 6 and 7 of the page records. An
// extent is in one list at most.

import { NULL_PAGE, type PageIndex } from '../base/units';
import type { PageMap } from './page-map';

export class PageLists {
  constructor(
    private readonly i32: Int32Array,
    private readonly pageMap: PageMap,
  ) {}

  /** First member of the list whose head is word `head`, or `NULL_PAGE`. */
  first(head: number): PageIndex {
    return this.i32[head] as PageIndex;
  }

  addFirst(head: number, page: PageIndex): void {
    const first = this.first(head);
    this.pageMap.setPrevious(page, NULL_PAGE);
    this.pageMap.setNext(page, first);
    if (first !== NULL_PAGE) this.pageMap.setPrevious(first, page);
    this.i32[head] = page;
  }

  remove(head: number, page: PageIndex): void {
    const next = this.pageMap.next(page);
    const previous = this.pageMap.previous(page);
    if (next !== NULL_PAGE) this.pageMap.setPrevious(next, previous);
    if (previous !== NULL_PAGE) this.pageMap.setNext(previous, next);
    else this.i32[head] = next;
  }
}
