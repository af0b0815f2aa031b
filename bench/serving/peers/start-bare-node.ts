import { once } from 'node:events';
import { run } from '../../measure/bench-process.ts';
import { SERVER_CORE } from '../../measure/pinned.ts';
import { inferBody, type Served } from './served.ts';

export async function startBareNode(): Promise<Served> {
  const { child, ended } = run('bench/serving/peers/bare-node.ts', [], { core: SERVER_CORE, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  return {
    kind: 'floor',
    name: 'bare Node: parses and echoes',
    url: () => `http://127.0.0.1:${port}/`,
    body: inferBody,
    headers: {},
    pid: child.pid!,
    scoreOf: () => undefined,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
