import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type JsonValue } from '../../../src/core/json.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { viewOfDefinition } from '../../../src/fold/view-of-definition.ts';
import { contractHistory } from './contract-arbitrary.ts';
import { history } from './history-arbitrary.ts';

/** As the database gives it back: through text, its keys in another order. */
const throughDatabase = (definition: JsonValue): JsonValue =>
  JSON.parse(canonicalJson(definition)) as JsonValue;

describe('a view made of its definition', () => {
  it('has the same definition, the same hash and the same states', () => {
    fc.assert(
      fc.property(fc.oneof(history, contractHistory), ({ view, program }) => {
        const again = compileView(
          viewOfDefinition(throughDatabase(program.definition), view.partitions, view.source),
        );
        expect(canonicalJson(again.definition)).toBe(canonicalJson(program.definition));
        expect(again.definitionHash).toBe(program.definitionHash);
        expect(again.featureNames).toEqual(program.featureNames);
        expect(again.eventInputs).toEqual(program.eventInputs);
        expect(again.resolutions.length).toBe(program.resolutions.length);
        expect(again.longestWindowMs).toBe(program.longestWindowMs);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the types that its fields had when its source has changed since', () => {
    fc.assert(
      fc.property(history, ({ view, program }) => {
        const looser = Object.fromEntries(
          Object.entries(view.source.schema).map(([name, field]) => [name, { ...field, nullable: true }]),
        );
        const again = compileView(
          viewOfDefinition(program.definition, view.partitions, { ...view.source, schema: looser }),
        );
        expect(again.definitionHash).toBe(program.definitionHash);
      }),
      { numRuns: 100 },
    );
  });
});
