import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_DELAY_MS = 60_000;

/** Connections of one client to its brokers. */
export interface KafkaSockets {
  readonly factory: ISocketFactory;
  /** Breaks what was written to and has not answered for so long: the library makes a new connection then. */
  breakSilent(silenceMs: number): void;
}

/**
 * As the library's own sockets, but watched: it fails a request that takes too long and sends the next one over the
 * same connection, so a peer that went away without a word would never be left.
 */
export function createKafkaSockets(): KafkaSockets {
  const answered = new Map<Socket, { readonly at: number; readonly bytesWritten: number }>();
  return {
    factory: ({ host, port, ssl, onConnect }) => {
      const socket = ssl
        ? connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect)
        : connectTcp({ host, port }, onConnect);
      socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
      const note = (): unknown =>
        answered.set(socket, { at: performance.now(), bytesWritten: socket.bytesWritten });
      note();
      socket.on('data', note);
      socket.on('close', () => answered.delete(socket));
      return socket;
    },
    breakSilent(silenceMs) {
      const now = performance.now();
      for (const [socket, { at, bytesWritten }] of answered) {
        if (now - at < silenceMs || socket.bytesWritten === bytesWritten) continue;
        socket.destroy(new Error(`no answer for ${Math.round(now - at)} ms`));
      }
    },
  };
}
