import { afterAll, expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { compileView, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import { stateLifeMs } from '../../../src/fold/state-life.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createRedis } from '../../../src/infra/redis.ts';
import { createOnlineStore } from '../../../src/store/online-store.ts';
import { ABSENT_POSITION } from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';
import { describeOnlineStore } from '../../support/store/online-store-contract.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

const redis = createRedis({
  url: testStack().redisUrl,
  role: 'write',
  logger: createLogger('test', 'silent'),
});
afterAll(() => {
  redis.disconnect();
});
const open = () => createOnlineStore(redis, createNames(testPrefix()));

describeOnlineStore('in Redis', () => Promise.resolve(open()));

/** Remaining lives, in ms, of a state that was just written and of its position; -1 is no end. */
async function livesOf(program: ViewProgram) {
  const names = createNames(testPrefix());
  const store = createOnlineStore(redis, names);
  const partition = partitionOf('JFK', program.partitions);
  const states = [{ entityKey: 'JFK', bytes: Uint8Array.of(1) }];
  await store.writePartition(program, partition, { expected: ABSENT_POSITION, position: 'one', states });
  return {
    state: await redis.pttl(names.stateKey(program.name, program.version, partition, 'JFK')),
    position: await redis.pttl(names.positionKey(program.name, program.version, partition)),
    again: async () => {
      await redis.pexpire(names.stateKey(program.name, program.version, partition, 'JFK'), 1_000);
      await store.writePartition(program, partition, { expected: 'one', position: 'two', states });
      return redis.pttl(names.stateKey(program.name, program.version, partition, 'JFK'));
    },
  };
}

test('a state ends by itself its life after its last write, its position never', async () => {
  const program = compileView(originDepartures);
  const lifeMs = stateLifeMs(program) as number;
  const { state, position, again } = await livesOf(program);
  expect(state).toBeGreaterThan(lifeMs - 60_000);
  expect(state).toBeLessThanOrEqual(lifeMs);
  expect(position).toBe(-1);
  expect(await again()).toBeGreaterThan(lifeMs - 60_000);
});

test('a state whose known times are carried does not end', async () => {
  const carried = compileView({
    ...originDepartures,
    source: { ...originDepartures.source, knownTime: 'carried' },
  });
  expect(await livesOf(carried)).toMatchObject({ state: -1, position: -1 });
});
