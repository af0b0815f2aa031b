import { once } from 'node:events';
import { run } from '../../measure/bench-process.ts';
import { SERVER_CORE } from '../../measure/pinned.ts';
import { inferBody, type Served } from './served.ts';

/** The floor of HTTP. */
export async function startBareNode(): Promise<Served> {
  const { port, pid, stop } = await startFloor('bench/serving/peers/bare-node.ts');
  return {
    kind: 'floor',
    name: 'bare Node: parses and echoes',
    pid,
    url: () => `http://127.0.0.1:${port}/`,
    body: inferBody,
    headers: {},
    scoreOf: () => undefined,
    stop,
  };
}

/** The floor of gRPC. */
export async function startBareGrpc(): Promise<{ readonly name: string; readonly address: string; stop(): Promise<void> }> {
  const { port, stop } = await startFloor('bench/serving/peers/bare-grpc.ts');
  return { name: 'bare grpc-js: reads, and answers a constant', address: `127.0.0.1:${port}`, stop };
}

/** A file that sends its port on its channel. */
async function startFloor(file: string): Promise<{ readonly port: number; readonly pid: number; stop(): Promise<void> }> {
  const { child, ended } = run(file, [], { core: SERVER_CORE, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  return {
    port,
    pid: child.pid!,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
