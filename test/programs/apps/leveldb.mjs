// LevelDB through its native binding: classic-level.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { contents, digest, scale, show } from './digest.mjs';

const directory = mkdtempSync(join(tmpdir(), 'programs-leveldb-'));
try {
  const db = new ClassicLevel(directory, { keyEncoding: 'utf8', valueEncoding: 'buffer' });
  await db.open();
  for (let i = 0; i < 10 * scale; i++) await db.put(`key ${i}`, Buffer.from(contents(20_000 + i, i)));
  const operations = Array.from({ length: 10 * scale }, (_, i) => ({
    type: 'put',
    key: `batch ${i}`,
    value: Buffer.concat([Buffer.from(`value ${i} `), Buffer.alloc(18_000, i)]),
  }));
  await db.batch(operations);
  await db.del('key 3');
  show('one', await db.get('key 7'));
  const values = [];
  for await (const [key, value] of db.iterator({ gte: 'b' }))
    values.push(`${key} ${value.length} ${digest(value)}\n`);
  show('all', Buffer.from(values.join('')));
  const views = await db.getMany(['key 1', 'batch 1', 'nothing'], { valueEncoding: 'view' });
  views.forEach((view) => console.log(view === undefined ? 'none' : digest(view)));
  await db.close();
} finally {
  rmSync(directory, { recursive: true });
}
