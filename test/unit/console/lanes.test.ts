import { expect, test } from 'vitest';
import type { Allocation } from '../../../src/contracts/allocation.ts';
import { pageModule } from '../../support/console/page-module.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';

interface Lane {
  readonly role: string;
  readonly name?: string;
  readonly version: number;
  readonly share: number;
  readonly measured?: { readonly variant: string };
}
const { labelTop, lanesOf, layOut, SLOT } = await pageModule<{
  readonly SLOT: number;
  labelTop(lanes: readonly Lane[]): number;
  layOut(lanes: readonly Lane[]): { readonly role: string; readonly thick: number; readonly start: number }[];
  lanesOf(model: { allocation: Allocation | null; traffic: readonly { variant: string; version: number }[] | null }): Lane[];
}>('lanes.mjs');

const serving: Allocation = { model: 'm', revision: 1, champion: 1, canary: null, shadow: null };
const arms = [
  { name: 'control', version: 1, share: 0.3 },
  { name: 'new', version: 2, share: 0.2 },
];

test('requests divide among champion and canary, with a shadow beside them', () => {
  expect(lanesOf({ allocation: null, traffic: null })).toEqual([]);
  const lanes = lanesOf({ allocation: { ...serving, canary: { version: 2, share: 0.1 }, shadow: 3 }, traffic: [{ variant: 'canary', version: 2 }] });
  expect(lanes.map(({ role, version, share, measured }) => [role, version, share, measured?.variant])).toEqual([
    ['champion', 1, 0.9, undefined],
    ['canary', 2, 0.1, 'canary'],
    ['shadow', 3, 1, undefined],
  ]);
});

test('each arm of an experiment has its stream, and none before it has ranges', () => {
  const experiment = experimentOf('trial', arms);
  const traffic = [{ variant: 'trial/control', version: 1 }, { variant: 'champion', version: 1 }];
  const lanes = lanesOf({ allocation: { ...serving, experiment }, traffic });
  expect(lanes.map(({ role, name, version, share, measured }) => [name ?? role, version, share, measured?.variant])).toEqual([
    ['champion', 1, 0.5, 'champion'],
    ['trial/control', 1, 0.3, 'trial/control'],
    ['trial/new', 2, 0.2, undefined],
  ]);
  expect(lanesOf({ allocation: { ...serving, experiment: { ...experiment, ranges: [] } }, traffic })).toMatchObject([{ role: 'champion', share: 1 }]);
});

test('the word stands in the middle of the widest stream that answers, wherever the others begin', () => {
  const labelIn = (allocation: Allocation) => {
    const lanes = lanesOf({ allocation, traffic: null });
    const top = labelTop(lanes);
    const found = layOut(lanes).find(({ role, thick, start }) => role !== 'shadow' && start + thick / 2 === top);
    return found?.role ?? (top === (lanes.length * SLOT) / 2 ? 'middle' : 'nowhere');
  };
  expect(labelIn({ ...serving, canary: { version: 2, share: 0.1 }, shadow: 3 })).toBe('champion');
  expect(labelIn({ ...serving, canary: { version: 2, share: 0.9 } })).toBe('canary');
  // A first version is verified as a shadow, and nobody answers yet.
  expect(labelIn({ ...serving, champion: null, shadow: 1 })).toBe('middle');
});
