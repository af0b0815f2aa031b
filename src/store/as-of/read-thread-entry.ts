/** Entry of a thread that reads the past, one request after the other, over connections of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { assertInvariant } from '../../core/assert-invariant.ts';
import { isMillraceError, messageOf } from '../../core/millrace-error.ts';
import { compileView } from '../../fold/compile-view.ts';
import { createLogger } from '../../infra/logger.ts';
import { createPostgres } from '../../infra/postgres.ts';
import { createColdLog, withColdLog } from '../cold-log/cold-log.ts';
import { readViews } from './read-as-of.ts';
import type { ReadThreadStart, ThreadAnswer, ThreadRequest } from './thread-messages.ts';
import { openEvents } from './open-events.ts';
import { runChunk } from './run-chunk.ts';

/** A chunk reads two sources at a time. */
const POOL_MAX = 2;

const port = parentPort;
assertInvariant(port !== null, 'the file runs as a thread');
const { views, postgresUrl, coldLog: coldLogConfig, statementTimeoutMs, ...start } = workerData as ReadThreadStart;
const programs = views.map(compileView);
const logger = createLogger('historical', 'warn');
const postgres = createPostgres({
  url: postgresUrl,
  applicationName: 'millrace-historical',
  logger,
  poolMax: POOL_MAX,
  ...(statementTimeoutMs === undefined ? {} : { statementTimeoutMs }),
});
const coldLog = coldLogConfig === null ? undefined : createColdLog(coldLogConfig);
const events = openEvents(coldLog === undefined ? postgres : withColdLog(postgres, coldLog), start);

async function answer(request: Exclude<ThreadRequest, null>): Promise<ThreadAnswer> {
  try {
    if ('chunk' in request) return { rows: await runChunk(events, programs, request.chunk) };
    const { views: wanted, spine, request: how } = request.rows;
    const asked = wanted.map((view) => programs[view]!);
    return { reads: await readViews(events, asked, spine, how) };
  } catch (error) {
    const known = isMillraceError(error);
    return {
      code: known ? error.code : null,
      message: known ? error.message : ((error as Error).stack ?? messageOf(error)),
      details: known ? error.details : {},
    };
  }
}

port.on('message', (request: ThreadRequest) => {
  if (request !== null) {
    void answer(request).then((done) => port.postMessage(done));
    return;
  }
  port.close();
  void Promise.all([events.close(), postgres.close()]).then(() => coldLog?.close());
});
