/** Problems of one definition, each beginning with what it is about: `Source 'card_payment': ...`. */
export class ProblemList {
  readonly #what: string;
  readonly #problems: string[];

  constructor(what: string, problems: string[] = []) {
    this.#what = what;
    this.#problems = problems;
  }

  get all(): readonly string[] {
    return this.#problems;
  }

  /** @param problem what was expected, what was found, what to do next */
  add(problem: string): void {
    this.#problems.push(`${this.#what}: ${problem}`);
  }

  /** The same list, for a part of the thing: `Feature view 'card_activity', feature 'spent_1h': ...`. */
  about(part: string): ProblemList {
    return new ProblemList(`${this.#what}, ${part}`, this.#problems);
  }
}

/** Texts as an enumeration: `'a', 'b'`; `nothing` where there is none. */
export function enumerate(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.map((name) => `'${name}'`).join(', ');
}

/** Texts that come more than once, each once. */
export function duplicatesOf(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, i) => names.indexOf(name) !== i))];
}
