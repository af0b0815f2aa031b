/** Prints as whom Redis sees the client of an address, or why it does not, and what `millrace up` says of it. */
import { argv } from 'node:process';
import { pino } from 'pino';
import { createRedis, redisReady } from '../../../src/infra/redis.ts';
import { probeFailure } from '../../../stack/probe-server.ts';

const url = argv[2] as string;
const failure = await probeFailure('redis', url);
if (failure !== undefined) {
  console.log(failure);
} else {
  const redis = createRedis({ url, role: 'write', logger: pino({ level: 'silent' }) });
  await redisReady(redis);
  console.log(await redis.call('ACL', 'WHOAMI'));
  redis.disconnect();
}
