import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKafkaSockets, type KafkaSockets } from '../../../src/infra/kafka-sockets.ts';

const SILENCE_MS = 60;

describe('connections to Kafka', () => {
  let server: Server;
  let sockets: KafkaSockets;
  /** The broker's ends, and whether it answers. */
  const ends: Socket[] = [];
  let answers = true;
  beforeEach(async () => {
    answers = true;
    sockets = createKafkaSockets();
    server = createServer((end) => {
      ends.push(end);
      end.on('error', () => undefined);
      end.on('data', (request) => {
        if (answers) end.write(request);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    for (const end of ends.splice(0)) end.destroy();
    server.close();
  });

  const open = async (): Promise<Socket> => {
    const { port } = server.address() as AddressInfo;
    const socket = sockets.factory({ host: '127.0.0.1', port, onConnect: () => undefined } as never);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };

  it('are broken where nothing has come since the last request', async () => {
    const socket = await open();
    socket.write('request');
    await once(socket, 'data');
    answers = false;
    socket.write('request');
    const closed = once(socket, 'error');
    await sleep(SILENCE_MS + 20);
    sockets.breakSilent(SILENCE_MS);
    expect(String((await closed)[0])).toMatch(/no answer for/);
  });

  it('stay where they are idle, and where the answer is younger than the limit', async () => {
    const [idle, busy] = [await open(), await open()];
    idle.write('request');
    await once(idle, 'data');
    await sleep(SILENCE_MS + 20);
    busy.write('request');
    await once(busy, 'data');
    answers = false;
    busy.write('request');
    sockets.breakSilent(SILENCE_MS);
    await sleep(20);
    expect([idle.destroyed, busy.destroyed]).toEqual([false, false]);
    idle.destroy();
    busy.destroy();
  });
});
