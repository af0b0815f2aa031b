import { mkdir } from 'node:fs/promises';
import { findRedis } from './find-redis.ts';
import { choosePort, LOOPBACK } from './free-port.ts';
import { serverFolder, startPlanned, type ServerStarter } from './server-starter.ts';

const READY_LIMIT_MS = 30_000;
/** A dump every five minutes, and one at every orderly end; what a crash loses is rebuilt from the offline log. */
const SAVE_RULE = '300 1';

/** Redis with its dump in the data directory. */
export const startRedis: ServerStarter = async (context) => {
  const redis = await findRedis(context);
  if (redis === undefined) return undefined;
  const main = await choosePort(
    { variable: 'MILLRACE_REDIS_PORT', remembered: context.rememberedPorts['main'] },
    context.environment,
  );
  const folder = serverFolder(context, 'redis');
  await mkdir(folder, { recursive: true });
  context.report('waiting until it answers', 'starting');
  return await startPlanned(
    {
      server: 'redis',
      program: redis.program,
      args: [
        ...['--bind', LOOPBACK, '--port', String(main), '--dir', folder],
        ...['--save', SAVE_RULE, '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
      ],
      cwd: folder,
      environment:
        redis.libraryFolders.length === 0 ? {} : { LD_LIBRARY_PATH: redis.libraryFolders.join(':') },
      address: `redis://${LOOPBACK}:${main}`,
      ports: { main },
      readyLimitMs: READY_LIMIT_MS,
    },
    context,
  );
};
