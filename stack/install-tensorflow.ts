import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { findProgram } from './find-program.ts';
import type { FinderContext } from './finder.ts';
import { installWheel } from './install-wheel.ts';
import { runTool } from './run-tool.ts';

const TENSORFLOW_VERSION = '2.18.1';
const NODE_API_HEADERS_VERSION = '1.5.0';
const NODE_API_VERSION = 8;
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;
const COMPILE_LIMIT_MS = 10 * 60_000;
const FETCH_LIMIT_MS = 60_000;

/**
 * The path of an addon that gives TensorFlow.js its native CPU backend: that of tfjs-node, compiled here
 * against the libraries of the Python package, since its own installer fetches from where many machines
 * can't. About 240 MB to fetch and 700 MB in the cache. Undefined where this machine lacks a compiler or
 * Python; training then runs on WebAssembly.
 * @throws MillraceError STACK_TOOL_FAILED where the fetching or the compiler fails
 */
export async function installTensorflow(context: FinderContext): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const compiler = await findProgram('g++', context.environment);
  const python = await findProgram('python3', context.environment);
  const sources = packageFolder('@tensorflow/tfjs-node-gpu');
  if (compiler === undefined || python === undefined || sources === undefined) return undefined;
  const name = `tensorflow-addon-${TENSORFLOW_VERSION}-${process.arch}-napi${NODE_API_VERSION}`;
  const folder = await cachedArtifact(context, name, async (draft) => {
    context.report(`fetching TensorFlow ${TENSORFLOW_VERSION}`, 'fetching');
    const wheel = join(draft, 'wheel');
    await installWheel('tensorflow-cpu', TENSORFLOW_VERSION, wheel, context);
    const headers = await nodeHeaders(draft, context);
    for (const library of LIBRARIES) await rename(join(wheel, 'tensorflow', library), join(draft, library));
    context.report('compiling the TensorFlow addon');
    await compile(
      compiler,
      { draft, sources, headers, include: join(wheel, 'tensorflow', 'include') },
      context,
    );
    // Nothing but the libraries is needed to run.
    await rm(wheel, { recursive: true });
  });
  return join(folder, 'tfjs_binding.node');
}

interface CompileFolders {
  readonly draft: string;
  readonly sources: string;
  readonly headers: string;
  readonly include: string;
}

async function compile(compiler: string, folders: CompileFolders, context: FinderContext): Promise<void> {
  const { draft, sources, headers, include } = folders;
  await runTool({
    program: compiler,
    args: [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w'],
      ...[`-DNAPI_VERSION=${NODE_API_VERSION}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
      ...[`-I${headers}`, `-I${sources}`, `-I${include}`],
      ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'].map((file) => join(sources, file)),
      ...LIBRARIES.map((library) => join(draft, library)),
      // The addon lies beside the libraries and finds them wherever the folder is moved.
      '-Wl,-rpath,$ORIGIN',
      ...['-o', join(draft, 'tfjs_binding.node')],
    ],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: COMPILE_LIMIT_MS,
  });
}

/** Node's own headers where they were installed with it, else those of the package registry. */
async function nodeHeaders(draft: string, context: FinderContext): Promise<string> {
  const installed = join(dirname(dirname(process.execPath)), 'include', 'node');
  if (existsSync(join(installed, 'node_api.h'))) return installed;
  const folder = join(draft, 'wheel', 'node-api-headers');
  await mkdir(folder, { recursive: true });
  const tool = {
    environment: context.environment,
    signal: context.signal,
    timeoutMs: FETCH_LIMIT_MS,
    cwd: folder,
  };
  const archive = await runTool({
    ...tool,
    program: 'npm',
    args: ['pack', '--silent', `node-api-headers@${NODE_API_HEADERS_VERSION}`],
  });
  await runTool({ ...tool, program: 'tar', args: ['-xzf', archive.trim()] });
  return join(folder, 'package', 'include');
}

function packageFolder(name: string): string | undefined {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}
