// Checks the list of unbacked extents against the census, and that what describes pages has storage.

import { isPlausible } from '../../extent/page-backing';
import {
  Backing,
  Extents,
  Storage,
  UsagePolicy,
  emptyMapPages,
  isPlausibleMap,
} from '../../layout/region-layout';
import { NULL_PAGE, type PageIndex } from '../../base/units';
import { walkList, type CheckScene } from './scene';

/** What is under way, or was when a thread died, and how. */
function checkUnderWay({ found, i32, core }: CheckScene): void {
  const page = i32[Backing.page];
  const policy = i32[Backing.policy];
  found.expect(
    page === NULL_PAGE || isPlausible(core.region, page, i32[Backing.pages]),
    '[BACKING-2]',
    () => `${i32[Backing.pages]} pages at page ${page} are written down`,
  );
  found.expect(
    policy === UsagePolicy.keep || policy === UsagePolicy.conservative,
    '[BACKING-2]',
    () => `there is no policy ${policy}`,
  );
  const storage = i32[Backing.storage];
  found.expect(
    storage >= Storage.own && storage <= Storage.borrowed,
    '[BACKING-2]',
    () => `there is no state ${storage} of the storage`,
  );
}

export function checkUnbacked(scene: CheckScene): void {
  const { found, i32, pageMap } = scene;
  const seen = new Set<PageIndex>();
  walkList(scene, '[UNBACKED-1]', 'unbacked extents', i32[Extents.unbacked] as PageIndex, (page) => {
    const isNew = !seen.has(page);
    seen.add(page);
    return isNew && scene.unbacked.has(page);
  });
  for (const page of scene.unbacked.keys()) {
    found.expect(seen.has(page), '[UNBACKED-1]', () => `unbacked extent at page ${page}: not in the list`);
  }
  checkUnderWay(scene);
  const mapped = i32[Backing.mapped];
  const tables = scene.core.region.firstDataPage;
  const skipped = i32[Backing.skipped];
  const isSkipped = skipped === 0 || skipped === emptyMapPages(tables);
  found.expect(
    isPlausibleMap(mapped, pageMap.pages) && isSkipped && tables < mapped,
    '[BACKING-1]',
    () => `${mapped} page records have storage, but for those of ${skipped} pages`,
  );
  for (const [page, length] of scene.unbacked) {
    found.expect(
      page < mapped && (page + length === pageMap.pages || page + length < mapped),
      '[BACKING-1]',
      () => `unbacked extent of ${length} pages at page ${page}: ${mapped} page records have storage`,
    );
  }
}
