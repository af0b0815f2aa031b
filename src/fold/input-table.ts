import { assertInvariant } from '../core/assert-invariant.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { EventTest } from './compile-condition.ts';
import type { InputGroup } from './view-program.ts';

type CompiledCondition = { readonly test: EventTest; readonly normal: JsonValue } | null;

/** What an event is prepared into: 1, the field's number, the hash of the field's value, or the code of the text. */
export type InputForm = 'event' | 'number' | 'hash' | 'code';

/** Numbers the distinct combinations of field, form and condition. */
export class InputTable {
  readonly fields: (string | null)[] = [];
  readonly #forms: InputForm[] = [];
  readonly #tests: (EventTest | null)[] = [];
  readonly #conditions: string[] = [];
  readonly #viewName: string;

  constructor(view: FeatureView) {
    this.#viewName = view.name;
  }

  of(field: string | null, form: InputForm, condition: CompiledCondition): number {
    const text = canonicalJson(condition?.normal ?? null);
    const found = this.fields.findIndex(
      (known, i) => known === field && this.#forms[i] === form && this.#conditions[i] === text,
    );
    if (found >= 0) return found;
    assertInvariant(field === null || field !== '', `view '${this.#viewName}' names its fields`);
    this.#tests.push(condition?.test ?? null);
    this.#conditions.push(text);
    this.#forms.push(form);
    return this.fields.push(field) - 1;
  }

  groups(): readonly InputGroup[] {
    return [...new Set(this.#conditions)].map((condition) => {
      const members = this.fields.flatMap((field, at) =>
        this.#conditions[at] === condition ? [{ at, field, isHash: this.#forms[at] === 'hash', isCode: this.#forms[at] === 'code' }] : [],
      );
      return { test: this.#tests[members[0]?.at ?? 0] ?? null, inputs: members };
    });
  }
}
