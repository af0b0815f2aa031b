import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pageModule } from '../../support/console/page-module.ts';

const { niceTicks, tickDigits, labelStep } = await pageModule<{
  niceTicks(values: readonly number[], countMax: number): number[];
  tickDigits(ticks: readonly number[]): number;
  labelStep(labels: number, width: number, labelWidth: number): number;
}>('scale.mjs');

const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((x) => Number(x.toPrecision(6)));

test('ticks span the values, are few, even and round', () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 3, max: 8 }),
      (values, most) => {
        const ticks = niceTicks(values, most);
        const step = (ticks[1] as number) - (ticks[0] as number);
        const slack = step * 1e-6;
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(most);
        expect(ticks[0] as number).toBeLessThanOrEqual(Math.min(...values) + slack);
        expect(ticks.at(-1) as number).toBeGreaterThanOrEqual(Math.max(...values) - slack);
        for (let i = 1; i < ticks.length; i++) {
          expect(Math.abs((ticks[i] as number) - (ticks[i - 1] as number) - step)).toBeLessThanOrEqual(slack);
        }
        const leading = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
        expect([1, 2, 5, 10].some((factor) => Math.abs(leading - factor) < 1e-6)).toBe(true);
      },
    ),
  );
});

test('ticks as text differ from one another', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 2, maxLength: 10 }), (values) => {
      const ticks = niceTicks(values, 5);
      const texts = ticks.map((tick) => tick.toFixed(tickDigits(ticks)));
      expect(new Set(texts).size).toBe(ticks.length);
    }),
  );
});

test('labels never touch', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 50, max: 2_000 }), (labels, width) => {
      const every = labelStep(labels, width, 50);
      expect((width / labels) * every).toBeGreaterThanOrEqual(50 - 1e-9);
    }),
  );
});
