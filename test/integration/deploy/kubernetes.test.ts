import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { routeAccess } from '../../../serving/http/route-access.ts';
import { observeModels } from '../../../serving/observe-models.ts';
import { createServingMetrics } from '../../../serving/serving-metrics.ts';
import { loadServingSettings } from '../../../serving/settings.ts';
import { loadBaseConfig } from '../../../src/infra/base-config.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { gatewayAccess } from '../../../src/stream/gateway-access.ts';
import { loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import { processNames } from '../../../workers/process-name.ts';
import { metricsAddress, serveMetrics } from '../../../workers/serve-metrics.ts';
import { pythonEnvironment } from '../../support/python-environment.ts';
import { listFiles, repositoryRoot } from '../../support/repository-files.ts';

const VERSIONS = '1.29,1.31,1.33';
const INSTALL_MS_MAX = 10 * 60_000;
/** A group waits this much longer for its processes than they have. */
const STOP_MARGIN_S = 5;

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources: { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly mountPath: string }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds?: number;
  readonly topologySpreadConstraints?: readonly { readonly labelSelector: { readonly matchLabels: object } }[];
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly secret?: { readonly secretName: string } }[];
}
interface Manifest {
  readonly kind?: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly resources?: readonly string[];
  readonly rules?: { readonly custom: readonly { readonly seriesQuery: string; readonly name: { readonly matches: string } }[] };
  readonly spec: {
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
    readonly selector: object;
    readonly scaleTargetRef: { readonly name: string };
    readonly metrics: readonly { readonly pods: { readonly metric: { readonly name: string } } }[];
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[];
  };
}
interface Read {
  readonly file: string;
  readonly document: Manifest;
  readonly problems: readonly string[];
}

const python = await pythonEnvironment('kubernetes-validate', new URL('requirements.txt', import.meta.url));
const files = listFiles(['deploy/kubernetes'], ['.yaml']);
const program = fileURLToPath(new URL('read_manifests.py', import.meta.url));
const read =
  python === undefined
    ? []
    : (JSON.parse(execFileSync(python, [program, VERSIONS, ...files.map((file) => path.join(repositoryRoot, file))], { encoding: 'utf8' })) as Read[]);
const ofKind = (kind: string): Manifest[] => read.filter(({ document, file }) => document.kind === kind && !file.includes('/cuda/')).map(({ document }) => document);
const pods = [...ofKind('Deployment'), ...ofKind('Job')].map(({ metadata, spec }) => ({ name: metadata.name, pod: spec.template.spec, labels: spec.template.metadata.labels }));
const containers = pods.flatMap(({ pod }) => [...pod.containers, ...(pod.initContainers ?? [])]);
const settings = Object.assign({}, ...[...ofKind('ConfigMap').map(({ data }) => data), ...ofKind('Secret').map(({ stringData }) => stringData)]) as Record<string, string>;
const textOf = (file: string): string => readFileSync(path.join(repositoryRoot, file), 'utf8');

