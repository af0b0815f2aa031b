import { expect, test } from 'vitest';
import { pageModule } from '../../support/console/page-module.ts';

interface Entry {
  readonly seq: number;
}
interface LedgerPage {
  readonly entries: readonly Entry[];
  readonly before: number | null;
}
interface LedgerPages {
  newest(page: LedgerPage | null): void;
  older(page: LedgerPage | null): void;
  entries(): Entry[];
  before(): number | null;
}
interface Counters {
  readonly sources: readonly { readonly sent: number | null }[];
  readonly decisions: { readonly stored: number } | null;
}
interface Rates {
  readonly events: (number | null)[];
  readonly decisions: (number | null)[];
  note(overview: Counters, nowMs: number): void;
}

const { createLedgerPages } = await pageModule<{ createLedgerPages(): LedgerPages }>('ledger-pages.mjs');
const { createRates } = await pageModule<{ createRates(): Rates }>('rates.mjs');
const format =
  await pageModule<Record<string, (value: number | null, digits?: number) => string>>('format.mjs');
const scale = await pageModule<{
  psiLevel(psi: number): number;
  linePath(
    values: readonly (number | null)[],
    x: (at: number) => number,
    y: (value: number) => number,
  ): string;
}>('scale.mjs');

const page = (from: number, to: number, before: number | null): LedgerPage => ({
  entries: Array.from({ length: from - to + 1 }, (_, at) => ({ seq: from - at })),
  before,
});
const seqs = (pages: LedgerPages) => pages.entries().map(({ seq }) => seq);

test('a ledger that grows leaves no gap between its newest page and the older ones', () => {
  const pages = createLedgerPages();
  pages.newest(page(6, 4, 4));
  expect(pages.before()).toBe(4);
  pages.older(page(3, 2, 2));
  // Two entries came: the newest page begins later, and no longer reaches the older one.
  pages.newest(page(8, 6, 6));
  expect(seqs(pages)).toEqual([8, 7, 6, 5, 4, 3, 2]);
  expect(pages.before()).toBe(2);
  pages.older(page(1, 1, null));
  expect([seqs(pages).at(-1), pages.before()]).toEqual([1, null]);
});

test('a ledger that can not be read keeps what was read', () => {
  const pages = createLedgerPages();
  pages.newest(null);
  expect([seqs(pages), pages.before()]).toEqual([[], null]);
  pages.newest(page(2, 1, null));
  pages.newest(null);
  expect(seqs(pages)).toEqual([2, 1]);
});

test('rates are of the time between two looks, and unknown where a server was away', () => {
  const rates = createRates();
  rates.note({ sources: [{ sent: 10 }, { sent: 5 }], decisions: { stored: 1 } }, 1_000);
  expect(rates.events).toEqual([]);
  rates.note({ sources: [{ sent: 20 }, { sent: 5 }], decisions: { stored: 3 } }, 3_000);
  rates.note({ sources: [{ sent: null }, { sent: 5 }], decisions: null }, 4_000);
  rates.note({ sources: [{ sent: 30 }, { sent: 5 }], decisions: { stored: 3 } }, 5_000);
  expect(rates.events).toEqual([5, null, null]);
  expect(rates.decisions).toEqual([1, null, null]);
  for (let i = 0; i < 400; i++) rates.note({ sources: [], decisions: null }, 6_000 + i);
  expect(rates.events).toHaveLength(300);
});

test.each([
  ['count', 1_027_730, '1,027,730'],
  ['count', null, '–'],
  ['percent', 0.1, '10\u00a0%'],
  ['percent', 0.125, '12.5\u00a0%'],
  ['milliseconds', 0.42, '0.42 ms'],
  ['milliseconds', 3.14, '3.1 ms'],
  ['milliseconds', 12.4, '12 ms'],
  ['milliseconds', 3_100, '3.1 s'],
  ['span', 0, '0 s'],
  ['span', 59_999, '59 s'],
  ['span', 90_000, '1 min'],
  ['span', 172_800_000, '2 d'],
  ['utcMinute', 1_371_246_300_000, '2013-06-14 21:45'],
  ['dayMonth', 1_371_246_300_000, '14 Jun'],
  ['quantity', 0.1, '0.1'],
  ['quantity', 1_234.5, '1,235'],
  ['quantity', null, 'null'],
  ['rate', 0.26, '0.3'],
  ['rate', 1_204.4, '1,204'],
])('%s of %s is %s', (name, value, expected) => {
  expect(format[name]?.(value)).toBe(expected);
});

test('a difference has its sign', () => {
  expect([format['signed']?.(-0.00012, 4), format['signed']?.(0.5, 1)]).toEqual(['−0.0001', '+0.5']);
});

test('PSI has five colours, and a gap in a line begins it anew', () => {
  expect([0, 0.0999, 0.1, 0.25, 0.5, 1, 9].map(scale.psiLevel)).toEqual([0, 0, 1, 2, 3, 4, 4]);
  const same = (value: number) => value;
  expect(scale.linePath([1, 2, null, 4], same, same)).toBe('M0.0 1.0L1.0 2.0M3.0 4.0');
});
