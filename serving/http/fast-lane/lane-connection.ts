import type { Socket } from 'node:net';
import { Departure } from '../../batcher/departure.ts';
import { refuseConnection } from '../refuse-connection.ts';
import type { FairTurns } from './fair-turns.ts';
import { printAnswer, type LaneAnswer } from './print-answer.ts';
import type { HeadReader, RequestHead } from './request-head.ts';

/** What a connection asks of its lane. */
export interface Lane {
  readonly bodyBytesMax: number;
  readonly keepAliveMs: number;
  /** Whether connections are to end with their next answer. */
  readonly retiring: boolean;
  readonly heads: HeadReader;
  readonly turns: FairTurns;
  /**
   * Undefined where the full server is to read the request anew. Never rejects.
   * @param arrivedAt when its last bytes were read, by performance.now()
   */
  answer(head: RequestHead, body: Buffer, departure: Departure, arrivedAt: number): Promise<LaneAnswer | undefined>;
  /** Gives a connection to the full server, with what was read of it and not answered. */
  handOver(connection: LaneConnection, unread: Buffer): void;
  forget(connection: LaneConnection): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
/** A longer head is read elsewhere. */
const HEAD_BYTES_MAX = 8_192;
/** A request that takes longer to come is received elsewhere, where there are limits for that. */
const SLOW_MS = 500;

/**
 * A connection of plain requests, one after the other. What isn't plain, or comes too slowly, goes to the full server together
 * with the connection, which then stays there.
 */
export class LaneConnection {
  readonly socket: Socket;
  readonly #lane: Lane;
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that the request at hand has, as soon as its head was read. */
  #wanted = 0;
  /** Since when nothing was answered, or a request began to come. */
  #since = performance.now();
  /** When bytes came last. */
  #readAt = 0;
  #answered = false;
  /** The server listens no more. */
  #isLast = false;
  #awaitsTurn = false;
  /** Of the request that is being answered. */
  #departure: Departure | undefined;

  constructor(socket: Socket, lane: Lane) {
    this.socket = socket;
    this.#lane = lane;
    socket.on('data', this.#receive);
    socket.on('end', this.#end);
    socket.on('error', ignore);
    socket.on('close', this.#close);
  }

  /** Looks at what waits: who is slow goes, and who is idle for longer than it may. */
  look(now: number): void {
    if (this.#departure !== undefined || this.#awaitsTurn) return;
    const waitedMs = now - this.#since;
    if (this.#size > 0 || !this.#answered) {
      if (waitedMs < SLOW_MS) return;
      if (this.#isLast) this.socket.destroy();
      else this.#handOver();
    } else if (waitedMs > this.#lane.keepAliveMs && this.socket.writableLength === 0) this.socket.destroy();
  }

  /** Ends where nothing is under way, in either direction; else after the answer. */
  close(): void {
    this.#isLast = true;
    if (this.#departure === undefined && this.#size === 0) this.socket.destroySoon();
  }

  /** Leaves the socket to somebody else. */
  detach(): void {
    const { socket } = this;
    this.#awaitsTurn = false;
    socket.off('data', this.#receive);
    socket.off('end', this.#end);
    socket.off('error', ignore);
    socket.off('close', this.#close);
    socket.off('drain', this.#goOn);
  }

  readonly #receive = (chunk: Buffer): void => {
    this.#readAt = performance.now();
    if (this.#size === 0) this.#since = this.#readAt;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // The client did not wait for its answer, or more comes than is served: no more of it is taken in meanwhile.
    if (this.#departure !== undefined || this.#awaitsTurn) this.socket.pause();
    else if (this.#size >= this.#wanted) this.#takeTurn();
  };

  #takeTurn(): void {
    this.#awaitsTurn = true;
    this.#lane.turns.take(this);
  }

  /** Serves the request that came, or holds what came of it. */
  serve(): void {
    // It may have gone, or have been given away, while it waited.
    if (!this.#awaitsTurn || this.socket.destroyed) return;
    this.#awaitsTurn = false;
    const bytes = this.#take();
    const headLength = bytes.indexOf(HEAD_END);
    if (headLength < 0 && bytes.length <= HEAD_BYTES_MAX) {
      this.#holdForMore(bytes, 0);
      return;
    }
    const head = headLength < 0 || headLength > HEAD_BYTES_MAX ? undefined : this.#lane.heads.read(bytes.toString('latin1', 0, headLength));
    if (head === undefined || head.bodyLength > this.#lane.bodyBytesMax) {
      this.#hold(bytes);
      this.#handOver();
      return;
    }
    const bodyAt = headLength + HEAD_END.length;
    const end = bodyAt + head.bodyLength;
    if (bytes.length < end) {
      this.#holdForMore(bytes, end);
      return;
    }
    if (bytes.length > end) {
      this.#hold(bytes.subarray(end));
      this.socket.pause();
    }
    this.#departure = new Departure();
    void this.#answer(head, bytes.subarray(0, end), bodyAt, this.#departure);
  }

  async #answer(head: RequestHead, request: Buffer, bodyAt: number, departure: Departure): Promise<void> {
    const answer = await this.#lane.answer(head, request.subarray(bodyAt), departure, this.#readAt);
    this.#departure = undefined;
    const { socket } = this;
    if (socket.destroyed || socket.writableEnded) return;
    if (answer === undefined) {
      this.#hold(Buffer.concat([request, this.#take()]));
      this.#handOver();
      return;
    }
    const { retiring, keepAliveMs } = this.#lane;
    const isLast = retiring || this.#isLast;
    socket.write(printAnswer(answer, isLast ? undefined : keepAliveMs));
    this.#answered = true;
    this.#since = performance.now();
    if (isLast) socket.destroySoon();
    else if (socket.writableNeedDrain) {
      // Who doesn't read gets no more answers.
      socket.pause();
      socket.once('drain', this.#goOn);
    } else this.#goOn();
  }

  readonly #goOn = (): void => {
    if (this.socket.isPaused()) this.socket.resume();
    if (this.#size > 0) this.#takeTurn();
  };

  /** Half a connection is none: as the full server has it, nobody is left to answer. */
  readonly #end = (): void => {
    // Whether it was whole is not known before its turn.
    if (this.#awaitsTurn) this.serve();
    if (this.#size > 0 && this.#departure === undefined) refuseConnection(new Error('it ended early'), this.socket);
    else this.socket.end();
  };

  readonly #close = (): void => {
    this.#lane.forget(this);
    this.#departure?.leave();
  };

  #handOver(): void {
    this.#lane.handOver(this, this.#take());
  }

  #holdForMore(bytes: Buffer, wanted: number): void {
    this.#hold(bytes);
    this.#wanted = wanted;
    if (this.socket.isPaused()) this.socket.resume();
  }

  #hold(bytes: Buffer): void {
    this.#chunks = [bytes];
    this.#size = bytes.length;
  }

  #take(): Buffer {
    const [first = EMPTY] = this.#chunks;
    const bytes = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : first;
    this.#chunks = [];
    this.#size = 0;
    this.#wanted = 0;
    return bytes;
  }
}

const EMPTY = Buffer.alloc(0);
const ignore = (): void => undefined;
