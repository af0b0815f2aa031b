import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePort } from '../../../stack/free-port.ts';
import { inferBody, inferScore, type ModelFiles, type Served } from './served.ts';
import { peerPython, pinnedVersion, startPeer } from './start-peer.ts';

const RUNTIME = fileURLToPath(new URL('./mlserver_runtime.py', import.meta.url));
const BATCH_ROWS_MAX = 64;
const BATCH_WAIT_SECONDS = 0.002;

/** MLServer with a runtime over ONNX Runtime and adaptive batching, in one process: it has one core. */
export async function startMlServer(folder: string, files: ModelFiles): Promise<Served> {
  const python = await peerPython('mlserver');
  const ports = { http: await choosePort({ variable: '' }, {}), grpc: await choosePort({ variable: '' }, {}), metrics: await choosePort({ variable: '' }, {}) };
  mkdirSync(folder, { recursive: true });
  copyFileSync(RUNTIME, path.join(folder, 'mlserver_runtime.py'));
  const settings = { debug: false, host: '127.0.0.1', http_port: ports.http, grpc_port: ports.grpc, metrics_port: ports.metrics, parallel_workers: 0, use_structured_logging: false };
  writeFileSync(path.join(folder, 'settings.json'), JSON.stringify(settings));
  for (const [name, file] of Object.entries(files)) {
    mkdirSync(path.join(folder, name));
    const model = { name, implementation: 'mlserver_runtime.OnnxModel', parameters: { uri: file }, max_batch_size: BATCH_ROWS_MAX, max_batch_time: BATCH_WAIT_SECONDS };
    writeFileSync(path.join(folder, name, 'model-settings.json'), JSON.stringify(model));
  }
  const { pid, stop } = await startPeer({
    name: 'mlserver',
    folder,
    program: python,
    args: ['-m', 'mlserver.cli.main', 'start', folder],
    environment: { PYTHONPATH: folder },
    readyUrl: `http://127.0.0.1:${ports.http}/v2/health/ready`,
  });
  return {
    kind: 'MLServer',
    name: `MLServer ${pinnedVersion('mlserver', 'mlserver')}`,
    url: (model) => `http://127.0.0.1:${ports.http}/v2/models/${model}/infer`,
    body: inferBody,
    headers: {},
    pid,
    scoreOf: inferScore,
    stop,
  };
}
