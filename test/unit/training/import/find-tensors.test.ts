import { expect, it } from 'vitest';
import { findTensors } from '../../../../src/training/import/find-tensors.ts';

const inputs = [{ name: 'X', isTensor: true, type: 'float32', shape: ['', 2] }] as const;
const label = { name: 'label', isTensor: true, type: 'int64', shape: [''] } as const;
/** What converters make of class probabilities unless they are told otherwise. */
const zipMapped = { name: 'probabilities', isTensor: false } as const;

const problemsOf = (output: string | null): string[] => {
  const problems: string[] = [];
  findTensors({ inputs, outputs: [label, zipMapped] }, { columns: 2, input: null, output, nullAs: null }, problems);
  return problems;
};

it('tells what to do about probabilities in maps, named or not', () => {
  expect(problemsOf(null)).toEqual([
    "expected one output of floats as the score, found 'label' (int64[?]), 'probabilities' (a list or a map): export it with zipmap=False, so that class probabilities are a tensor",
  ]);
  expect(problemsOf('probabilities')).toEqual([
    "output 'probabilities' is a list or a map: export it with zipmap=False, so that class probabilities are a tensor",
  ]);
});
