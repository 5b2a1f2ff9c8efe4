// SQLite as WebAssembly: sql.js.

import initSqlJs from 'sql.js';
import { contents, scale, show } from './digest.mjs';

const SQL = await initSqlJs();
const db = new SQL.Database();
db.run('CREATE TABLE files (id INTEGER PRIMARY KEY, name TEXT, content BLOB)');
const insert = db.prepare('INSERT INTO files (name, content) VALUES (?, ?)');
for (let i = 0; i < 10 * scale; i++) insert.run([`file ${i}`, contents(20_000 + i, i)]);
insert.free();
const file = db.export();
show('database', file);
db.close();

const again = new SQL.Database(file);
const select = again.prepare('SELECT name, content FROM files WHERE id % 2 = 0 ORDER BY name');
while (select.step()) {
  const [name, content] = select.get();
  show(name, content);
}
select.free();
console.log(JSON.stringify(again.exec('SELECT count(*), sum(length(content)) FROM files')));
again.close();
