// What a check found.

/** An invariant that does not hold, and where. */
export interface CheckProblem {
  /** The invariant that does not hold, such as `[SLAB-1]`; it stands at the structure that it is about. */
  readonly invariant: string;
  readonly message: string;
}

/** What a check looked at, and what it found. */
export interface CheckReport {
  /** 1: consistent; 0: not. (-1 is `vmem_check`'s: could not be checked.) */
  readonly result: 1 | 0 | -1;
  /** The first hundred problems. */
  readonly problems: readonly CheckProblem[];
  /** Extents, slabs and slab blocks that were looked at. */
  readonly extents: number;
  readonly slabs: number;
  readonly blocks: number;
}

const MOST_PROBLEMS = 100;

export class CheckFindings {
  readonly problems: CheckProblem[] = [];
  extents = 0;
  slabs = 0;
  blocks = 0;

  /** Records that `invariant` does not hold, unless `holds`. */
  expect(holds: boolean, invariant: string, message: () => string): boolean {
    if (!holds && this.problems.length < MOST_PROBLEMS) this.problems.push({ invariant, message: message() });
    return holds;
  }

  report(): CheckReport {
    const { problems, extents, slabs, blocks } = this;
    return { result: problems.length === 0 ? 1 : 0, problems, extents, slabs, blocks };
  }
}
