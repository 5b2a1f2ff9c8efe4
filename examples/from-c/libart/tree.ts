// An adaptive radix tree in a pool: a map from byte strings to byte strings, in order. Its nodes have room for 4, 16, 48 or
// 256 children, and are replaced by the next larger or smaller kind as children come and go. Everything is a block of the
// pool: nodes, and leaves with a key and its value.
//
// A node says how many bytes all keys below have in common there, not which ones: any leaf below has them. So a search skips
// them and compares the whole key with the leaf that it comes to.
//
// No key may be the beginning of another one; C strings with their NUL are not.

import { vmem_errormsg, vmem_free, vmem_malloc, type VMEM } from '@vmem-ts/vmem-api/libvmem';
import { fail } from '../program';

const LEAF = 0;
const NODE4 = 1;
const NODE16 = 2;
const NODE48 = 3;
const NODE256 = 4;

export const NODE_NAMES = ['leaf', 'node4', 'node16', 'node48', 'node256'];

// Where things are in a block, in bytes. A pointer is a number, so it takes eight.
const KIND = 0; // byte
const COUNT = 2; // 16 bits: children
const SKIP = 4; // 32 bits: bytes that all keys below have in common here
const KEYS = 8; // the children's bytes; in a node48, for each byte the number of its child, from 1 on
const CHILDREN = [0, 16, 24, 264, 8];
const CAPACITY = [0, 4, 16, 48, 256];
const KEY_LENGTH = 4; // of a leaf: 32 bits
const VALUE_LENGTH = 8; // 32 bits
const KEY = 16; // its bytes, and then the value's

/** A node shrinks when it has no more children than this: fewer than fit, or each other call might resize it. */
const SHRINKS_AT = [0, 1, 3, 12, 40];

export type Bytes = Uint8Array<ArrayBuffer>;

export class ArtTree {
  private readonly bytes: Uint8Array;
  private readonly halves: Uint16Array;
  private readonly words: Uint32Array;
  private readonly pointers: Float64Array;
  /** A block that holds one pointer, to the topmost node or leaf. */
  private readonly root: number;

  constructor(private readonly vmp: VMEM) {
    const { buffer, byteOffset, size } = vmp;
    this.bytes = new Uint8Array(buffer, byteOffset, size);
    this.halves = new Uint16Array(buffer, byteOffset, size / 2);
    this.words = new Uint32Array(buffer, byteOffset, size / 4);
    this.pointers = new Float64Array(buffer, byteOffset, size / 8);
    this.root = this.allocate(8);
    this.pointers[this.root / 8] = 0;
  }

  /** The value of `key`; undefined if there is none. */
  search(key: Bytes): Bytes | undefined {
    const leaf = this.likeliestLeaf(key);
    return leaf !== 0 && this.differsAt(leaf, key) < 0 ? this.valueOf(leaf) : undefined;
  }

  /** Sets the value of `key`. True if there was none. */
  insert(key: Bytes, value: Bytes): boolean {
    const leaf = this.newLeaf(key, value);
    const similar = this.likeliestLeaf(key);
    if (similar === 0) {
      this.pointers[this.root / 8] = leaf;
      return true;
    }
    const differsAt = this.differsAt(similar, key);
    let place = this.root;
    for (let depth = 0; ; depth++) {
      const node = this.pointers[place / 8];
      if (node === similar && differsAt < 0) {
        this.pointers[place / 8] = leaf;
        vmem_free(this.vmp, node);
        return false;
      }
      const isLeaf = this.bytes[node] === LEAF;
      // equal keys lead to their leaf, so this is where unequal ones part
      if (differsAt >= 0 && (isLeaf || differsAt < depth + this.skipOf(node))) {
        this.split(place, depth, differsAt, leaf, key[differsAt]);
        return true;
      }
      depth += this.skipOf(node);
      const next = this.placeOf(node, key[depth]);
      if (next === 0) {
        this.addChild(place, key[depth], leaf);
        return true;
      }
      place = next;
    }
  }

  /** True if there was such a key. */
  delete(key: Bytes): boolean {
    let parent = 0; // where the pointer to the leaf's node is
    let place = this.root;
    let byte = 0;
    let node = this.pointers[place / 8];
    if (node === 0) return false;
    for (let depth = 0; this.bytes[node] !== LEAF; depth++) {
      depth += this.skipOf(node);
      byte = key[depth]; // undefined beyond the key's end: no child has it
      parent = place;
      place = this.placeOf(node, byte);
      if (place === 0) return false;
      node = this.pointers[place / 8];
    }
    if (this.differsAt(node, key) >= 0) return false;
    if (parent === 0) this.pointers[this.root / 8] = 0;
    else this.removeChild(parent, byte);
    vmem_free(this.vmp, node);
    return true;
  }

