/** A process that fills the first partition of a view, as the database has it, until it is killed. */
import { createNames } from '../../../src/contracts/names.ts';
import { createKafka } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { createRedis } from '../../../src/infra/redis.ts';
import { backfillPartition, type BackfillSlice } from '../../../src/store/backfill-partition.ts';
import { createOnlineStore } from '../../../src/store/online-store.ts';
import { liveViewNamed, readLiveViews } from '../../../src/store/live-views.ts';
import { readDefinitions } from '../../../src/store/project-definitions.ts';
import type { Source } from '../../../src/define/source.ts';

export interface BackfillChildInput {
  readonly postgresUrl: string;
  readonly namespace: string;
  readonly redisUrl: string;
  readonly kafkaBrokers: readonly string[];
  readonly view: string;
  readonly slice: BackfillSlice;
}

const input = JSON.parse(process.argv[2] ?? '') as BackfillChildInput;
const logger = createLogger('test', 'silent');
const names = createNames(input.namespace);
const redis = createRedis({ url: input.redisUrl, role: 'write', logger });
const postgres = createPostgres({ url: input.postgresUrl, applicationName: 'test', logger });
const sources = (await readDefinitions(postgres))
  .filter(({ kind }) => kind === 'source')
  .map(({ definition }) => definition as unknown as Source);
const { program } = liveViewNamed(await readLiveViews(postgres, { views: [], sources }), input.view, 1);
await backfillPartition(
  {
    postgres,
    kafka: createKafka({ brokers: input.kafkaBrokers, clientId: 'test', logger }),
    store: createOnlineStore(redis, names),
    names,
    clock: Date.now,
  },
  program,
  0,
  input.slice,
);
