/**
 * Imports go down the layer table of ARCHITECTURE.md. Each folder names what it may import besides
 * itself; everything else is an error, type imports included.
 */
const pure = ['src/core', 'src/contracts'];
const layer1 = [...pure, 'src/define', 'src/fold', 'src/statistics'];
const layer2 = [...layer1, 'src/infra'];
const layer3 = [...layer2, 'src/registry', 'src/store', 'src/tensorflow'];
const layer4 = [...layer3, 'src/stream', 'src/training', 'src/monitoring'];

const may = {
  'src/core': [],
  'src/contracts': ['src/core'],
  'src/define': pure,
  'src/fold': [...pure, 'src/define'],
  'src/statistics': pure,
  'src/infra': layer1,
  'src/registry': layer2,
  'src/store': layer2,
  'src/tensorflow': pure,
  'src/stream': layer3,
  'src/training': layer3,
  'src/monitoring': layer3,
  serving: layer3,
  activities: layer4,
  workflows: pure,
  workers: [...layer4, 'serving', 'activities', 'console'],
  cli: [...layer4, 'workers', 'stack'],
  console: [...layer4, 'src/client'],
  stack: layer3,
  'src/client': layer4,
  examples: ['src/index.ts'],
};

const source = '^(src|serving|activities|workflows|workers|cli|console|stack|examples)/';
const drivers = { '@duckdb': 'src/infra', '@opentelemetry': 'src/infra', 'apache-arrow': 'src/infra', kafkajs: 'src/infra', pg: 'src/infra', 'pg-copy-streams': 'src/infra', ioredis: 'src/infra', hyparquet: 'src/infra', 'hyparquet-writer': 'src/infra' };

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nothing-imports-tests', severity: 'error', from: { path: source }, to: { path: '^(test|bench)/' } },
    ...Object.entries(may).map(([folder, allowed]) => ({
      name: `layer-${folder.replace('/', '-')}`,
      severity: 'error',
      from: { path: `^${folder}/` },
      to: {
        path: source,
        pathNot: [`^${folder}/`, ...allowed.map((a) => (a.endsWith('.ts') ? `^${a}$` : `^${a}/`))],
      },
    })),
    ...Object.entries(drivers).map(([npm, home]) => ({
      name: `driver-${npm}`,
      severity: 'error',
      from: { path: source, pathNot: `^${home}/` },
      to: { path: `^node_modules/${npm}/` },
    })),
    {
      name: 'pure-folders-have-no-packages',
      severity: 'error',
      from: { path: '^src/(core|contracts|define|fold|statistics)/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'core'] },
    },
    {
      name: 'workflows-import-only-the-workflow-sdk',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'core'], pathNot: '@temporalio/(workflow|common)' },
    },
    {
      name: 'onnx-runtime-only-in-the-session-host-and-the-export-check',
      severity: 'error',
      from: { path: source, pathNot: '^(serving/session-host|src/training)/' },
      to: { path: 'onnxruntime-node' },
    },
    { name: 'tensorflow-only-in-its-folder-and-in-training', severity: 'error', from: { path: source, pathNot: '^(src/tensorflow|src/training|stack)/' }, to: { path: '@tensorflow/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'], extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'] },
  },
};
