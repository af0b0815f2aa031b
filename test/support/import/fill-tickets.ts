import type { Postgres } from '../../../src/infra/postgres.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { createRandom } from '../../../src/training/seeded-random.ts';
import { returns, tickets } from './tickets-project.ts';

const ROWS = 2_000;
const FROM = Date.UTC(2024, 0, 1);
const STEP_MS = 3_600_000;
export const TOPICS = ['billing', 'network', 'access', null];

/** Tickets that come back the sooner the longer they took, each with its outcome an hour later. */
export async function fillTickets(postgres: Postgres): Promise<void> {
  const random = createRandom(3);
  const rows = Array.from({ length: ROWS }, (_, n) => {
    const topic = Math.floor(random.uniform() * TOPICS.length);
    const minutes = random.uniform() < 0.1 ? null : 5 + 10 * Math.abs(random.normal());
    const logit = (topic === 0 ? 1.5 : -1) + (minutes === null ? 0.5 : (minutes - 13) / 6);
    const returned = random.uniform() < 1 / (1 + Math.exp(-logit));
    return { n, at: FROM + n * STEP_MS, topic: TOPICS[topic]!, minutes, returned };
  });
  const event = (n: number, at: number, row: Record<string, string | number | boolean | null>) => {
    const ticketId = `t${n}`;
    return { sourcePartition: 0, sourceOffset: n, eventTime: at, effectiveTime: at, knownTime: at, row: { ticketId, at, ...row } };
  };
  await appendEvents(postgres, tickets, rows.map(({ n, at, topic, minutes }) => event(n, at, { deskId: `d${n % 7}`, topic, minutes })));
  await appendEvents(postgres, returns, rows.map(({ n, at, returned }) => event(n, at + STEP_MS, { returned })));
}
