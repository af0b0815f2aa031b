import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FairQueue } from '../../../serving/batcher/fair-queue.ts';
import { PendingRequest } from '../../../serving/batcher/pending-request.ts';
import { priorities, type Priority } from '../../../serving/batcher/priority.ts';
import { VirtualTimers } from '../../support/serving/virtual-timers.ts';

interface Waiting {
  readonly id: number;
  readonly rows: number;
  next: number;
  turn: number;
}

/** The rule as docs/serving.md says it, one row after the other, with lists that are searched. */
class SlowQueue {
  readonly #levels = [
    { priority: 'high', stride: 1, pass: 0, waiting: [] as Waiting[] },
    { priority: 'normal', stride: 4, pass: 0, waiting: [] as Waiting[] },
    { priority: 'low', stride: 16, pass: 0, waiting: [] as Waiting[] },
  ];
  readonly #turn: number;
  #pass = 0;

  constructor(batchRowsMax: number) {
    this.#turn = Math.max(1, Math.floor(batchRowsMax / 4));
  }

  push(id: number, rows: number, priority: Priority): void {
    const level = this.#levels.find((one) => one.priority === priority)!;
    if (level.waiting.length === 0) level.pass = Math.max(level.pass, this.#pass);
    level.waiting.push({ id, rows, next: 0, turn: 0 });
  }

  remove(id: number): void {
    for (const level of this.#levels) level.waiting = level.waiting.filter((one) => one.id !== id);
  }

  take(count: number): string[] {
    const taken: string[] = [];
    while (taken.length < count) {
      const [level] = this.#levels.filter(({ waiting }) => waiting.length > 0).sort((a, b) => a.pass - b.pass);
      const first = level?.waiting[0];
      if (level === undefined || first === undefined) break;
      taken.push(`${first.id}:${first.next++}`);
      this.#pass = level.pass;
      level.pass += level.stride;
      if (first.next === first.rows) level.waiting.shift();
      else if (++first.turn === this.#turn) level.waiting.push({ ...level.waiting.shift()!, turn: 0 });
    }
    return taken;
  }
}

const timers = new VirtualTimers();
const request = (rows: number, priority: Priority): PendingRequest =>
  new PendingRequest({ rows, priority, write: () => undefined, deadline: Infinity, timers });
const take = (queue: FairQueue, count: number, idOf: (request: PendingRequest) => number): string[] => {
  const taken: string[] = [];
  queue.take(count, (one, firstRow, rows) => taken.push(...Array.from({ length: rows }, (_, i) => `${idOf(one)}:${firstRow + i}`)), () => false);
  return taken;
};

const step = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), rows: fc.integer({ min: 1, max: 40 }), priority: fc.constantFrom(...priorities) }),
  fc.record({ kind: fc.constant('take' as const), rows: fc.integer({ min: 1, max: 32 }) }),
  fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }),
);

it('takes the rows that the rule says, one by one, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 32 }), fc.array(step, { maxLength: 60 }), (batchRowsMax, steps) => {
      const queue = new FairQueue(batchRowsMax);
      const slow = new SlowQueue(batchRowsMax);
      const requests: PendingRequest[] = [];
      for (const one of steps) {
        if (one.kind === 'push') {
          slow.push(requests.length, one.rows, one.priority);
          requests.push(request(one.rows, one.priority));
          queue.push(requests.at(-1)!);
        } else if (one.kind === 'take') {
          expect(take(queue, one.rows, (found) => requests.indexOf(found))).toEqual(slow.take(one.rows));
        } else if (requests.length > 0) {
          const id = one.which % requests.length;
          queue.remove(requests[id]!);
          slow.remove(id);
        }
        const waiting = [...queue];
        expect(waiting.reduce((sum, { rowsWaiting }) => sum + rowsWaiting, 0)).toBe(queue.rows);
        expect(waiting.every(({ queued }) => queued)).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});

it('lets no level starve: of any rows taken while it waits, it has its part but for one round', () => {
  const parts = { high: 16 / 21, normal: 4 / 21, low: 1 / 21 };
  fc.assert(
    fc.property(fc.constantFrom(...priorities), fc.array(fc.record({ before: fc.nat(60), rows: fc.integer({ min: 1, max: 16 }) }), { maxLength: 60 }), (starved, rounds) => {
      const queue = new FairQueue(16);
      // Of every level there is more than is ever taken; the one in question comes last, with no credit.
      for (const priority of priorities.filter((one) => one !== starved)) queue.push(request(10_000, priority));
      take(queue, rounds[0]?.before ?? 0, () => 0);
      const own = request(10_000, starved);
      queue.push(own);
      let all = 0;
      for (const { rows } of rounds) {
        all += take(queue, rows, () => 0).length;
        expect(own.nextRow).toBeGreaterThanOrEqual(Math.floor(all * parts[starved]) - 1);
      }
    }),
  );
});

it('takes a single row after at most a turn of each request that was before it in its level', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 12 }), (batchRowsMax, before) => {
      const queue = new FairQueue(batchRowsMax);
      for (const rows of before) queue.push(request(rows, 'normal'));
      const single = request(1, 'normal');
      const bound = queue.rowsUntil('normal', 1);
      queue.push(single);
      const turn = Math.max(1, Math.floor(batchRowsMax / 4));
      expect(bound).toBeLessThanOrEqual(before.length * turn + 1);
      take(queue, bound, () => 0);
      expect(single.rowsWaiting).toBe(0);
    }),
  );
});
