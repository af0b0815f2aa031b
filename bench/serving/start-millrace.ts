import { SERVER_CORE } from '../measure/pinned.ts';
import type { openBenchStage } from './bench-stage.ts';
import { inferBody, inferScore, type Served } from './peers/served.ts';
import { models, type ReferenceModel } from './reference-project.ts';
import type { ServingProcess } from './serving-process.ts';

export interface MillraceOptions {
  readonly name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** With each request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** On one core with all that it starts, unless told otherwise. */
  readonly pinned?: boolean;
}

export interface Millrace extends Served {
  readonly process: ServingProcess;
  inferUrl(model: ReferenceModel): string;
  predictUrl(model: ReferenceModel): string;
  /** By model: where its session runs. */
  readonly placements: Readonly<Record<ReferenceModel, string>>;
}

/** The real serving process with everything on, on the server's core, with all reference models loaded. */
export async function startMillrace(stage: Awaited<ReturnType<typeof openBenchStage>>, options: MillraceOptions = {}): Promise<Millrace> {
  const { name = 'Millrace', environment = {}, headers = {}, nodeArgs = [], pinned = true } = options;
  const process = await stage.startServing({ environment, headers, nodeArgs, core: pinned ? SERVER_CORE : undefined });
  const placements: Record<string, string> = {};
  for (const model of Object.keys(models)) placements[model] = (await process.champion(model)).placement;
  const inferUrl = (model: ReferenceModel): string => `${process.origin}/v2/models/${model}/infer`;
  return {
    kind: 'Millrace',
    name,
    process,
    pid: process.pid,
    placements: placements as Millrace['placements'],
    inferUrl,
    predictUrl: (model) => `${process.origin}/v1/models/${model}/predict`,
    url: inferUrl,
    body: inferBody,
    headers,
    scoreOf: inferScore,
    stop: () => process.stop(),
  };
}
