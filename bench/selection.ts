// What --only and --subjects pick: names with commas between them. A name is an id, a group of ids, or a pattern with *.

import { BenchError } from './failure';

export interface Named {
  readonly id: string;
  readonly groups: readonly string[];
}

function patternOf(name: string): RegExp {
  const parts = name.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function matches({ id, groups }: Named, name: string): boolean {
  if (name.includes('*')) return patternOf(name).test(id);
  return id === name || groups.includes(name);
}

/** In the order of `all`, whatever the order of the names; all of them if no name is given. */
export function select<T extends Named>(option: string, names: string | undefined, all: readonly T[]): T[] {
  if (names === undefined) return [...all];
  const wanted = names.split(',').map((name) => name.trim());
  for (const name of wanted) {
    if (!all.some((each) => matches(each, name))) {
      throw new BenchError(`--${option}: there is no '${name}'; --list names what there is`);
    }
  }
  return all.filter((each) => wanted.some((name) => matches(each, name)));
}
