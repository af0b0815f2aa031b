import { copyFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { choosePort } from '../../../stack/free-port.ts';
import { runTool } from '../../../stack/run-tool.ts';
import { COLUMNS } from '../reference-models.ts';
import { inferBody, inferScore, type ModelFiles, type Served } from './served.ts';
import { peerPython, pinnedVersion, startPeer } from './start-peer.ts';

const MODEL = fileURLToPath(new URL('./triton_model.py', import.meta.url));
const BATCH_ROWS_MAX = 64;
const ASK_LIMIT_MS = 30_000;

/**
 * Triton's server with its Python backend over ONNX Runtime, from the wheel of PyTriton: the ONNX backend is in no
 * registry of packages.
 */
export async function startTriton(folder: string, files: ModelFiles): Promise<Served> {
  const python = await peerPython('triton');
  const { library, version } = await aboutPython(python);
  const server = layServer(folder, library, version);
  const repository = path.join(folder, 'models');
  for (const [model, file] of Object.entries(files)) layModel(path.join(repository, model), model, file);
  const [http, grpc] = [await choosePort({ variable: '' }, {}), await choosePort({ variable: '' }, {})];
  const { pid, stop } = await startPeer({
    name: 'triton',
    folder,
    program: path.join(server, 'bin', 'tritonserver'),
    args: [
      ...['--model-repository', repository, '--backend-directory', path.join(server, 'backends')],
      ...['--http-address', '127.0.0.1', '--http-port', String(http), '--grpc-address', '127.0.0.1', '--grpc-port', String(grpc)],
      ...['--allow-metrics', 'false', '--log-info', 'false'],
    ],
    environment: {
      PATH: `${path.dirname(python)}:${process.env['PATH'] ?? ''}`,
      // The stub is a Python of its own: it finds packages and the shared library of Python by these alone.
      PYTHONPATH: library.packages,
      LD_LIBRARY_PATH: [path.join(library.packages, 'nvidia_pytriton.libs'), library.python].join(':'),
      ...(library.home === '' ? {} : { PYTHONHOME: library.home }),
    },
    readyUrl: `http://127.0.0.1:${http}/v2/health/ready`,
  });
  return {
    kind: 'Triton',
    name: `Triton of nvidia-pytriton ${pinnedVersion('triton', 'nvidia-pytriton')}`,
    url: (model) => `http://127.0.0.1:${http}/v2/models/${model}/infer`,
    body: inferBody,
    headers: {},
    pid,
    scoreOf: inferScore,
    stop,
  };
}

interface PythonLibrary {
  readonly packages: string;
  readonly python: string;
  readonly home: string;
}

async function aboutPython(python: string): Promise<{ library: PythonLibrary; version: string }> {
  const ask = "import json,sys,sysconfig; print(json.dumps([sysconfig.get_path('purelib'), sysconfig.get_config_var('LIBDIR'), sys.base_prefix, '%d.%d' % sys.version_info[:2]]))";
  const printed = await runTool({ program: python, args: ['-c', ask], environment: process.env, signal: new AbortController().signal, timeoutMs: ASK_LIMIT_MS });
  const [packages, libraries, home, version] = JSON.parse(printed) as [string, string, string, string];
  return { library: { packages, python: libraries, home }, version };
}

/** A copy of the wheel's server whose Python backend has the stub for this Python. */
function layServer(folder: string, { packages }: PythonLibrary, version: string): string {
  const source = path.join(packages, 'pytriton', 'tritonserver');
  const server = path.join(folder, 'tritonserver');
  for (const part of readdirSync(source)) if (statSync(path.join(source, part)).isDirectory()) cpSync(path.join(source, part), path.join(server, part), { recursive: true });
  const stub = path.join(source, 'python_backend_stubs', version, 'triton_python_backend_stub');
  copyFileSync(stub, path.join(server, 'backends', 'python', 'triton_python_backend_stub'));
  return server;
}

function layModel(folder: string, name: string, file: string): void {
  mkdirSync(path.join(folder, '1'), { recursive: true });
  copyFileSync(MODEL, path.join(folder, '1', 'model.py'));
  copyFileSync(file, path.join(folder, '1', 'model.onnx'));
  writeFileSync(
    path.join(folder, 'config.pbtxt'),
    `name: "${name}"
backend: "python"
max_batch_size: ${BATCH_ROWS_MAX}
input [ { name: "features" data_type: TYPE_FP32 dims: [ ${COLUMNS} ] } ]
output [ { name: "score" data_type: TYPE_FP32 dims: [ 1 ] } ]
dynamic_batching { }
instance_group [ { count: 1 kind: KIND_CPU } ]
`,
  );
}
