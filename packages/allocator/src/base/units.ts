// Quantities that must not be mixed up, as branded numbers (free at run time), and the only conversions
// between them. A pointer is a byte offset from the start of the region; inside, everything counts in
// granules, lines or pages so that the arithmetic stays in small integers.

declare const brand: unique symbol;
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** Bytes from the start of the region. What users call a pointer; 0 is NULL. */
export type ByteOffset = Branded<'ByteOffset'>;
/** A byte offset divided by `PAGE_SIZE`. Page 0 is never handed out, so 0 also says "no page". */
export type PageIndex = Branded<'PageIndex'>;
/** A byte offset divided by `LINE_SIZE`; block states are kept in runs of lines. Line 0 says "no line". */
export type LineIndex = Branded<'LineIndex'>;
/** Index into the table of size classes. */
export type SizeClass = Branded<'SizeClass'>;
/** Index into the table of threads. */
export type SlotIndex = Branded<'SlotIndex'>;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 1 << PAGE_SHIFT;
export const LINE_SHIFT = 6;
export const LINE_SIZE = 1 << LINE_SHIFT;
export const LINES_PER_PAGE = PAGE_SIZE / LINE_SIZE;
export const NULL_PAGE = 0 as PageIndex;

/** The first multiple of `alignment` from `position` on, and the last one up to it. */
export const alignUp = (position: number, alignment: number): number =>
  Math.ceil(position / alignment) * alignment;
export const alignDown = (position: number, alignment: number): number =>
  Math.floor(position / alignment) * alignment;
/** Number of whole pages that hold `bytes`; exact up to 2^53. */
export const pagesFor = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
export const pageToOffset = (page: PageIndex): ByteOffset => (page * PAGE_SIZE) as ByteOffset;
export const offsetToPage = (offset: number): PageIndex => Math.floor(offset / PAGE_SIZE) as PageIndex;
/** Index of the page's first 32-bit word in the region. */
export const pageToWord = (page: PageIndex): number => page * (PAGE_SIZE / 4);
export const pageAfter = (page: PageIndex, count: number): PageIndex => (page + count) as PageIndex;
export const pageBefore = (page: PageIndex, count: number): PageIndex => (page - count) as PageIndex;
export const asPage = (n: number): PageIndex => n as PageIndex;
export const asSizeClass = (n: number): SizeClass => n as SizeClass;
export const asSlot = (n: number): SlotIndex => n as SlotIndex;
export const pageToLine = (page: PageIndex): LineIndex => (page * LINES_PER_PAGE) as LineIndex;
export const lineToPage = (line: LineIndex): PageIndex => Math.floor(line / LINES_PER_PAGE) as PageIndex;
/** Offset of the line's first byte. */
export const lineToOffset = (line: LineIndex): ByteOffset => (line * LINE_SIZE) as ByteOffset;
export const lineAfter = (line: LineIndex, count: number): LineIndex => (line + count) as LineIndex;
