import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { choosePort, LOOPBACK } from '../../../stack/free-port.ts';

let server: Server;
let taken: number;
beforeEach(async () => {
  server = createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  taken = (server.address() as AddressInfo).port;
});
afterEach(() => server.close());

it('is the remembered one where it is free, else another', async () => {
  const port = await choosePort({ variable: 'P' }, {});
  expect(await choosePort({ variable: 'P', remembered: port }, {})).toBe(port);
  expect(await choosePort({ variable: 'P', remembered: taken }, {})).not.toBe(taken);
});

it('is never given to two servers that choose at the same time', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => choosePort({ variable: 'P' }, {})));
  expect(new Set(ports).size).toBe(20);
});

it('is an error when the demanded one is taken', async () => {
  await expect(choosePort({ variable: 'P' }, { P: String(taken) })).rejects.toMatchObject({
    code: 'STACK_PORT_BUSY',
  });
});

it.each(['0', '65536', 'http', '1.5'])('is an error when %s is demanded', async (text) => {
  await expect(choosePort({ variable: 'P' }, { P: text })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});
