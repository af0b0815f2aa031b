/** Entry of a session's own process: opens one model and runs its batches, told by frames on descriptor 3. */
import { Socket } from 'node:net';
import { isMillraceError, messageOf } from '../../src/core/millrace-error.ts';
import { setEnvironment } from '../../src/infra/process-environment.ts';
import { nativeDefaults, nativeEnvironment } from '../../src/tensorflow/native-environment.ts';
import { openSession, openTensorSession } from './open-session.ts';
import { asBytes, asFloats, frameHeader, frameKind, FrameReader, type Frame } from './session-frames.ts';
import type { RowSession, SessionSource, TensorSession, TensorSource } from './session.ts';
import { decodeTensors, encodeTensors } from './tensor-frames.ts';

const FRAMES_DESCRIPTOR = 3;

const channel = new Socket({ fd: FRAMES_DESCRIPTOR, readable: true, writable: true });
let session: RowSession | undefined;
let tensorSession: TensorSession | undefined;
let columns = 1;

// A signal to the process group is the parent's to act on: it drains first, then closes the channel.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);

function send(kind: number, id: number, extra: number, payload: Uint8Array): void {
  channel.cork();
  channel.write(frameHeader(kind, id, extra, payload.byteLength));
  channel.write(payload);
  channel.uncork();
}

const sendJson = (kind: number, id: number, value: unknown): void =>
  send(kind, id, 0, Buffer.from(JSON.stringify(value)));

function parseSource<Source extends SessionSource | TensorSource>(frame: Frame): Source {
  const source = JSON.parse(Buffer.from(frame.payload).toString()) as Source;
  if (source.role === 'model.tfjs') setEnvironment({ ...nativeDefaults, TF_NUM_INTRAOP_THREADS: String(source.threads ?? 1), ...nativeEnvironment });
  return source;
}

async function open(frame: Frame): Promise<void> {
  const source = parseSource<SessionSource>(frame);
  columns = source.columns;
  session = await openSession(source);
  sendJson(frameKind.opened, frame.id, { provider: session.provider, passedOver: session.passedOver });
}

async function run(frame: Frame): Promise<void> {
  if (session === undefined) throw new Error('rows came before a model was opened');
  const features = asFloats(frame.payload);
  const startedAt = performance.now();
  const scores = await session.run(features, features.length / columns);
  send(frameKind.scores, frame.id, Math.round((performance.now() - startedAt) * 1_000), asBytes(scores));
}

async function openTensors(frame: Frame): Promise<void> {
  tensorSession = await openTensorSession(parseSource<TensorSource>(frame));
  sendJson(frameKind.opened, frame.id, { provider: tensorSession.provider, passedOver: tensorSession.passedOver });
}

async function runTensors(frame: Frame): Promise<void> {
  if (tensorSession === undefined) throw new Error('tensors came before a model was opened');
  const inputs = decodeTensors(frame.payload);
  const startedAt = performance.now();
  const outputs = await tensorSession.run(inputs);
  const tookUs = Math.round((performance.now() - startedAt) * 1_000);
  send(frameKind.tensors, frame.id, tookUs, encodeTensors(outputs));
}

const works: Readonly<Record<number, (frame: Frame) => Promise<void>>> = {
  [frameKind.open]: open,
  [frameKind.run]: run,
  [frameKind.openTensors]: openTensors,
  [frameKind.runTensors]: runTensors,
};

const reader = new FrameReader((frame) => {
  const work = works[frame.kind]?.(frame) ?? Promise.reject(new Error(`frame kind ${frame.kind} is none of a session's`));
  work.catch((error: unknown) => {
    const code = isMillraceError(error) ? error.code : 'SERVING_SESSION_FAILED';
    sendJson(frameKind.failed, frame.id, { code, message: messageOf(error) });
  });
});

channel.on('data', (chunk) => {
  reader.push(chunk);
});
// The parent closed the channel, or died: either way nobody waits for an answer.
channel.on('close', () => process.exit(0));
channel.on('error', () => process.exit(0));
