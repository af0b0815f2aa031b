import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { departures } from '../../support/serving/tiny-project.ts';
import { events, expectedRow, project, spine } from '../../support/store/as-of-history.ts';

interface Answer {
  dataCut: number | null;
  names: string[];
  rows: (number | string | null)[][];
  views: { view: string; version: number; stale: number[] }[];
  error: string;
  code: string;
}

let stage: ServingStage;
let serving: RunningServing;
beforeAll(async () => {
  stage = await createServingStage();
  for (const statement of createLogTableSql(departures)) await stage.postgres.query(statement);
  await appendEvents(stage.postgres, departures, events);
  serving = await stage.serve({ MILLRACE_SERVING_HISTORICAL_ROWS_MAX: '200', MILLRACE_SERVING_HISTORICAL_TIMEOUT_MS: '30000' }, {}, project);
});
afterAll(() => stage.close());

const views = ['origin_departures', 'carrier_departures'];
const post = async (body: unknown, headers: Record<string, string> = {}, to = serving) => {
  const response = await fetch(`${to.url}/v1/features/historical`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
};
const rounded = ({ names, rows }: Answer) =>
  rows.map((row) => Object.fromEntries(row.map((value, i) => [names[i], typeof value === 'number' ? float32Of(value) : value])));
const asked = spine.map(({ id: _, distance: __, ...row }) => row);

describe('POST /v1/features/historical', () => {
  it.each(['known', 'happened'] as const)('answers rows as of their own moments, of what was %s', async (mode) => {
    const { status, body } = await post({ views, spine: asked, mode });
    expect(status).toBe(200);
    expect(rounded(body)).toEqual(spine.map((row) => expectedRow(row, mode)));
    expect(body.dataCut).toBe(events.reduce((latest, { knownTime }) => Math.max(latest, knownTime), 0));
    expect(body.views.map(({ view, version }) => ({ view, version }))).toEqual(views.map((view) => ({ view, version: 1 })));
    expect(body.views[1]?.stale.length).toBeGreaterThan(0);
  });

  it('answers the row of a service, with what was known at a data cut', async () => {
    const row = { ...spine[40]!, id: undefined };
    const { status, body } = await post({ service: 'both', spine: [row], dataCut: 0 });
    expect(status).toBe(200);
    expect(body.dataCut).toBe(0);
    expect(body.names).toContain('excess');
    expect(body.rows[0]?.[body.names.indexOf('origin_departures.departed1h')]).toBe(0);
  });

  it.each([
    ['nothing', {}, 400, 'REQUEST_INVALID', /spine: .*Send/],
    ['two selections', { views, service: 'both', spine: [{}] }, 400, 'REQUEST_INVALID', /exactly one of/],
    ['no rows', { views, spine: [] }, 400, 'REQUEST_INVALID', /at least one row/],
    ['an unknown mode', { views, spine: [{}], mode: 'later' }, 400, 'REQUEST_INVALID', /mode: /],
    ['an unknown view', { views: ['none'], spine: [{}] }, 404, 'FEATURE_NOT_FOUND', /'none'/],
    ['a row without a moment', { views, spine: [{ origin: 'EWR', carrier: 'UA' }] }, 400, 'FEATURE_SPINE_INVALID', /row 1: field 'asOf'/],
    ['a row that is none', { views, spine: [0] }, 400, 'FEATURE_SPINE_INVALID', /row 1: expected an object of fields, found 0/],
    ['too many rows that are none', { views, spine: new Array(100_000).fill(0) }, 413, 'REQUEST_TOO_LARGE', /at most 200 rows, found 100000/],
    ['too many rows', { views, spine: Array.from({ length: 201 }, () => ({})) }, 413, 'REQUEST_TOO_LARGE', /at most 200 rows, found 201/],
    ['too many bytes', `{"views":["${'x'.repeat(1_100_000)}"]}`, 413, 'REQUEST_TOO_LARGE', /large/],
  ])('refuses %s', async (_what, body, status, code, message) => {
    const found = await post(body);
    expect(found.status).toBe(status);
    expect(found.body).toMatchObject({ code, error: expect.stringMatching(message) as string });
  });

  it('reads one at a time, keeps to deadlines, and goes on after one', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => post({ views, spine: asked })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(3);
    expect(refused[0]?.body.code).toBe('SERVING_OVERLOADED');
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    await stage.postgres.transaction(async (tx) => {
      // Nobody reads the log meanwhile.
      await tx.query('LOCK TABLE log.departures IN ACCESS EXCLUSIVE MODE');
      const late = await post({ views, spine: asked, dataCut: 1 }, { 'x-request-timeout': '300' });
      expect(late.status).toBe(504);
      expect(late.body.code).toBe('SERVING_DEADLINE_EXCEEDED');
      const meanwhile = await fetch(`${serving.url}/v1/health/live`);
      expect(meanwhile.status).toBe(200);
    });
    const after = await post({ views, spine: asked });
    expect(after.status).toBe(200);
  });
});