  /** All keys and values, in the keys' order. */
  *entries(): Generator<[key: Bytes, value: Bytes]> {
    for (const ptr of this.blocks()) {
      if (this.bytes[ptr] === LEAF) yield [this.keyOf(ptr), this.valueOf(ptr)];
    }
  }

  /** How many nodes there are of each kind, by the order of NODE_NAMES. */
  countKinds(): number[] {
    const counts = NODE_NAMES.map(() => 0);
    for (const ptr of this.blocks()) counts[this.bytes[ptr]]++;
    return counts;
  }

  /** Frees every block of the tree. */
  destroy(): void {
    for (const ptr of [...this.blocks()]) vmem_free(this.vmp, ptr);
    vmem_free(this.vmp, this.root);
  }

  /** All nodes and leaves, a node in front of what is below it, leaves by their keys. */
  private *blocks(ptr = this.pointers[this.root / 8]): Generator<number> {
    if (ptr === 0) return;
    yield ptr;
    for (const [, child] of this.childrenOf(ptr)) yield* this.blocks(child);
  }

  private allocate(size: number): number {
    const ptr = vmem_malloc(this.vmp, size);
    return ptr === 0 ? fail(`vmem_malloc: ${vmem_errormsg()}`) : ptr;
  }

  private newLeaf(key: Bytes, value: Bytes): number {
    const leaf = this.allocate(KEY + key.length + value.length);
    this.bytes[leaf + KIND] = LEAF;
    this.words[(leaf + KEY_LENGTH) / 4] = key.length;
    this.words[(leaf + VALUE_LENGTH) / 4] = value.length;
    this.bytes.set(key, leaf + KEY);
    this.bytes.set(value, leaf + KEY + key.length);
    return leaf;
  }

  private newNode(kind: number, skip: number): number {
    const size = CHILDREN[kind] + 8 * CAPACITY[kind];
    const node = this.allocate(size);
    this.bytes.fill(0, node, node + size);
    this.bytes[node + KIND] = kind;
    this.words[(node + SKIP) / 4] = skip;
    return node;
  }

  private countOf(node: number): number {
    return this.halves[(node + COUNT) / 2];
  }

  private skipOf(node: number): number {
    return this.words[(node + SKIP) / 4];
  }

  private keyOf(leaf: number): Bytes {
    const begin = leaf + KEY;
    return this.bytes.slice(begin, begin + this.words[(leaf + KEY_LENGTH) / 4]);
  }

  private valueOf(leaf: number): Bytes {
    const begin = leaf + KEY + this.words[(leaf + KEY_LENGTH) / 4];
    return this.bytes.slice(begin, begin + this.words[(leaf + VALUE_LENGTH) / 4]);
  }

  /** The first byte in which the leaf's key is another one; negative if it is the same. */
  private differsAt(leaf: number, key: Bytes): number {
    const length = this.words[(leaf + KEY_LENGTH) / 4];
    const at = key.findIndex((byte, i) => i >= length || this.bytes[leaf + KEY + i] !== byte);
    return at < 0 && length > key.length ? key.length : at;
  }

  /** The leaf of `key`, or one whose key begins like it for as long as any does; 0 in an empty tree. */
  private likeliestLeaf(key: Bytes): number {
    let node = this.pointers[this.root / 8];
    for (let depth = 0; node !== 0 && this.bytes[node] !== LEAF; depth++) {
      depth += this.skipOf(node);
      const place = this.placeOf(node, key[depth]);
      node = place === 0 ? this.firstChild(node) : this.pointers[place / 8];
    }
    return node;
  }

  private firstChild(node: number): number {
    const [first] = this.childrenOf(node);
    return first[1];
  }

  /** Where the pointer to the child of that byte is; 0 if there is none. */
  private placeOf(node: number, byte: number | undefined): number {
    if (byte === undefined) return 0;
    const kind = this.bytes[node];
    const children = node + CHILDREN[kind];
    if (kind === NODE256) return this.pointers[children / 8 + byte] === 0 ? 0 : children + 8 * byte;
    if (kind === NODE48) {
      const number = this.bytes[node + KEYS + byte];
      return number === 0 ? 0 : children + 8 * (number - 1);
    }
    for (let i = 0; i < this.countOf(node); i++)
      if (this.bytes[node + KEYS + i] === byte) return children + 8 * i;
    return 0;
  }

