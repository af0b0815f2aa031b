import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonValue } from '../core/json.ts';
import { isMillraceError, messageOf } from '../core/millrace-error.ts';
import type { Champion } from './champion.ts';
import type { ChildMessage, TrainJob } from './child-messages.ts';
import { loadTensorBackend } from '../tensorflow/tensorflow-backend.ts';
import { trainModel } from './train-model.ts';
import { decodeTrainingSet } from './training-set-codec.ts';

/** Entry of the process that `trainInChild` starts: one job as a file, messages back, then the end. */
async function run(job: TrainJob): Promise<void> {
  const set = decodeTrainingSet(await readFile(job.trainingSet));
  const backend = await loadTensorBackend({
    addon: job.addon,
    ...(job.backends === null ? {} : { names: job.backends }),
  });
  await send({ type: 'backend', name: backend.name, rejected: backend.rejected });
  const { files } = await trainModel({
    set,
    plan: job.plan,
    backend,
    champion: job.champion === null ? null : await readChampion(job.champion),
    dataCut: job.dataCut,
    trigger: job.trigger,
    reason: job.reason,
    onProgress: (progress) => void send({ type: 'progress', progress }),
  });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(job.output, name), bytes);
  await send({ type: 'done' });
}

async function readChampion({ graph, ...champion }: NonNullable<TrainJob['champion']>): Promise<Champion> {
  return { ...champion, graph: { role: graph.role, bytes: await readFile(graph.file) } };
}

function send(message: ChildMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

// Nobody would take the result any more.
const abandon = (): never => process.exit(1);
process.once('disconnect', abandon);

try {
  await run(JSON.parse(await readFile(process.argv[2] as string, 'utf8')) as TrainJob);
} catch (error) {
  const known = isMillraceError(error);
  await send({
    type: 'failed',
    code: known ? error.code : null,
    message: known ? error.message : ((error as Error).stack ?? messageOf(error)),
    details: known ? (error.details as Record<string, JsonValue>) : {},
  });
} finally {
  process.off('disconnect', abandon);
  process.disconnect?.();
}
