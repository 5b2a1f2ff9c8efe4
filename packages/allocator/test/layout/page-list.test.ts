import { asPage, type PageIndex } from '#src/base/units';
import { PageLists } from '#src/layout/page-list';
import { PageMap, PageRecord } from '#src/layout/page-map';
import { randomFor } from '../support/random';
import { codeOf } from '../support/thrown';

const PAGES = 64;
const HEADS = [0, 1, 2];

function emptyLists(): { lists: PageLists; pageMap: PageMap } {
  const pageMap = new PageMap(new Int32Array(PAGES * PageRecord.words), PAGES);
  return { lists: new PageLists(new Int32Array(HEADS.length), pageMap, '[SLAB-2]'), pageMap };
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

test('links that contradict each other end with an error, and no walk runs in a circle', () => {
  const damages: ((pageMap: PageMap, heads: Int32Array) => unknown)[] = [
    (_, heads) => (heads[1] = 9),
    (_, heads) => (heads[1] = -5),
    (_, heads) => (heads[1] = PAGES),
    (pageMap) => pageMap.setNext(asPage(7), asPage(7)),
    (pageMap) => pageMap.setNext(asPage(5), asPage(7)),
    (pageMap) => pageMap.setNext(asPage(9), asPage(2 ** 30)),
    (pageMap) => pageMap.setPrevious(asPage(5), asPage(3)),
    (pageMap) => pageMap.setPrevious(asPage(7), asPage(5)),
  ];
  for (const damage of damages) {
    const pageMap = new PageMap(new Int32Array(PAGES * PageRecord.words), PAGES);
    const heads = new Int32Array(HEADS.length);
    const lists = new PageLists(heads, pageMap, '[SLAB-2]');
    for (const n of [5, 9, 7]) lists.addFirst(1, asPage(n)); // 7, 9, 5
    damage(pageMap, heads);
    const walk = (): void => {
      for (let page = lists.first(1); (page as number) !== 0; page = lists.next(page));
    };
    expect(codeOf(walk)).toBe('ECORRUPT');
  }
});

test('what does not link back is not taken out of a list', () => {
  const { lists, pageMap } = emptyLists();
  for (const n of [5, 9, 7]) lists.addFirst(1, asPage(n));
  pageMap.setPrevious(asPage(9), asPage(5));
  for (const page of [7, 9]) expect(codeOf(() => lists.remove(1, asPage(page)))).toBe('ECORRUPT');
  pageMap.setPrevious(asPage(9), asPage(7));
  expect(codeOf(() => lists.remove(1, asPage(30)))).toBe('ECORRUPT'); // it is in none
  expect(membersOf(lists, pageMap, 1)).toEqual([7, 9, 5]);
});
