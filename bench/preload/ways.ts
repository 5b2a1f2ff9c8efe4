// The ways to a buffer that are compared, and the sizes.

export interface Way {
  readonly name: string;
  /** What makes a buffer of `size` bytes. */
  of(size: number): () => Uint8Array;
}

const KIB = 1024;

export const SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].map((kib) => kib * KIB);

export const WAYS: readonly Way[] = [
  { name: 'Buffer.alloc', of: (size) => () => Buffer.alloc(size) },
  { name: 'Buffer.allocUnsafe', of: (size) => () => Buffer.allocUnsafe(size) },
  { name: 'new Uint8Array', of: (size) => () => new Uint8Array(size) },
  {
    name: 'Buffer.from(bytes)',
    of: (size) => {
      const source = new Uint8Array(size).fill(7);
      return () => Buffer.from(source);
    },
  },
  {
    name: 'Buffer.from(text)',
    of: (size) => {
      const source = 'x'.repeat(size);
      return () => Buffer.from(source, 'latin1');
    },
  },
  {
    name: 'Buffer.concat',
    of: (size) => {
      const parts = [Buffer.alloc(size >> 1, 1), Buffer.alloc(size >> 1, 2)];
      return () => Buffer.concat(parts);
    },
  },
];
