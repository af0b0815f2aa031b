import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { LOOPBACK } from '../../stack/free-port.ts';

/**
 * What a link does. `slow`: every chunk waits. `dead`: connections stay open and carry nothing, new ones too.
 * `cut`: connections are reset, new ones are refused.
 */
export type LinkMode = 'open' | 'slow' | 'dead' | 'cut';

const SLOW_MS = 120;

/** One direction of a connection. */
class Lane extends Transform {
  readonly #proxy: FaultProxy;
  isDead = false;

  constructor(proxy: FaultProxy) {
    super();
    this.#proxy = proxy;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // Never answered: nothing more flows, and nobody hears of it.
    if (this.isDead || this.#proxy.mode === 'dead') return;
    if (this.#proxy.mode === 'slow') setTimeout(() => done(null, chunk), SLOW_MS);
    else done(null, chunk);
  }
}

/** The link of one process to one server. */
export class FaultProxy {
  mode: LinkMode = 'open';
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #lanes = new Set<Lane>();
  readonly #server = createServer({ allowHalfOpen: false }, (client) => this.#link(client));

  constructor(targetPort: number) {
    this.#target = targetPort;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, LOOPBACK, resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now carry nothing any more and are never closed; new ones are not touched. */
  forgetConnections(): void {
    for (const lane of this.#lanes) lane.isDead = true;
  }

  /** From `dead` to `open` the dead connections are reset, as a router that came back does. */
  set(mode: LinkMode): void {
    const wasDead = this.mode === 'dead';
    this.mode = mode;
    if (mode === 'cut' || wasDead) for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #link(client: Socket): void {
    if (this.mode === 'cut') {
      client.destroy();
      return;
    }
    const upstream = connect(this.#target, LOOPBACK);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      const lane = new Lane(this);
      from.setNoDelay(true);
      this.#sockets.add(from);
      this.#lanes.add(lane);
      from.pipe(lane).pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        this.#lanes.delete(lane);
        // A dead link does not tell one side that the other has gone.
        if (!lane.isDead) to.destroy();
      });
    }
  }
}
