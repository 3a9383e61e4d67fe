// Everything that is wrong with a file, found in one reading: who mends a definition wants the whole list at once.
import { Fault } from '../kernel/fault.ts';

export type Problem = {
  /** Path in the file: `flows[0].steps[2].inputs.folder.type`. */
  readonly field: string;
  readonly problem: string;
  readonly cure: string;
};

const shownProblems = 10;
const keptProblems = 200;

/** `invalid_field` of the first problem; its message tells up to ten, `problems` all that were kept. */
export class DefinitionFault extends Fault {
  readonly problems: readonly Problem[];

  constructor(problems: readonly [Problem, ...Problem[]], total: number = problems.length) {
    const shown = problems.slice(0, shownProblems).map(sentence);
    const more = total - shown.length;
    if (more > 0) shown.push(`And ${more} more.`);
    super('invalid_field', shown.join('\n'), { field: problems[0].field });
    this.problems = problems;
  }
}

function sentence({ field, problem, cure }: Problem): string {
  return `${field}: ${problem} ${cure}`;
}

export class Problems {
  readonly #kept: Problem[] = [];
  #total = 0;

  add(field: string, problem: string, cure: string): void {
    this.#total += 1;
    if (this.#kept.length < keptProblems) this.#kept.push({ field, problem, cure });
  }

  throwIfAny(): void {
    const [first, ...others] = this.#kept;
    if (first !== undefined) throw new DefinitionFault([first, ...others], this.#total);
  }
}

/** `flows` + 0 -> `flows[0]`; `inputs` + `folder` -> `inputs.folder`; keys with odd characters are quoted. */
export function under(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  const short = key.length > 60 ? `${key.slice(0, 60)}…` : key;
  if (!/^[\p{L}\p{N}_-]+$/u.test(short)) return `${path}[${JSON.stringify(short)}]`;
  return path === '' ? short : `${path}.${short}`;
}

/** A name from the file inside a message: short, on one line. */
export function named(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
