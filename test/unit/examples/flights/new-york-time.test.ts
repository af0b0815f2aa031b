import { expect, it } from 'vitest';
import {
  newYorkMinuteOfDay,
  newYorkMonth,
  newYorkMonthStart,
  newYorkWeekday,
} from '../../../../examples/flights/new-york-time.ts';

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

it("New York's clock agrees with the time zone tables in every half hour of 2013", () => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: 'America/New_York',
    weekday: 'short',
    month: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    hourCycle: 'h23',
  });
  for (let at = newYorkMonthStart(1); at < newYorkMonthStart(13); at += 1_800_000) {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    expect([newYorkMonth(at), weekdays[newYorkWeekday(at)], newYorkMinuteOfDay(at)]).toEqual([
      Number(parts['month']),
      parts['weekday'],
      Number(parts['hour']) * 60 + Number(parts['minute']),
    ]);
  }
});

it('a month begins at its first midnight in New York', () => {
  for (let month = 1; month <= 12; month += 1) {
    const start = newYorkMonthStart(month);
    expect([newYorkMonth(start), newYorkMinuteOfDay(start)]).toEqual([month, 0]);
    expect(newYorkMonth(start - 1)).toBe(month === 1 ? 12 : month - 1);
  }
});
