// The guest's first file system, which it keeps in memory: busybox, the modules and its first program. An archive as
// cpio(5) describes it, "newc".

import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly content?: Buffer;
}

const FOLDER = 0o040755;
const PROGRAM = 0o100755;

export function writeInitrd(target: string, busybox: string, init: string, modules: readonly string[]): void {
  const entries: Entry[] = [
    ...['bin', 'modules'].map((path) => ({ path, mode: FOLDER })),
    { path: 'bin/busybox', mode: PROGRAM, content: readFileSync(busybox) },
    { path: 'init', mode: PROGRAM, content: readFileSync(init) },
    ...modules.map((file) => ({
      path: `modules/${basename(file)}`,
      mode: PROGRAM,
      content: readFileSync(file),
    })),
  ];
  const trailer = { path: 'TRAILER!!!', mode: 0 };
  writeFileSync(target, Buffer.concat([...entries, trailer].flatMap(record)));
}

let inode = 1;

function record({ path, mode, content = Buffer.alloc(0) }: Entry): Buffer[] {
  const name = Buffer.from(`${path}\0`);
  const [uid, gid, links, time, major, minor, deviceMajor, deviceMinor, checksum] = [
    0, 0, 1, 0, 0, 0, 0, 0, 0,
  ];
  const fields = [
    ...[inode++, mode, uid, gid, links, time, content.length, major, minor],
    ...[deviceMajor, deviceMinor, name.length, checksum],
  ];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [padded(Buffer.concat([head, name])), padded(content)];
}

/** To a multiple of 4 bytes. */
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
