import { Tensor, type InferenceSession } from 'onnxruntime-node';
import { fillNulls, millraceTensors, scoresOf, type GraphTensors } from '../../src/contracts/graph-tensors.ts';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { openVerified, type OpenedSession } from './open-verified.ts';
import { rejectSource } from './read-verified.ts';
import type { RowSession, SessionSource } from './session.ts';

/**
 * Opens a model whose bytes have the wanted digest, that holds all of its values, and that takes
 * `features` [rows, columns] and answers `score` [rows], or what the source names in their places.
 * @throws SERVING_VERSION_REJECTED
 */
export async function openOnnxSession(source: SessionSource): Promise<RowSession> {
  const { tensors } = source;
  const opened = await openVerified(source, (session) => {
    if (tensors === undefined) assertTensors(session, source);
    else assertNamed(session, source, tensors);
  });
  return wrap(opened, source);
}

function assertTensors(session: InferenceSession, source: SessionSource): void {
  const input = describe(session.inputMetadata);
  const output = describe(session.outputMetadata);
  const wantedInput = `${millraceTensors.input}: float32[?,${source.columns}]`;
  const wantedOutput = `${millraceTensors.output}: float32[?]`;
  if (input !== wantedInput) throw rejectSource(source, `its inputs are (${input}), expected (${wantedInput})`);
  if (output !== wantedOutput) throw rejectSource(source, `its outputs are (${output}), expected (${wantedOutput})`);
}

/** An imported graph was examined when it was imported, and its golden batch tells of the rest. */
function assertNamed({ inputNames, outputNames }: InferenceSession, source: SessionSource, { input, output }: GraphTensors): void {
  const [only] = inputNames;
  if (inputNames.length !== 1 || only !== input) throw rejectSource(source, `its inputs are (${inputNames.join(', ')}), expected (${input})`);
  if (!outputNames.includes(output)) throw rejectSource(source, `its outputs are (${outputNames.join(', ')}), expected '${output}' among them`);
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

function wrap({ session, provider, passedOver }: OpenedSession, { columns, tensors = millraceTensors }: SessionSource): RowSession {
  return {
    provider,
    passedOver,
    async run(features, rows) {
      let output: Tensor | undefined;
      try {
        const feeds = { [tensors.input]: new Tensor('float32', fillNulls(features, tensors), [rows, columns]) };
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
