import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePort } from '../../../stack/free-port.ts';
import type { ModelFiles, Served } from './served.ts';
import { peerPython, pinnedVersion, startPeer } from './start-peer.ts';

const SERVICE = fileURLToPath(new URL('./bentoml_service.py', import.meta.url));

/** BentoML with adaptive batching, one worker. */
export async function startBentoMl(folder: string, files: ModelFiles): Promise<Served> {
  const python = await peerPython('bentoml');
  const port = await choosePort({ variable: '' }, {});
  mkdirSync(folder, { recursive: true });
  copyFileSync(SERVICE, path.join(folder, 'bentoml_service.py'));
  const { pid, stop } = await startPeer({
    name: 'bentoml',
    folder,
    program: python,
    args: ['-m', 'bentoml', 'serve', 'bentoml_service:Reference', '--host', '127.0.0.1', '--port', String(port)],
    environment: {
      PATH: `${path.dirname(python)}:${process.env['PATH'] ?? ''}`,
      BENTOML_HOME: path.join(folder, 'home'),
      BENTOML_DO_NOT_TRACK: 'True',
      MLP_FILE: files.mlp,
      TREES_FILE: files.trees,
    },
    readyUrl: `http://127.0.0.1:${port}/readyz`,
  });
  return {
    kind: 'BentoML',
    name: `BentoML ${pinnedVersion('bentoml', 'bentoml')}`,
    url: (model) => `http://127.0.0.1:${port}/${model}`,
    body: (row) => JSON.stringify({ rows: [row] }),
    headers: {},
    pid,
    scoreOf: (answer) => (answer as number[])[0],
    stop,
  };
}
