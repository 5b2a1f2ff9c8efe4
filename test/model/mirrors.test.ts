// The models name what they mirror: files and functions that exist; and every mutation that they know is tried.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { RUNS } from './models';
import { MODELS, read } from './spin';

const ROOT = resolve(MODELS, '../..');

/** What `text` says it mirrors and that is not there. */
function findMissing(text: string): string[] {
  return [...text.matchAll(/mirrors: (\S+)((?: \w+)*)/g)].flatMap(([, file = '', names = '']) => {
    if (!existsSync(join(ROOT, file))) return [file];
    const source = readFileSync(join(ROOT, file), 'utf8');
    const isThere = (name: string): boolean =>
      new RegExp(`(?:function |private |readonly |static |^ {2}(?:\\w+ )*)${name}\\b[^;]*[(:=<]`, 'm').test(
        source,
      );
    return names
      .split(' ')
      .filter((name) => name !== '' && !isThere(name))
      .map((name) => `${file} ${name}`);
  });
}

const texts = readdirSync(MODELS)
  .filter((name) => name.endsWith('.pml'))
  .map((name) => [name, readFileSync(join(MODELS, name), 'utf8')] as const);

test.each(texts)('%s mirrors files and functions that exist', (name, text) => {
  const model = name.replace('.pml', '');
  expect(text.includes('mirrors: ')).toBe(model in RUNS || name === 'slots.pml');
  expect(findMissing(text)).toEqual([]);
});

test('planted names that do not exist are found, and only they', () => {
  const text = [
    '/* mirrors: packages/allocator/src/sync/lock.ts lock lockFast unlock */',
    '/* mirrors: packages/allocator/src/sync/gone.ts lock */',
  ].join('\n');
  expect(findMissing(text)).toEqual([
    'packages/allocator/src/sync/lock.ts lockFast',
    'packages/allocator/src/sync/gone.ts',
  ]);
});

test('every mutation that a model knows is tried on it', () => {
  for (const [model, runs] of Object.entries(RUNS)) {
    const text = texts.find(([name]) => name === `${model}.pml`)![1];
    const known = [...text.matchAll(/MUTATION [!=]= (\w+)/g)].map(([, name]) => name);
    const tried = runs.flatMap(({ mutation }) => mutation ?? []);
    expect([...new Set(tried)].sort()).toEqual([...new Set(known)].sort());
  }
});

test('every mutation has a number of its own', () => {
  const text = texts.find(([name]) => name === 'mutations.pml')![1];
  const numbers = [...text.matchAll(/#define \w+ (\d+)/g)].map(([, number]) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('a search that was cut short is no whole one', () => {
  const report = 'Full statespace search for:\n       12 states, stored\nerrors: 0\n';
  expect(read(report)).toEqual({ errors: 0, states: 12, isWhole: true });
  expect(read(`error: max search depth too small\n${report}`).isWhole).toBe(false);
  expect(read(`pan: reached -DMEMLIM bound\n${report}`).isWhole).toBe(false);
  expect(read(report.replace('Full statespace', 'Bit statespace')).isWhole).toBe(false);
});
