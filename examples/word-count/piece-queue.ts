// Hands out the numbers of pieces to workers: one word of memory that all of them see.

export class PieceQueue {
  private readonly taken: Int32Array;

  constructor(
    readonly length: number,
    /** For the constructor in another thread. */
    readonly memory = new SharedArrayBuffer(4),
  ) {
    this.taken = new Int32Array(memory);
  }

  /** The next piece's number; undefined if there is none left. */
  take(): number | undefined {
    // each number goes to one caller; what a piece is, they know from before they were started
    const piece = Atomics.add(this.taken, 0, 1);
    return piece < this.length ? piece : undefined;
  }

  /** Pieces that were taken. */
  get progress(): number {
    return Math.min(Atomics.load(this.taken, 0), this.length); // written by `take`
  }

  /** Nobody gets another piece. */
  stop(): void {
    Atomics.store(this.taken, 0, this.length); // read by `take`
  }
}
