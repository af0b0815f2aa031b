import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { millraceTensors, scoresOf, type GraphTensors } from '../../src/contracts/graph-tensors.ts';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { inspectOnnx } from '../../src/registry/inspect-onnx.ts';
import type { ExecutionProvider, SessionSource } from './session.ts';

/** A session of ONNX Runtime in this very process: `run` blocks the thread that it is called on. */
export interface OnnxSession {
  readonly provider: ExecutionProvider;
  /** Why the providers before it in the list were passed over. */
  readonly passedOver: readonly string[];
  run(features: Float32Array, rows: number): Promise<Float32Array>;
  release(): Promise<void>;
}

/** More threads double the CPU time and hurt p99 at the sizes of most models: scale by processes. */
const THREADS_DEFAULT = 1;

/**
 * Opens a model whose bytes have the wanted digest, that holds all of its values, and that takes
 * `features` [rows, columns] and answers `score` [rows], or what the source names in their places.
 * @throws SERVING_VERSION_REJECTED
 */
export async function openOnnxSession(source: SessionSource): Promise<OnnxSession> {
  const bytes = await readVerified(source);
  const passedOver: string[] = [];
  for (const provider of source.providers) {
    try {
      const session = await InferenceSession.create(bytes, {
        executionProviders: [provider],
        intraOpNumThreads: source.threads ?? THREADS_DEFAULT,
        interOpNumThreads: 1,
        // Errors only: warnings about unused initializers are not the operator's business.
        logSeverityLevel: 3,
      });
      if (source.tensors === undefined) assertTensors(session, source);
      else assertNamed(session, source, source.tensors);
      return wrap(session, provider, passedOver, source);
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      passedOver.push(`${provider}: ${messageOf(error)}`);
    }
  }
  throw reject(source, `ONNX Runtime opened it with none of its execution providers (${passedOver.join('; ')})`);
}

async function readVerified(source: SessionSource): Promise<Buffer> {
  const bytes = await readFile(source.path).catch((cause: unknown) => {
    throw reject(source, `it could not be read (${messageOf(cause)})`);
  });
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== source.sha256) throw reject(source, `its sha256 is ${found}, expected ${source.sha256}`);
  let external: string | null;
  try {
    external = inspectOnnx(bytes).externalTensor;
  } catch (error) {
    throw reject(source, `it is not an ONNX model (${messageOf(error)})`);
  }
  if (external !== null) throw reject(source, `tensor '${external}' keeps its values in another file`);
  return bytes;
}

function assertTensors(session: InferenceSession, source: SessionSource): void {
  const input = describe(session.inputMetadata);
  const output = describe(session.outputMetadata);
  const wantedInput = `${millraceTensors.input}: float32[?,${source.columns}]`;
  const wantedOutput = `${millraceTensors.output}: float32[?]`;
  if (input !== wantedInput) throw reject(source, `its inputs are (${input}), expected (${wantedInput})`);
  if (output !== wantedOutput) throw reject(source, `its outputs are (${output}), expected (${wantedOutput})`);
}

/** An imported graph was examined when it was imported, and its golden batch tells of the rest. */
function assertNamed({ inputNames, outputNames }: InferenceSession, source: SessionSource, { input, output }: GraphTensors): void {
  const [only] = inputNames;
  if (inputNames.length !== 1 || only !== input) throw reject(source, `its inputs are (${inputNames.join(', ')}), expected (${input})`);
  if (!outputNames.includes(output)) throw reject(source, `its outputs are (${outputNames.join(', ')}), expected '${output}' among them`);
}

/** A symbolic or unknown dimension is shown as `?`. */
function describe(metadata: readonly InferenceSession.ValueMetadata[]): string {
  return metadata
    .map((value) => {
      if (!value.isTensor) return `${value.name}: not a tensor`;
      const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? String(size) : '?'));
      return `${value.name}: ${value.type}[${shape.join(',')}]`;
    })
    .join(', ');
}

function wrap(
  session: InferenceSession,
  provider: ExecutionProvider,
  passedOver: readonly string[],
  { columns, tensors = millraceTensors }: SessionSource,
): OnnxSession {
  return {
    provider,
    passedOver,
    async run(features, rows) {
      let output: Tensor | undefined;
      try {
        const feeds = { [tensors.input]: new Tensor('float32', features, [rows, columns]) };
        output = (await session.run(feeds, [tensors.output]))[tensors.output];
      } catch (cause) {
        throw new MillraceError('SERVING_SESSION_FAILED', `A batch of ${rows} rows failed: ${messageOf(cause)}`, { cause });
      }
      const scores = scoresOf(output?.data, rows, tensors);
      if (scores !== null) return scores;
      throw new MillraceError(
        'SERVING_SESSION_FAILED',
        `A batch of ${rows} rows was answered with '${tensors.output}' of shape [${output?.dims.join(', ') ?? ''}], expected a score each.`,
      );
    },
    release: () => session.release(),
  };
}

function reject(source: SessionSource, why: string): MillraceError {
  return new MillraceError(
    'SERVING_VERSION_REJECTED',
    `Model file '${source.path}' was refused: ${why}. Register the version again from its training run.`,
  );
}
