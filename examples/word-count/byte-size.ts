// Numbers of bytes as people write and read them.

export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: KIB,
  kib: KIB,
  m: MIB,
  mib: MIB,
  g: GIB,
  gib: GIB,
};

/** Bytes that `text` means, such as `67108864`, `64MiB`, `1.5 GiB`, `64M`; undefined if it means none. */
export function parseByteSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined || !Object.hasOwn(FACTORS, unit.toLowerCase()))
    return undefined;
  const bytes = Number(digits) * FACTORS[unit.toLowerCase()];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

export function formatBytes(bytes: number): string {
  const [size, unit] =
    bytes >= GIB ? [GIB, 'GiB'] : bytes >= MIB ? [MIB, 'MiB'] : bytes >= KIB ? [KIB, 'KiB'] : [1, 'bytes'];
  const value = bytes / size;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
}
