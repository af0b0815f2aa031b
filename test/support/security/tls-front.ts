import { readFileSync } from 'node:fs';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { CertificateFiles } from './certificate-authority.ts';

export interface TlsFront {
  readonly port: number;
  /** Names in the certificates that clients have shown. */
  readonly shown: Set<string>;
  /** Names of hosts that clients have asked for. */
  readonly asked: Set<string>;
  close(): Promise<void>;
}

export interface TlsFrontOptions extends CertificateFiles {
  /** Clients have to show a certificate that it signed. */
  readonly clientCa?: string;
  readonly protocols?: string[];
  /** As Postgres does: the client first asks in plain text whether it may speak TLS. */
  readonly asksFirst?: boolean;
}

const YES = 'S';

/** Speaks TLS with clients and plain text with a server that can't. */
export async function startTlsFront(server: { readonly host: string; readonly port: number }, options: TlsFrontOptions): Promise<TlsFront> {
  const [shown, asked, open] = [new Set<string>(), new Set<string>(), new Set<Socket>()];
  const front = createServer(
    {
      cert: readFileSync(options.certificate),
      key: readFileSync(options.key),
      ...(options.clientCa === undefined ? {} : { ca: readFileSync(options.clientCa), requestCert: true }),
      ...(options.protocols === undefined ? {} : { ALPNProtocols: options.protocols }),
    },
    (client: TLSSocket) => {
      const { subject } = client.getPeerCertificate();
      if (subject !== undefined) shown.add(String(subject.CN));
      if (typeof client.servername === 'string') asked.add(client.servername);
      const upstream = connect(server);
      for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
        open.add(from);
        from.pipe(to);
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
      }
    },
  );
  // Whoever is not let in is told by the handshake.
  front.on('tlsClientError', () => undefined);
  const door = options.asksFirst !== true ? front : createTcpServer((client) => {
    client.once('data', () => {
      client.pause();
      client.write(YES);
      front.emit('connection', client);
    });
    client.on('error', () => undefined);
    open.add(client);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  return {
    port: (door.address() as AddressInfo).port,
    shown,
    asked,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => door.close(resolve));
    },
  };
}
