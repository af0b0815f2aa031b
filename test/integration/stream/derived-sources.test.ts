import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvariantViolation } from '../../../src/core/assert-invariant.ts';
import type { RunningConsumer } from '../../../src/infra/kafka.ts';
import type { Source } from '../../../src/define/source.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { buildTrainingSet } from '../../../src/store/build-training-set.ts';
import { readStreamLag } from '../../../src/stream/read-stream-lag.ts';
import { createGateway } from '../../../src/stream/gateway.ts';
import { loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import type { RunningDeriver } from '../../../src/stream/deriver.ts';
import { startIngest } from '../../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { programsOf } from '../../../src/store/project-definitions.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import type { NaiveLogged } from '../../support/naive/naive-derived.ts';
import {
  eventually,
  onlineFeatures,
  openEventPath,
  payments,
  replayOf,
  START,
  type EventPath,
} from './event-path.ts';
import {
  awaitDerived,
  cardEnriched,
  derive,
  derivedProject,
  enriched,
  fraud,
  naiveLog,
  naiveRowsOf,
  outcomes,
  plainProject,
  profiles,
  rowsOf,
  scored,
  sendInOrder,
} from './derived-path.ts';

const TIMEOUT_MS = 60_000;

describe('derived sources', () => {
  let path: EventPath;
  const derivers: RunningDeriver[] = [];
  const started = async (deriver: Promise<RunningDeriver>): Promise<RunningDeriver> => {
    derivers.push(await deriver);
    return deriver;
  };
  let ingest: RunningConsumer;
  const open = async (of = derivedProject): Promise<void> => {
    path = await openEventPath(of);
    ingest = await path.ingest();
    await path.fold();
  };
  afterEach(async () => {
    for (const deriver of derivers.splice(0)) await deriver.stop();
    await path.close();
  });

  const expectRows = async (log: readonly NaiveLogged[]): Promise<void> => {
    for (const source of [enriched, scored]) {
      const expected = naiveRowsOf(log, source);
      // A source without views is waited for by nobody.
      await eventually('all in the log', async () => (await rowsOf(path, source)).length === expected.length);
      expect(await rowsOf(path, source)).toEqual(expected);
    }
  };
  const expectOnline = async (log: readonly NaiveLogged[]): Promise<void> => {
    const asOf = Math.max(...log.map((one) => one.knownTime));
    const events = log.filter((one) => one.source === enriched.name);
    for (const cardId of new Set(events.map(({ row }) => row['cardId']))) {
      if (cardId === null) continue;
      const naive = naiveFeatures(
        cardEnriched,
        events.filter(({ row }) => row['cardId'] === cardId),
        asOf,
      );
      const online = await onlineFeatures(path, 'card_enriched', cardId as string, asOf);
      expect(online).toEqual(
        Object.fromEntries(Object.entries(naive).map(([name, value]) => [name, value ?? NaN])),
      );
    }
  };
  /** Messages of a derived topic beyond the events that there are: what was sent again, and dropped. */
  const redeliveriesOf = async ({ name }: Source): Promise<number> => {
    const ends = await path.kafka.topicOffsets(path.names.sourceTopic(name));
    const [counted] = await path.postgres.query<{ stored: number; duplicates: number; dead: number }>(
      `SELECT sum(stored)::int AS stored, sum(duplicates)::int AS duplicates, sum(dead_letters)::int AS dead
       FROM millrace.ingest_positions WHERE source = $1`,
      [name],
    );
    const sent = ends.reduce((sum, { end }) => sum + end, 0);
    return sent - (counted?.stored ?? 0) === counted?.duplicates && counted.dead === 0
      ? counted.duplicates
      : NaN;
  };
  const redeliveries = async (): Promise<number> =>
    (await redeliveriesOf(enriched)) + (await redeliveriesOf(scored));

  for (const name of ['afterDerivedSent', 'afterDerivedCounted'] as const) {
    test(
      `a crash at ${name} loses nothing and derives nothing twice; a chained view, online and a training set are the oracle's`,
      async () => {
        await open();
        let passes = 0;
        const crash = (): void => {
          if (++passes === 3) throw new InvariantViolation('crash asked for by the test');
        };
        const first = await started(derive(path, derivedProject.sources, { failpoints: { [name]: crash } }));
        const sending = sendInOrder(path, 400);
        await expect(first.ended).rejects.toThrow(/crash asked for/);
        await started(derive(path));
        await awaitDerived(path, await sending, TIMEOUT_MS);
        const log = naiveLog(400);
        await expectRows(log);
        await expectOnline(log);
        if (name === 'afterDerivedSent') expect(await redeliveries()).toBeGreaterThan(0);
        await expectTrainingSet(log);
      },
      TIMEOUT_MS,
    );
  }

  async function expectTrainingSet(log: readonly NaiveLogged[]): Promise<void> {
    const labels = outcomes(400);
    await path.replayer.send(labels);
    await eventually('all labels stored', async () => {
      const [row] = await path.postgres.query<{ n: number }>('SELECT count(*)::int AS n FROM log.outcome');
      return row?.n === labels.length;
    });
    const { trainingSet } = await buildTrainingSet(path, { model: fraud, dataCut: null });
    expect(trainingSet.rows).toBeGreaterThan(300);
    const events = log.filter((one) => one.source === enriched.name);
    const width = trainingSet.numericNames.length;
    for (const [row, id] of trainingSet.exampleIds.entries()) {
      const example = events.find((one) => one.row['paymentId'] === id)!.row;
      const asOf = (example['paidAt'] as number) + 600_000;
      const seen = events.filter((one) => one.row['cardId'] === example['cardId'] && one.knownTime <= asOf);
      const features = naiveFeatures(cardEnriched, example['cardId'] === null ? [] : seen, asOf);
      const expected = [...Object.values(features), example['amount'], example['rating']] as (
        number | null
      )[];
      expect([...trainingSet.numbers.subarray(row * width, (row + 1) * width)]).toEqual(
        expected.map(float32Of),
      );
    }
  }

  test(
    'what is derived again at any later time is dropped, though other values would be attached now',
    async () => {
      await open();
      const deriver = await started(derive(path));
      await awaitDerived(path, await sendInOrder(path, 400), TIMEOUT_MS);
      await deriver.stop();
      await expectRows(naiveLog(400));
      const before = [await rowsOf(path, enriched), await rowsOf(path, scored)];
      // Beyond the dedupe window of an hour, and told so late that it changes what all payments would get.
      const late = profiles(80, 1_000).map((event) => ({
        ...event,
        payload: { ...event.payload, changedAt: START, country: 'FI' },
        knownTime: START,
      }));
      await path.replayer.send(late);
      await path.postgres.query('UPDATE millrace.derive_positions SET next_offset = 0');
      await started(derive(path));
      await eventually('all derived again', async () => (await redeliveries()) === 800, TIMEOUT_MS);
      expect([await rowsOf(path, enriched), await rowsOf(path, scored)]).toEqual(before);
    },
    TIMEOUT_MS,
  );

  test(
    'two derivers at once derive the same once',
    async () => {
      await open();
      await started(derive(path));
      await started(derive(path));
      await awaitDerived(path, await sendInOrder(path, 200, 20), TIMEOUT_MS);
      const log = naiveLog(200);
      await expectRows(log);
    },
    TIMEOUT_MS,
  );

  test(
    'applied over history it derives all of that; applied again nothing changes, and the lag is 0',
    async () => {
      await open(plainProject);
      await path.replayer.send([...profiles(43), ...replayOf(payments(300))]);
      const plan = await path.apply(derivedProject);
      expect(plan.steps).toContainEqual(
        expect.objectContaining({ action: 'create', kind: 'log', name: 'log.enriched_payment' }),
      );
      const logger = createLogger('test', 'silent');
      const programs = programsOf(derivedProject);
      const metrics = createStreamMetrics(createMetrics('test'));
      // A group's members read the same topics.
      await ingest.stop();
      ingest = await startIngest({ ...path, logger, metrics }, derivedProject.sources, programs);
      await started(derive(path));
      try {
        await expectRows(naiveLog(300));
        expect((await path.apply(derivedProject)).steps).toEqual([]);
        expect(await readStreamLag(path, [enriched, scored], [])).toMatchObject({
          'derive enriched_payment': 0,
          'derive scored_payment': 0,
          'ingest scored_payment': 0,
        });
      } finally {
        await ingest.stop();
      }
    },
    TIMEOUT_MS,
  );

  describe('take no events', () => {
    beforeEach(() => open());

    test('from a replayer or over HTTP', async () => {
      const event = { source: enriched.name, id: 'p1', payload: {}, knownTime: START };
      expect(() => path.replayer.send([event])).toThrow(
        expect.objectContaining({
          code: 'STREAM_SOURCE_DERIVED',
          message: expect.stringContaining("source 'payment'") as string,
        }),
      );
      const gateway = await createGateway({
        kafka: path.kafka,
        names: path.names,
        sources: path.project.sources,
        settings: loadGatewaySettings({}),
        clock: () => START,
        logger: createLogger('test', 'silent'),
        registry: createMetrics('test'),
      });
      const answer = await gateway.inject({
        method: 'POST',
        url: `/v1/events/${enriched.name}`,
        headers: { 'content-type': 'application/json' },
        payload: '{}',
      });
      await gateway.close();
      expect([answer.statusCode, answer.json()]).toMatchObject([409, { code: 'STREAM_SOURCE_DERIVED' }]);
    });
  });
});
