import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningConsole } from '../../../console/start-console.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { ask, openConsole, withoutServers } from '../../support/console/console-stage.ts';

let stage: CommandStage;
beforeAll(async () => {
  stage = await openCommandStage();
  expect((await stage.run('apply')).exitCode).toBe(0);
});
afterAll(() => stage.close());

describe('many open pages', () => {
  let running: RunningConsole;
  beforeAll(async () => {
    running = await openConsole(stage.environment, {
      MILLRACE_CONSOLE_KEEP_MS: '60000',
      MILLRACE_CONSOLE_READ_TIMEOUT_MS: '1500',
    });
  });
  afterAll(() => running.stop());

  test('cost the servers one reading of each part', async () => {
    const urls = ['/api/overview', '/api/models/fraud', '/api/models/fraud/decisions', '/api/dead-letters'];
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => ask(`${running.url}${urls[i % urls.length]}`)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const metrics = (await ask(`${running.url}/metrics`)).text;
    const counts = [...metrics.matchAll(/read_duration_seconds_count\{.*part="([^"]+)".*\} (\d+)/g)].map(
      ([, part, count]) => [part, count],
    );
    expect(counts.length).toBeGreaterThan(10);
    expect(counts.filter(([, count]) => count !== '1')).toEqual([]);
  });
});

describe('with every server away', () => {
  let running: RunningConsole;
  beforeAll(async () => {
    // Kafka's client tells after a few attempts, Temporal's after ten seconds.
    running = await openConsole(withoutServers(stage.environment), {
      MILLRACE_CONSOLE_READ_TIMEOUT_MS: '6000',
    });
  });
  afterAll(() => running.stop());

  test('the page is there, and each part of the overview says what it lacks', async () => {
    expect((await ask(`${running.url}/`)).text).toContain('<title>Millrace</title>');
    const { status, body } = await ask(`${running.url}/api/overview`);
    expect(status).toBe(200);
    const problems = body['problems'] as { what: string; code: string; message: string }[];
    expect(Object.fromEntries(problems.map(({ what, code }) => [what, code]))).toEqual({
      'events stored': 'STORE_UNAVAILABLE',
      'events sent': 'STREAM_UNAVAILABLE',
      'decisions stored': 'STORE_UNAVAILABLE',
      'decisions sent': 'STREAM_UNAVAILABLE',
      views: 'STORE_UNAVAILABLE',
      allocations: 'STORE_UNAVAILABLE',
      "lifecycle of 'fraud'": 'STATUS_TIMED_OUT',
    });
    expect(problems.filter(({ message }) => message === '')).toEqual([]);
    expect(body).toMatchObject({
      sources: [{ source: 'payments', sent: null, stored: null, missing: null }, { source: 'chargebacks' }],
      views: [{ view: 'card_activity', behindEvents: null }],
      models: [{ model: 'fraud', allocation: null, lifecycle: null }],
    });
  });

  test('a model names every part, and a list answers the error itself', async () => {
    const { status, body } = await ask(`${running.url}/api/models/fraud`);
    expect(status).toBe(200);
    const named = (body['problems'] as { what: string }[]).map(({ what }) => what).sort();
    expect(named).toEqual(['aliases', 'allocation', 'comparison', 'ledger', 'lifecycle', 'reports', 'traffic', 'versions']);
    for (const url of [
      '/api/models/fraud/decisions',
      '/api/dead-letters',
      '/api/decisions/x',
      '/v1/health/ready',
    ]) {
      expect(await ask(`${running.url}${url}`)).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
        body: {
          code: 'STORE_UNAVAILABLE',
          error: expect.stringContaining('Postgres did not answer') as string,
        },
      });
    }
    expect((await ask(`${running.url}/v1/health/live`)).status).toBe(200);
    expect((await ask(`${running.url}/metrics`)).text).toMatch(
      /millrace_console_read_failures_total\{.*part="ledger",code="STORE_UNAVAILABLE".*\} [1-9]/,
    );
  });
});

describe('the page', () => {
  let running: RunningConsole;
  beforeAll(async () => {
    running = await openConsole(withoutServers(stage.environment), { MILLRACE_CONSOLE_READ_TIMEOUT_MS: '1' });
  });
  afterAll(() => running.stop());

  /** The document and everything that it loads, and what that loads. */
  async function load(url = '/', loaded = new Map<string, string>()): Promise<Map<string, string>> {
    if (loaded.has(url)) return loaded;
    const { status, text } = await ask(`${running.url}${url}`);
    expect([url, status]).toEqual([url, 200]);
    loaded.set(url, text);
    const found = [...text.matchAll(/(?:src|href)="(\/[^"]+)"|from '\.(\/[^']+)'/g)].map(
      (match) => (match[1] ?? match[2]) as string,
    );
    for (const next of found) await load(next, loaded);
    return loaded;
  }

  test('loads its own files only and refers to no other place', async () => {
    const files = await load();
    expect(files.size).toBeGreaterThan(10);
    const outside = [...files].flatMap(([url, text]) =>
      [...text.matchAll(/(?:https?:)?\/\/[a-z0-9][^\s'"]*|@import|url\(/gi)].map(
        ([found]) => `${url}: ${found}`,
      ),
    );
    // A name of a language, which nothing loads.
    expect(outside.filter((found) => !found.endsWith('http://www.w3.org/2000/svg'))).toEqual([]);
  });

  test('never makes markup out of text', async () => {
    const parsers =
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function/;
    expect([...(await load())].filter(([, text]) => parsers.test(text)).map(([url]) => url)).toEqual([]);
  });

  test('is bound to its own files by its headers, in every answer', async () => {
    for (const url of ['/', '/console.css', '/main.mjs', '/api/overview', '/none']) {
      const { headers } = await ask(`${running.url}${url}`);
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
      });
    }
  });

  test('comes in no bytes where the browser has it', async () => {
    const { headers } = await ask(`${running.url}/main.mjs`);
    expect(
      await ask(`${running.url}/main.mjs`, { 'if-none-match': headers['etag'] as string }),
    ).toMatchObject({ status: 304, text: '' });
  });

  test.each(['POST', 'PUT', 'DELETE'] as const)(
    '%s changes nothing: there is no such endpoint',
    async (method) => {
      const { statusCode, body } = await request(`${running.url}/api/models/fraud`, { method });
      expect(statusCode).toBe(404);
      expect(await body.json()).toMatchObject({
        code: 'REQUEST_INVALID',
        error: expect.stringContaining('only reads') as string,
      });
    },
  );

  test('is not for a foreign name that leads here', async () => {
    expect(await ask(`${running.url}/api/overview`, { host: 'evil.example' })).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
  });

  test('has no way out of its folder', async () => {
    for (const url of ['/../settings.ts', '/%2e%2e/settings.ts', '/..%2fsettings.ts']) {
      expect((await ask(`${running.url}${url}`)).status).toBe(404);
    }
  });
});
