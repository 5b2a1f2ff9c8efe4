import { asPage, type PageIndex } from '#src/base/units';
import { PageLists } from '#src/layout/page-list';
import { PageMap, PageRecord } from '#src/layout/page-map';
import { randomFor } from '../support/random';

const PAGES = 64;
const HEADS = [0, 1, 2];

function emptyLists(): { lists: PageLists; pageMap: PageMap } {
  const pageMap = new PageMap(new Int32Array(PAGES * PageRecord.words), PAGES);
  return { lists: new PageLists(new Int32Array(HEADS.length), pageMap), pageMap };
}

function membersOf(lists: PageLists, pageMap: PageMap, head: number): PageIndex[] {
  const members: PageIndex[] = [];
  for (let page = lists.first(head); (page as number) !== 0; page = pageMap.next(page)) {
    expect(pageMap.previous(page)).toBe(members.at(-1) ?? 0);
    members.push(page);
  }
  return members;
}

test('an empty list has no first member', () => {
  expect(emptyLists().lists.first(1)).toBe(0);
});

test('the member added last comes first', () => {
  const { lists, pageMap } = emptyLists();
  for (const n of [5, 9, 7]) lists.addFirst(1, asPage(n));
  expect(membersOf(lists, pageMap, 1)).toEqual([7, 9, 5]);
});

test('lists behave like arrays when members come and go at random', () => {
  const random = randomFor('page lists');
  const { lists, pageMap } = emptyLists();
  const model = HEADS.map((): PageIndex[] => []);
  for (let step = 0; step < 600; step++) {
    const page = asPage(random.between(1, PAGES - 1));
    const head = HEADS.find((h) => model[h].includes(page));
    if (head === undefined) {
      const to = random.pick(HEADS);
      lists.addFirst(to, page);
      model[to].unshift(page);
    } else {
      lists.remove(head, page);
      model[head].splice(model[head].indexOf(page), 1);
    }
    for (const h of HEADS) expect(membersOf(lists, pageMap, h)).toEqual(model[h]);
  }
});
