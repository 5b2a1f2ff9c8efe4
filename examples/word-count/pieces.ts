// The input, cut into pieces that workers take one after the other. A file of more than 1 MiB becomes several pieces: a
// worker's memory need not hold it whole, and no worker is left alone with it at the end.
//
// Words must not be cut, so text is cut only at bytes that end every word: what stands without such a byte across the end
// of a piece belongs to the piece in which it begins.

import { closeSync, openSync, readSync } from 'node:fs';
import type { InputFile } from './input-files';
import { canBeInWord } from './tokenizer';

export interface Piece {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export const PIECE_SIZE = 1 << 20;
const EXTENSION = 1 << 16;

export function cutIntoPieces(files: readonly InputFile[], pieceSize = PIECE_SIZE): Piece[] {
  return files.flatMap(({ path, size }) =>
    Array.from({ length: Math.ceil(size / pieceSize) }, (_, i) => ({
      path,
      start: i * pieceSize,
      end: Math.min((i + 1) * pieceSize, size),
    })),
  );
}

/** Memory for a piece's text: makes room for so many bytes, keeping those that are there. */
export type MakeRoom = (bytes: number) => Buffer;

export interface PieceText {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Reads the text that belongs to a piece. */
export function readPiece(piece: Piece, makeRoom: MakeRoom): PieceText {
  // one byte more tells whether the text at the beginning belongs to the piece before
  const from = Math.max(piece.start - 1, 0);
  const fd = openSync(piece.path, 'r');
  try {
    let bytes = makeRoom(piece.end - from);
    let filled = 0;
    const readMore = (): boolean => {
      if (filled === bytes.length) bytes = makeRoom(filled + EXTENSION);
      const count = readSync(fd, bytes, filled, bytes.length - filled, from + filled);
      filled += count;
      return count > 0;
    };
    while (filled < piece.end - from && readMore());

    let start = Math.min(piece.start - from, filled);
    if (start > 0 && canBeInWord(bytes[0])) {
      while (start < filled && canBeInWord(bytes[start])) start++;
      if (start >= filled) return { bytes, start, end: start };
    }
    let end = filled;
    if (end > start && canBeInWord(bytes[end - 1])) {
      while ((end < filled || readMore()) && canBeInWord(bytes[end])) end++;
    }
    return { bytes, start, end };
  } finally {
    closeSync(fd);
  }
}
