// Every name of memkind.h is there, and its constants have the values that C gives them.

import { existsSync, readFileSync } from 'node:fs';
import * as memkind from '@vmem-ts/vmem-api/memkind';

const HEADER = '/usr/include/memkind.h';
const hasHeader = existsSync(HEADER);
if (!hasHeader) process.stdout.write(`skipped: names of memkind.h: there is no ${HEADER}\n`);

const itWithHeader = hasHeader ? it : it.skip;

/** Of the header's own use. */
const NOT_FOR_PROGRAMS = ['MEMKIND_BIT', 'MEMKIND_MALLOC_USABLE_SIZE_CONST'];
const exported: Readonly<Record<string, unknown>> = memkind;

itWithHeader('memkind.h: every function, constant and kind', () => {
  const header = readFileSync(HEADER, 'utf8').replace(/\/\*[^]*?\*\/|\/\/.*/g, '');
  const functions = header.match(/\bmemkind_\w+(?=\()/g) ?? [];
  const constants = header.match(/\bMEMKIND_\w+/g) ?? [];
  const names = [...new Set([...functions, ...constants])].filter((name) => !NOT_FOR_PROGRAMS.includes(name));
  expect(names.length).toBeGreaterThan(80);
  expect(names.filter((name) => !Object.hasOwn(exported, name))).toEqual([]);

  const values = [...header.matchAll(/\b(MEMKIND_\w+) = (-?\d+)(?:U(?:ll)?)?(?: << (\d+))?\s*,/g)];
  expect(values.length).toBeGreaterThan(20);
  const wrong = values
    .map(([, name = '', digits, shift = '0']) => [name, Number(digits) * 2 ** Number(shift)] as const)
    .filter(([name, value]) => exported[name] !== value);
  expect(wrong).toEqual([]);
});
