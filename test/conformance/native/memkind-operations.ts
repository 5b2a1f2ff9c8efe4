// memkind-operations.c, line by line: see there.

import {
  MEMKIND_DEFAULT,
  MEMKIND_MEM_USAGE_POLICY_DEFAULT,
  MEMKIND_PMEM_MIN_SIZE,
  SIZE_MAX,
  errno,
  memkind_calloc,
  memkind_check_available,
  memkind_config_delete,
  memkind_config_new,
  memkind_config_set_memory_usage_policy,
  memkind_config_set_path,
  memkind_config_set_size,
  memkind_create_pmem,
  memkind_create_pmem_with_config,
  memkind_defrag_reallocate,
  memkind_destroy_kind,
  memkind_detect_kind,
  memkind_free,
  memkind_get_capacity,
  memkind_malloc,
  memkind_malloc_usable_size,
  memkind_posix_memalign,
  memkind_realloc,
  memkind_view,
  setErrno,
  type Out,
  type memkind_t,
} from '@vmem-ts/vmem-api/memkind';

const KINDS = 4;
const SLOTS = 400;
const LIMIT = 256 * 1024 * 1024;
const BUDGET = 32 * 1024 * 1024;
const NULL = 0;

interface Block {
  ptr: number;
  size: number;
  kind: number;
  mark: number;
}

const kinds: Out<memkind_t | null>[] = Array.from({ length: KINDS }, () => ({ value: null }));
const blocks: Block[] = Array.from({ length: SLOTS }, () => ({ ptr: NULL, size: 0, kind: 0, mark: 0 }));
let state = 0;
let live = 0;
let sum = 0;
let serial = 0;
const lines: string[] = [];

const printf = (text: string): number => lines.push(text);
const is = (condition: boolean): number => (condition ? 1 : 0);
const of = (kind: number): memkind_t | null => kinds[kind].value;
const bytes = (ptr: number, size: number): Uint8Array => memkind_view(Uint8Array, ptr, size)!;

function below(n: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Number((BigInt(state) * BigInt(n)) >> 32n);
}

function anySize(): number {
  const most = 2 ** (3 + below(16));
  return 1 + below(most);
}

const edge = (n: number): number => (n === 0 ? 0 : n === 1 ? SIZE_MAX : n === 2 ? LIMIT + 1 : SIZE_MAX / 2);

const numberOf = (kind: memkind_t | null): number => kinds.findIndex(({ value }) => value === kind);

function fill(block: Block): void {
  block.mark = serial = (serial + 1) & 255;
  bytes(block.ptr, block.size).fill(block.mark);
}

function isIntact(block: Block, size: number): number {
  if (!bytes(block.ptr, size).every((byte) => byte === block.mark)) return 0;
  sum = (Math.imul(sum, 31) + block.mark) >>> 0;
  return 1;
}

function keep(block: Block, ptr: number, size: number, kind: number): void {
  block.ptr = ptr;
  block.size = size;
  block.kind = kind;
  live += size;
  fill(block);
}

function drop(block: Block): void {
  live -= block.size;
  block.ptr = NULL;
}

function doMalloc(block: Block): void {
  const kind = below(KINDS);
  const size = anySize();
  const ptr = memkind_malloc(of(kind), size);
  printf(`malloc ${kind} ${size}: ${is(ptr !== NULL)}`);
  if (ptr === NULL) return;
  printf(
    `  usable ${is(memkind_malloc_usable_size(of(kind), ptr) >= size)}, kind ${numberOf(memkind_detect_kind(ptr))}`,
  );
  keep(block, ptr, size, kind);
}

function doCalloc(block: Block): void {
  const kind = below(KINDS);
  const size = anySize();
  const num = 1 + below(4);
  const ptr = memkind_calloc(of(kind), num, size);
  const zeros = ptr === NULL || bytes(ptr, num * size).every((byte) => byte === 0);
  printf(`calloc ${kind} ${num} ${size}: ${is(ptr !== NULL)}, zeros ${is(zeros)}`);
  if (ptr !== NULL) keep(block, ptr, num * size, kind);
}

function doMemalign(block: Block): void {
  const kind = below(KINDS);
  const size = anySize();
  let alignment = 2 ** below(14);
  if (below(5) === 0) alignment += 1 + below(3);
  const ptr = { value: NULL };
  setErrno(0);
  const result = memkind_posix_memalign(of(kind), ptr, alignment, size);
  printf(
    `posix_memalign ${kind} ${alignment} ${size}: ${result}, errno ${errno()}, null ${is(ptr.value === NULL)}`,
  );
  if (ptr.value === NULL) return;
  printf(`  aligned ${is(ptr.value % alignment === 0)}`);
  keep(block, ptr.value, size, kind);
}

function doRealloc(block: Block): void {
  const size = anySize();
  const isKnown = below(2) === 0;
  const { kind } = block;
  const kept = Math.min(size, block.size);
  const ptr = memkind_realloc(isKnown ? of(kind) : null, block.ptr, size);
  printf(`realloc ${kind} ${block.size} to ${size}, known ${is(isKnown)}: ${is(ptr !== NULL)}`);
  if (ptr === NULL) return;
  block.ptr = ptr;
  printf(
    `  intact ${isIntact(block, kept)}, usable ${is(memkind_malloc_usable_size(null, ptr) >= size)}, kind ${numberOf(memkind_detect_kind(ptr))}`,
  );
  drop(block);
  keep(block, ptr, size, kind);
}

function doFree(block: Block): void {
  const way = below(3);
  printf(`free ${block.kind} ${block.size}, way ${way}, intact ${isIntact(block, block.size)}`);
  setErrno(0);
  if (way === 0) memkind_free(of(block.kind), block.ptr);
  if (way === 1) memkind_free(null, block.ptr);
  if (way === 2)
    printf(`  null ${is(memkind_realloc(of(block.kind), block.ptr, 0) === NULL)}, errno ${errno()}`);
  drop(block);
}

