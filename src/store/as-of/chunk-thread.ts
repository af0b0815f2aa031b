/** Entry of a thread that reads chunks, one after the other, over connections of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { assertInvariant } from '../../core/assert-invariant.ts';
import { isMillraceError, messageOf } from '../../core/millrace-error.ts';
import { compileView } from '../../fold/compile-view.ts';
import { createLogger } from '../../infra/logger.ts';
import { createPostgres } from '../../infra/postgres.ts';
import type { ChunkAnswer, ChunkRequest, ChunkThreadStart } from './chunk-messages.ts';
import { openEvents } from './open-events.ts';
import { runChunk } from './run-chunk.ts';

/** A chunk reads two sources at a time. */
const POOL_MAX = 2;

const port = parentPort;
assertInvariant(port !== null, 'the file runs as a thread');
const { views, postgresUrl, ...start } = workerData as ChunkThreadStart;
const programs = views.map(compileView);
const logger = createLogger('historical', 'warn');
const postgres = createPostgres({ url: postgresUrl, applicationName: 'millrace-historical', logger, poolMax: POOL_MAX });
const events = openEvents(postgres, start);

async function answer(job: Exclude<ChunkRequest, null>): Promise<ChunkAnswer> {
  try {
    return { rows: await runChunk(events, programs, job) };
  } catch (error) {
    const known = isMillraceError(error);
    return {
      code: known ? error.code : null,
      message: known ? error.message : ((error as Error).stack ?? messageOf(error)),
      details: known ? error.details : {},
    };
  }
}

port.on('message', (request: ChunkRequest) => {
  if (request !== null) {
    void answer(request).then((done) => port.postMessage(done));
    return;
  }
  port.close();
  void Promise.all([events.close(), postgres.close()]);
});