describe.skipIf(python === undefined)('deploy/kubernetes', { timeout: INSTALL_MS_MAX }, () => {
  it('is valid by the schemas of Kubernetes, with every file in a kustomization', () => {
    expect(read.flatMap(({ file, problems }) => problems.map((problem) => `${path.basename(file)}: ${problem}`))).toEqual([]);
    expect(ofKind('Deployment').map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(['millrace-serving', 'millrace-gateway', 'millrace-stream']));
    const listed = ofKind('Kustomization').flatMap(({ resources }) => resources ?? []);
    const present = files.filter((file) => file.includes('/base/')).map((file) => path.basename(file));
    expect(present.filter((file) => !listed.includes(file))).toEqual(['kustomization.yaml', 'secret.example.yaml']);
    expect(listed.filter((file) => !present.includes(file))).toEqual([]);
  });

  it('runs nothing as root, with a root that can be written, or with more than it needs', () => {
    for (const { pod } of pods) {
      expect(pod).toMatchObject({ automountServiceAccountToken: false, securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } } });
    }
    for (const { securityContext, resources, volumeMounts } of containers) {
      expect(securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
      expect(Object.keys(resources.requests).sort()).toEqual(['cpu', 'memory']);
      expect(Object.keys(resources.limits).sort()).toEqual(['cpu', 'memory']);
      expect(volumeMounts.map(({ mountPath }) => mountPath)).toEqual(expect.arrayContaining([settings['MILLRACE_DATA_DIR'], '/tmp', '/credentials']));
    }
    for (const file of ['deploy/Dockerfile', 'deploy/Dockerfile.cuda']) expect(textOf(file)).toMatch(/^USER 1000:1000$/m);
  });

  it('sets only variables that are documented, to values that the processes take', () => {
    const page = textOf('docs/configuration.md');
    const named = files.flatMap((file) => textOf(file).match(/\bMILLRACE_[A-Z_0-9]+\b/g) ?? []);
    expect(named.length).toBeGreaterThan(15);
    expect([...new Set(named)].filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
    expect(() => [loadBaseConfig(settings), loadServingSettings(settings), loadGatewaySettings(settings), metricsAddress(settings)]).not.toThrow();
    const secret = ofKind('Secret').find(({ metadata }) => metadata.name === 'millrace-credentials')?.stringData ?? {};
    const mounted = textOf('deploy/kubernetes/base/config.yaml').match(/(?<=MILLRACE_\w+: \/credentials\/)\S+/g) ?? [];
    expect(mounted.sort()).toEqual(Object.keys(secret).sort());
    const commands = containers.map(({ args }) => args.join(' ')).filter((args) => args !== 'up' && args !== 'apply');
    expect(commands.filter((args) => !processNames.some((name) => args === `run ${name}`))).toEqual([]);
  });

  it('names ports that the processes listen on, and paths that they answer', async () => {
    const serving = loadServingSettings(settings);
    const listening: Readonly<Record<string, Readonly<Record<string, number>>>> = {
      serving: { http: serving.port, grpc: serving.grpcPort, metrics: 9464 },
      gateway: { http: loadGatewaySettings(settings).port, metrics: 9464 },
    };
    expect(metricsAddress(settings)?.port).toBe(9464);
    for (const { name, ports = [], ...probes } of containers) {
      for (const { name: portName, containerPort } of ports) expect(containerPort).toBe((listening[name] ?? { metrics: 9464 })[portName]);
      for (const probe of [probes.startupProbe, probes.livenessProbe, probes.readinessProbe].filter((one) => one !== undefined)) {
        const { path: where, port } = probe.httpGet;
        expect(ports.map((one) => one.name)).toContain(port);
        if (name === 'serving') expect(routeAccess[`GET ${where}`]).toBe('anybody');
        else if (name === 'gateway') expect(gatewayAccess[`GET ${where}`]).toBe('anybody');
        else expect(await statusOfMetricsServer(where)).toBe(200);
      }
    }
    for (const { spec } of ofKind('Service')) {
      for (const { port, targetPort } of spec.ports) expect(containers.flatMap(({ ports = [] }) => ports)).toContainEqual({ name: targetPort, containerPort: port });
    }
  });

  it('mounts the secret of API keys where the settings of serving and gateway look for the file', () => {
    const [secret] = ofKind('Secret').filter(({ metadata }) => metadata.name === 'millrace-api-keys');
    const places = { serving: loadServingSettings(settings).apiKeysFile, gateway: loadGatewaySettings(settings).apiKeysFile };
    for (const [name, file] of Object.entries(places)) {
      const { pod } = pods.find((one) => one.name === `millrace-${name}`)!;
      const volume = pod.volumes?.find((one) => one.secret?.secretName === 'millrace-api-keys');
      expect(pod.containers[0]?.volumeMounts).toContainEqual({ name: volume?.name, mountPath: path.dirname(file ?? ''), readOnly: true });
      expect(Object.keys(secret?.stringData ?? {})).toContain(path.basename(file ?? ''));
    }
  });

  it('gives every pod more time to end than it may take, and spreads it', () => {
    const { retireMs, drainTimeoutMs } = loadServingSettings(settings);
    const deployments = pods.filter(({ name }) => name !== 'millrace-apply');
    for (const { pod, labels } of deployments) {
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThan((retireMs + drainTimeoutMs) / 1_000 + STOP_MARGIN_S);
      expect(pod.topologySpreadConstraints).toHaveLength(2);
      for (const { labelSelector } of pod.topologySpreadConstraints ?? []) expect(labelSelector.matchLabels).toEqual(labels);
    }
    const budgets = ofKind('PodDisruptionBudget').map(({ metadata }) => metadata.name);
    expect(budgets.sort()).toEqual(deployments.map(({ name }) => name).sort());
  });

  it('scales by metrics that the processes have, each of which the adapter has a rule for', () => {
    const registry = new Registry();
    createServingMetrics(registry);
    observeModels(registry, [], { all: [], loaded: [] }, () => 0);
    const known = new Set([...registry.getMetricsAsArray().map(({ name }) => name), ...(textOf('src/stream/gateway-metrics.ts').match(/millrace_\w+/g) ?? [])]);
    const wanted = ofKind('HorizontalPodAutoscaler').flatMap(({ spec }) => spec.metrics.map(({ pods: { metric } }) => metric.name));
    const rules = read.flatMap(({ document }) => document.rules?.custom ?? []);
    expect(wanted.length).toBeGreaterThan(2);
    expect(wanted.filter((name) => !known.has(name))).toEqual([]);
    expect(rules.map(({ name }) => name.matches).sort()).toEqual([...wanted].sort());
    for (const { seriesQuery, name } of rules) expect(seriesQuery).toContain(`${name.matches}{`);
    for (const { spec } of ofKind('HorizontalPodAutoscaler')) expect(pods.map(({ name }) => name)).toContain(spec.scaleTargetRef.name);
  });
});

async function statusOfMetricsServer(where: string): Promise<number> {
  const server = await serveMetrics(new Registry(), { host: '127.0.0.1', port: 0 });
  try {
    return (await fetch(`http://127.0.0.1:${server.port}${where}`, { headers: { connection: 'close' } })).status;
  } finally {
    await server.close();
  }
}