  /** Bytes and children, by the bytes. */
  private *childrenOf(node: number): Generator<[byte: number, child: number]> {
    const kind = this.bytes[node];
    if (kind === LEAF) return;
    if (kind === NODE4 || kind === NODE16) {
      for (let i = 0; i < this.countOf(node); i++)
        yield [this.bytes[node + KEYS + i], this.pointers[(node + CHILDREN[kind]) / 8 + i]];
      return;
    }
    for (let byte = 0; byte < 256; byte++) {
      const place = this.placeOf(node, byte);
      if (place !== 0) yield [byte, this.pointers[place / 8]];
    }
  }

  /** Puts a node of two in the place of what is there, which begins at `depth`: that, and the leaf. */
  private split(place: number, depth: number, at: number, leaf: number, byte: number): void {
    const old = this.pointers[place / 8];
    const node = this.newNode(NODE4, at - depth);
    const [oldByte] = this.keyOf(this.anyLeaf(old)).subarray(at);
    if (this.bytes[old] !== LEAF) this.words[(old + SKIP) / 4] -= at - depth + 1;
    this.put(node, oldByte, old);
    this.put(node, byte, leaf);
    this.pointers[place / 8] = node;
  }

  private anyLeaf(node: number): number {
    return this.bytes[node] === LEAF ? node : this.anyLeaf(this.firstChild(node));
  }

  private addChild(place: number, byte: number, child: number): void {
    const node = this.pointers[place / 8];
    const kind = this.bytes[node];
    this.put(this.countOf(node) < CAPACITY[kind] ? node : this.resize(place, kind + 1), byte, child);
  }

  /** A node of another kind with the same children takes this one's place. */
  private resize(place: number, kind: number): number {
    const old = this.pointers[place / 8];
    const node = this.newNode(kind, this.skipOf(old));
    for (const [byte, child] of this.childrenOf(old)) this.put(node, byte, child);
    this.pointers[place / 8] = node;
    vmem_free(this.vmp, old);
    return node;
  }

  /** Adds a child to a node that has room. */
  private put(node: number, byte: number, child: number): void {
    const kind = this.bytes[node];
    const keys = node + KEYS;
    const children = (node + CHILDREN[kind]) / 8;
    const count = this.halves[(node + COUNT) / 2]++;
    if (kind === NODE256) {
      this.pointers[children + byte] = child;
    } else if (kind === NODE48) {
      const free = this.pointers.indexOf(0, children) - children;
      this.bytes[keys + byte] = free + 1;
      this.pointers[children + free] = child;
    } else {
      let i = count;
      for (; i > 0 && this.bytes[keys + i - 1] > byte; i--) {
        this.bytes[keys + i] = this.bytes[keys + i - 1];
        this.pointers[children + i] = this.pointers[children + i - 1];
      }
      this.bytes[keys + i] = byte;
      this.pointers[children + i] = child;
    }
  }

  private removeChild(place: number, byte: number): void {
    const node = this.pointers[place / 8];
    const kind = this.bytes[node];
    const at = this.placeOf(node, byte) / 8;
    const count = --this.halves[(node + COUNT) / 2];
    if (kind === NODE256 || kind === NODE48) {
      this.pointers[at] = 0;
      if (kind === NODE48) this.bytes[node + KEYS + byte] = 0;
    } else {
      const i = at - (node + CHILDREN[kind]) / 8;
      this.bytes.copyWithin(node + KEYS + i, node + KEYS + i + 1, node + KEYS + count + 1);
      this.pointers.copyWithin(at, at + 1, at + 1 + count - i);
    }
    if (count > SHRINKS_AT[kind]) return;
    if (kind === NODE4) this.collapse(place);
    else this.resize(place, kind - 1);
  }

  /** A node's only child takes its place, with what keys have in common in both. */
  private collapse(place: number): void {
    const node = this.pointers[place / 8];
    const child = this.firstChild(node);
    if (this.bytes[child] !== LEAF) this.words[(child + SKIP) / 4] += this.skipOf(node) + 1;
    this.pointers[place / 8] = child;
    vmem_free(this.vmp, node);
  }
}
