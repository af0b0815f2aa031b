import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { featureView } from '../../../src/define/feature-view.ts';
import { nullable, number, string } from '../../../src/define/field.ts';
import { project } from '../../../src/define/project.ts';
import type { Source } from '../../../src/define/source.ts';
import { partitionsOf } from '../../../src/fold/partition-of.ts';
import { decodeState } from '../../../src/fold/state-codec.ts';
import { readFeatures } from '../../../src/fold/view-state.ts';
import { materializePartitions } from '../../../src/store/materialize.ts';
import { planProject } from '../../../src/store/plan-project.ts';
import { programsOf } from '../../../src/store/project-definitions.ts';
import { scanEvents } from '../../../src/store/offline-log.ts';
import { EventColumnsBuilder, fieldsOfView } from '../../../src/store/view-events.ts';
import {
  account,
  card,
  cardPayments,
  differences,
  eventually,
  naiveFeaturesOf,
  openEventPath,
  paymentProject,
  payments,
  paymentSource,
  replayOf,
  shopPayments,
  type EventPath,
} from '../stream/event-path.ts';

const TIMEOUT_MS = 40_000;

describe('apply and materialize', () => {
  let path: EventPath;
  beforeEach(async () => {
    path = await openEventPath();
  });
  afterEach(() => path.close());

  const replay = async (count: number, from = 0) => {
    const offsets = await path.replayer.send(replayOf(payments(count, from)));
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
    await eventually('all stored', async () => (await account(path)).stored === from + count);
  };

  test('a rebuild while events flow neither misses nor repeats one', async () => {
    await path.ingest();
    await path.fold();
    await replay(400);
    let sending = true;
    const live = (async () => {
      for (let from = 400; sending || from < 800; from += 10)
        await path.replayer.send(replayOf(payments(10, from)));
    })();
    const deps = { ...path, clock: Date.now };
    for (const program of path.programs) {
      const done = await materializePartitions(deps, program, partitionsOf(program));
      expect(done.events).toBeGreaterThan(0);
      expect(done.busy).toEqual([]);
    }
    sending = false;
    await live;
    const sent = (await path.kafka.topicOffsets(path.names.sourceTopic('payment'))).map(
      ({ partition, end }) => ({ sourceName: 'payment', partition, offset: end - 1 }),
    );
    await path.store.waitVisible(path.programs, sent, TIMEOUT_MS);
    await eventually('all stored', async () => {
      const { stored, duplicates } = await account(path);
      return stored + duplicates === sent.reduce((sum, { offset }) => sum + offset + 1, 0);
    });
    expect(await differences(path, payments((await account(path)).stored))).toEqual([]);
  });

  test('a rebuild that has room for two states writes and reads them again and again, and makes the same ones', async () => {
    await path.ingest();
    await path.fold();
    await replay(400);
    const before = await path.redis.keys(`${path.names.namespace}:*:s:*`);
    await path.redis.del(before);
    const deps = { ...path, clock: Date.now, cacheLimits: { statesMax: 2, bytesMax: 1_000_000 } };
    for (const program of path.programs) {
      const done = await materializePartitions(deps, program, partitionsOf(program));
      expect(done.busy).toEqual([]);
    }
    expect((await path.redis.keys(`${path.names.namespace}:*:s:*`)).toSorted()).toEqual(before.toSorted());
    expect(await differences(path, payments(400))).toEqual([]);
  });

  test('a new version of a view over history is rebuilt from the offline log and then goes on live', async () => {
    const ingest = await path.ingest();
    const fold = await path.fold();
    await replay(300);
    await ingest.stop();
    await fold.stop();
    const second = featureView({
      name: 'card_payments',
      version: 2,
      entity: card,
      source: paymentSource,
      partitions: 2,
      features: (a) => ({ count24h: a.count({ window: '24h' }) }),
    });
    const changed = project({ name: 'payments', views: [second, shopPayments] });
    const plan = await path.apply(changed);
    expect(plan.recompute.map((p) => `${p.name}.${p.version}`)).toEqual(['card_payments.2']);
    const [program] = programsOf(changed);
    if (program === undefined) throw new Error('the project has a view');
    const asOf = payments(300).at(-1)?.knownTime ?? 0;
    for (const key of ['card-1', 'card-5', 'card-22']) {
      const [bytes] = await path.store.readStates([{ program, entityKey: key }]);
      const out = new Float64Array(1);
      readFeatures(
        program,
        bytes === undefined || bytes === null ? null : decodeState(program, bytes),
        asOf,
        out,
        0,
      );
      expect(out[0]).toBe(naiveFeaturesOf(second, 'cardId', payments(300), key, asOf)['count24h']);
    }
    expect((await path.apply(changed)).steps).toEqual([]);
  });

  test('a view that changed and kept its version is refused, and nothing is changed', async () => {
    const changed = project({
      name: 'payments',
      views: [
        featureView({
          name: 'card_payments',
          entity: card,
          source: paymentSource,
          partitions: 2,
          features: (a) => ({ n: a.count({ window: '1h' }) }),
        }),
        shopPayments,
      ],
    });
    await expect(path.apply(changed)).rejects.toMatchObject({
      code: 'PLAN_VIEW_CHANGED',
      message: expect.stringMatching(/raise its version to 2/) as string,
    });
    expect((await path.apply()).steps).toEqual([]);
  });

  test('a source of events can not become one of changes: its log has no signs', async () => {
    const changing = { ...paymentSource, changes: true } as const;
    const view = featureView({
      name: 'card_counts',
      entity: card,
      source: changing,
      features: (a) => ({ n: a.count({ window: '1h' }) }),
    });
    const { problems } = await planProject(project({ name: 'payments', views: [view] }), path);
    expect(problems).toContainEqual({
      code: 'PLAN_SOURCE_INCOMPATIBLE',
      message: "Source 'payment': changes was 'false' and is now 'true'. Keep it, or make a new source.",
    });
  });

  test('a new nullable field becomes a column; all incompatible changes are named together', async () => {
    const withSource = (schema: object) => {
      const payment = { ...paymentSource, schema } as unknown as Source;
      const views = [cardPayments, shopPayments].map((view) => ({ ...view, source: payment }));
      return project({ name: 'payments', views });
    };
    await path.apply(withSource({ ...paymentSource.schema, tip: nullable(number()) }));
    const columns = await path.postgres.query<{ name: string }>(
      "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'log' AND table_name = 'payment'",
    );
    expect(columns.map((c) => c.name)).toContain('tip');
    const { shopId: _gone, ...rest } = paymentSource.schema;
    const plan = await planProject(
      withSource({ ...rest, amount: string(), tip: nullable(number()), fee: number() }),
      path,
    );
    const texts = plan.problems.filter((p) => p.code === 'PLAN_SOURCE_INCOMPATIBLE').map((p) => p.message);
    expect(texts).toHaveLength(3);
    for (const problem of [
      /'shopId' is gone/,
      /'amount' was number and is now string/,
      /'fee' is required/,
    ]) {
      expect(texts.join()).toMatch(problem);
    }
  });

  test('events are read back as they were known', async () => {
    await path.ingest();
    await path.fold();
    await replay(200);
    const [program] = path.programs;
    if (program === undefined) throw new Error('the project has a view');
    const builder = new EventColumnsBuilder(program);
    const filter = { knownTo: payments(200)[99]?.knownTime ?? 0, order: 'known' } as const;
    await scanEvents(path.postgres, program.view.source, fieldsOfView(program), filter, (event) => builder.add(event));
    const columns = builder.take();
    const expected = payments(100).filter((e) => e.payment.cardId !== null);
    expect(Array.from(columns.keyIds, (id) => columns.keys[id])).toEqual(expected.map((e) => e.payment.cardId));
    expect([...columns.knownTime]).toEqual(expected.map((e) => e.knownTime));
    expect([...columns.effectiveTime]).toEqual(expected.map((e) => Math.min(e.payment.paidAt, e.knownTime)));
  });

  test('the project of these tests plans to nothing once applied', async () => {
    expect((await planProject(paymentProject, path)).steps).toEqual([]);
  });
});
