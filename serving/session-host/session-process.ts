import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Tensor } from '../../src/contracts/tensor.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { asBytes, asFloats, frameHeader, frameKind, FrameReader, type Frame } from './session-frames.ts';
import type { RunsOn, SessionSource, TensorSource } from './session.ts';
import { decodeTensors, encodeTensors } from './tensor-frames.ts';

export interface SessionProcessLimits {
  /** Start of the process and opening of the model. */
  readonly openTimeoutMs: number;
  /** One batch; a process that takes longer is killed. */
  readonly runTimeoutMs: number;
}

export interface TimedScores {
  readonly scores: Float32Array;
  /** Time of the run itself, as the process measured it. */
  readonly computeMs: number;
}

export interface TimedTensors {
  readonly outputs: readonly Tensor[];
  /** Time of the run itself, as the process measured it. */
  readonly computeMs: number;
}

interface Waiting {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: unknown) => void;
  readonly limit: NodeJS.Timeout;
}

const ENTRY = fileURLToPath(new URL('./session-process-main.ts', import.meta.url));
const TYPESCRIPT_LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const STDERR_TAIL_CHARACTERS = 2_000;
const CLOSE_GRACE_MS = 2_000;

/** One child process with one open model. Does not restart: when it is gone, it is gone. */
export class SessionProcess {
  readonly provider: string;
  readonly passedOver: readonly string[];
  readonly #channel: FrameChannel;
  readonly #runTimeoutMs: number;

  private constructor(channel: FrameChannel, opened: RunsOn, runTimeoutMs: number) {
    this.#channel = channel;
    this.provider = opened.provider;
    this.passedOver = opened.passedOver;
    this.#runTimeoutMs = runTimeoutMs;
  }

  /** @throws SERVING_VERSION_REJECTED, SERVING_SESSION_LOST */
  static async open(source: SessionSource | TensorSource, limits: SessionProcessLimits): Promise<SessionProcess> {
    const channel = new FrameChannel();
    try {
      const kind = 'inputs' in source ? frameKind.openTensors : frameKind.open;
      const answer = await channel.ask(kind, Buffer.from(JSON.stringify(source)), limits.openTimeoutMs);
      const opened = JSON.parse(Buffer.from(answer.payload).toString()) as RunsOn;
      return new SessionProcess(channel, opened, limits.runTimeoutMs);
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  get pid(): number | undefined {
    return this.#channel.pid;
  }

  /** Resolves with the reason when the process has ended, for whatever reason. */
  get ended(): Promise<string> {
    return this.#channel.ended;
  }

  async run(features: Float32Array): Promise<TimedScores> {
    const answer = await this.#channel.ask(frameKind.run, asBytes(features), this.#runTimeoutMs);
    return { scores: asFloats(answer.payload), computeMs: answer.extra / 1_000 };
  }

  /** @throws REQUEST_TOO_LARGE, SERVING_SESSION_FAILED, SERVING_SESSION_LOST */
  async runTensors(inputs: readonly Tensor[]): Promise<TimedTensors> {
    const answer = await this.#channel.ask(frameKind.runTensors, encodeTensors(inputs), this.#runTimeoutMs);
    return { outputs: decodeTensors(answer.payload), computeMs: answer.extra / 1_000 };
  }

  close(): Promise<void> {
    return this.#channel.close();
  }
}

/** Questions and answers over descriptor 3 of a child process. */
class FrameChannel {
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  /** Absent where the child could not be started for want of descriptors. */
  readonly #socket: Socket | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #lostBecause: string | null = null;
  #stderrTail = '';
  #nextId = 1;

  constructor() {
    this.#child = spawn(process.execPath, ['--import', TYPESCRIPT_LOADER, ENTRY], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    // Before all else: a start that fails is told by an event, which ends this process where nobody listens.
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        resolve(this.#lose(`it could not be started (${error.message})`));
      });
      this.#child.once('exit', (code, signal) => {
        const how = signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`;
        resolve(this.#lose(this.#stderrTail === '' ? how : `${how}, after: ${this.#stderrTail.trim()}`));
      });
    });
    const { stdio } = this.#child as { readonly stdio?: ChildProcess['stdio'] };
    this.#socket = stdio?.[3] as Socket | undefined;
    const reader = new FrameReader((frame) => {
      this.#settle(frame);
    });
    this.#socket?.on('data', (chunk) => {
      reader.push(chunk);
    });
    // The exit that follows says why.
    this.#socket?.on('error', () => undefined);
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderrTail = (this.#stderrTail + chunk.toString()).slice(-STDERR_TAIL_CHARACTERS);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  ask(kind: number, payload: Uint8Array, timeoutMs: number): Promise<Frame> {
    if (this.#lostBecause !== null) return Promise.reject(lostError(this.#lostBecause));
    const socket = this.#socket;
    if (socket === undefined) return this.ended.then((because) => Promise.reject(lostError(because)));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        // Those who wait are told when it is gone: whoever asks again then waits for the next one, and does not meet this one.
        this.#lostBecause ??= `it did not answer within ${timeoutMs} ms and was killed`;
        this.#child.kill('SIGKILL');
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, limit });
      socket.cork();
      socket.write(frameHeader(kind, id, 0, payload.byteLength));
      socket.write(payload);
      socket.uncork();
    });
  }

  /** Lets the child go by closing its channel; kills it where it does not. */
  async close(): Promise<void> {
    this.#socket?.destroy();
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_GRACE_MS);
    await this.ended;
    clearTimeout(kill);
  }

  #settle(frame: Frame): void {
    const waiting = this.#waiting.get(frame.id);
    if (waiting === undefined) return;
    this.#waiting.delete(frame.id);
    clearTimeout(waiting.limit);
    if (frame.kind !== frameKind.failed) {
      waiting.resolve(frame);
      return;
    }
    const { code, message } = JSON.parse(Buffer.from(frame.payload).toString()) as { code: string; message: string };
    const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'SERVING_SESSION_FAILED';
    waiting.reject(new MillraceError(known, message));
  }

  #lose(because: string): string {
    this.#lostBecause ??= because;
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.limit);
      waiting.reject(lostError(this.#lostBecause));
    }
    this.#waiting.clear();
    return this.#lostBecause;
  }
}

function lostError(because: string): MillraceError {
  return new MillraceError(
    'SERVING_SESSION_LOST',
    `The process that runs the model is gone: ${because}. It is being restarted; try again.`,
  );
}
