// Fills an adaptive radix tree in a pool with words that it makes up, changes and deletes some, and compares each step with a
// Map. Arguments: `--dir` and a place, and how many words.

import { vmem_check, vmem_create, vmem_delete, vmem_errormsg } from '@vmem-ts/vmem-api/libvmem';
import { fail, numberOf, run } from '../program';
import { ArtTree, NODE_NAMES, type Bytes } from './tree';
import { makeWords } from './words';

/** What keys and values are in the tree: bytes, and a key has its NUL. */
const key = (word: string): Bytes => new TextEncoder().encode(`${word}\0`);
const value = (text: string): Bytes => new TextEncoder().encode(text);
const text = (bytes: Bytes): string => new TextDecoder().decode(bytes);

function compare(tree: ArtTree, expected: ReadonlyMap<string, string>, step: string): void {
  const sorted = [...expected.keys()].sort((a, b) => Buffer.compare(key(a), key(b)));
  let at = 0;
  for (const [found, its] of tree.entries()) {
    const word = sorted[at++];
    if (text(found) !== `${word}\0`) fail(`${step}: expected '${word}', found '${text(found)}'`);
    if (text(its) !== expected.get(word)) fail(`${step}: '${word}' has the value '${text(its)}'`);
    if (text(tree.search(key(word)) ?? value('')) !== expected.get(word)) fail(`${step}: no '${word}' found`);
  }
  if (at !== sorted.length) fail(`${step}: ${sorted.length} words expected, ${at} found`);
  const kinds = tree.countKinds().map((count, kind) => `${count} ${NODE_NAMES[kind]}`);
  console.log(`${step}: ${kinds.join(', ')}; as in the Map`);
}

void run((dir, [count]) => {
  const words = makeWords(numberOf(count, 20_000));
  const vmp = vmem_create(dir, 32 * 2 ** 20);
  if (vmp === null) fail(`vmem_create: ${vmem_errormsg()}`);
  const tree = new ArtTree(vmp);
  const expected = new Map<string, string>();

  for (const word of words) {
    const isNew = tree.insert(key(word), value(`the word ${word}`));
    if (isNew === expected.has(word)) fail(`'${word}' was new, and was not`);
    expected.set(word, `the word ${word}`);
  }
  compare(tree, expected, 'inserted');

  for (const word of words.filter((_, i) => i % 3 === 0)) {
    const longer = 'changed '.repeat(1 + (word.length % 5));
    if (tree.insert(key(word), value(longer))) fail(`'${word}' was gone`);
    expected.set(word, longer);
  }
  compare(tree, expected, 'changed');

  for (const word of words.filter((_, i) => i % 10 !== 0)) {
    if (tree.delete(key(word)) !== expected.delete(word)) fail(`'${word}' was there, and was not`);
    if (tree.search(key(word)) !== undefined) fail(`'${word}' is still there`);
  }
  compare(tree, expected, 'deleted');

  for (const word of expected.keys()) if (!tree.delete(key(word))) fail(`'${word}' was gone`);
  compare(tree, new Map(), 'emptied');
  tree.destroy();

  if (vmem_check(vmp) !== 1) fail('the pool is not consistent');
  const { liveBlocks } = vmp.stats();
  if (liveBlocks !== 0) fail(`${liveBlocks} blocks are left`);
  vmem_delete(vmp);
  console.log('no block is left');
});