function doDefrag(block: Block): void {
  const ptr = memkind_defrag_reallocate(below(2) === 0 ? of(block.kind) : null, block.ptr);
  if (ptr !== NULL) block.ptr = ptr;
  printf(
    `defrag_reallocate ${block.kind} ${block.size}: intact ${isIntact(block, block.size)}, kind ${numberOf(memkind_detect_kind(block.ptr))}`,
  );
}

function doEdge(block: Block): void {
  const kind = below(KINDS - 1);
  const which = below(4);
  const size = edge(which);
  const out = { value: 12345 };
  const failure = (): number => (which === 0 ? 0 : errno());
  setErrno(0);
  printf(`edge ${kind} ${which}: malloc ${is(memkind_malloc(of(kind), size) === NULL)}, errno ${failure()}`);
  setErrno(0);
  printf(`  calloc ${is(memkind_calloc(of(kind), 1, size) === NULL)}, errno ${failure()}`);
  setErrno(0);
  printf(`  realloc of null ${is(memkind_realloc(of(kind), NULL, size) === NULL)}, errno ${failure()}`);
  setErrno(0);
  const result = memkind_posix_memalign(of(kind), out, 64, size);
  printf(`  posix_memalign ${result}, null ${is(out.value === NULL)}, errno ${errno()}`);
  setErrno(0);
  printf(
    `  realloc of null without a kind ${is(memkind_realloc(null, NULL, size) === NULL)}, errno ${errno()}`,
  );
  if (block.ptr !== NULL && block.kind === kind && which !== 0) {
    setErrno(0);
    printf(
      `  realloc ${is(memkind_realloc(of(kind), block.ptr, size) === NULL)}, errno ${errno()}, intact ${isIntact(block, block.size)}`,
    );
  }
  memkind_free(of(kind), NULL);
  memkind_free(null, NULL);
  printf(
    `  usable size of null ${is(memkind_malloc_usable_size(of(kind), NULL) === 0)} ${is(memkind_malloc_usable_size(null, NULL) === 0)}, kind ${is(memkind_detect_kind(NULL) === null)}, defrag ${is(memkind_defrag_reallocate(null, NULL) === NULL)}`,
  );
}

function create(dir: string, kind: number): number {
  let result: number;
  if (below(2) === 0) {
    result = memkind_create_pmem(dir, LIMIT, kinds[kind]);
  } else {
    const cfg = memkind_config_new();
    memkind_config_set_path(cfg, dir);
    memkind_config_set_size(cfg, LIMIT);
    memkind_config_set_memory_usage_policy(cfg, MEMKIND_MEM_USAGE_POLICY_DEFAULT);
    result = memkind_create_pmem_with_config(cfg, kinds[kind]);
    memkind_config_delete(cfg);
  }
  return result;
}

function doKind(dir: string): void {
  const kind = below(KINDS - 1);
  const none: Out<memkind_t | null> = { value: null };
  for (const block of blocks) {
    if (block.ptr === NULL || block.kind !== kind) continue;
    printf(`intact ${isIntact(block, block.size)}`);
    drop(block);
  }
  printf(`capacity ${memkind_get_capacity(of(kind))}, available ${memkind_check_available(of(kind))}`);
  printf(`destroy ${kind}: ${memkind_destroy_kind(of(kind))}`);
  printf(`create ${kind}: ${create(dir, kind)}`);
  setErrno(0);
  let result = memkind_create_pmem('/no such directory', LIMIT, none);
  printf(`create in no directory: ${result}, errno ${errno()}, null ${is(none.value === null)}`);
  result = memkind_create_pmem(dir, MEMKIND_PMEM_MIN_SIZE - 1 - below(100), none);
  printf(`create too small: ${result}, null ${is(none.value === null)}`);
}

function doMonotony(): void {
  const kind = below(KINDS);
  let last = 0;
  let rises = true;
  for (let size = 1; size < 2 ** 20; size += 1 + Math.floor(size / 16) + below(8)) {
    const ptr = memkind_malloc(of(kind), size);
    const usable = memkind_malloc_usable_size(of(kind), ptr);
    rises = rises && usable >= last && usable >= size;
    last = usable;
    memkind_free(of(kind), ptr);
  }
  printf(`monotony ${kind}: ${is(rises)}`);
}

const [, , dir = '', seed, count] = process.argv;
state = Number(seed) >>> 0;
const steps = Number(count);
for (let i = 0; i < KINDS - 1; i++) printf(`create ${i}: ${create(dir, i)}`);
kinds[KINDS - 1].value = MEMKIND_DEFAULT;
for (let step = 0; step < steps; step++) {
  const block = blocks[below(SLOTS)];
  const what = below(1000);
  if (what < 5) doKind(dir);
  else if (what < 10) doMonotony();
  else if (what < 40) doEdge(block);
  else if (block.ptr === NULL && live > BUDGET) continue;
  else if (block.ptr === NULL && what < 600) doMalloc(block);
  else if (block.ptr === NULL && what < 800) doCalloc(block);
  else if (block.ptr === NULL) doMemalign(block);
  else if (live > BUDGET || what < 500) doFree(block);
  else if (what < 900) doRealloc(block);
  else doDefrag(block);
}
for (const block of blocks) if (block.ptr !== NULL) doFree(block);
for (let i = 0; i < KINDS - 1; i++) printf(`destroy ${i}: ${memkind_destroy_kind(of(i))}`);
printf(`live ${live}, sum ${sum}`);
process.stdout.write(`${lines.join('\n')}\n`);
