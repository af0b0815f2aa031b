import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { composeServices } from '../../../stack/docker-compose.ts';
import { processNames } from '../../../workers/process-name.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const hasYaml = spawnSync('python3', ['-c', 'import yaml']).status === 0;

function readYaml(file: string): unknown {
  const program = 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)';
  const { stdout, status, stderr } = spawnSync('python3', ['-c', program, `${root}${file}`], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`'${file}' is not YAML: ${stderr}`);
  return JSON.parse(stdout);
}

describe.skipIf(!hasYaml)('docker-compose.yml', () => {
  const file = hasYaml ? (readYaml('docker-compose.yml') as ComposeFile) : { services: {}, volumes: {} };
  const services = Object.entries(file.services);

  it('pins every image', () => {
    const unpinned = services.filter(
      ([, { image, build }]) => build === undefined && !/:v?\d+\.\d+/.test(image),
    );
    expect(unpinned).toEqual([]);
  });

  it('opens ports on the loopback address only', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(6);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('sets only variables that a process reads', () => {
    const page = readFileSync(`${root}docs/configuration.md`, 'utf8');
    const set = services.flatMap(([, { environment }]) => Object.keys(environment ?? {}));
    const ours = [...new Set(set.filter((name) => name.startsWith('MILLRACE_')))];
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('refers only to files, volumes and services that there are', () => {
    for (const [name, service] of services) {
      if (service.build !== undefined) expect(existsSync(`${root}${service.build.dockerfile}`)).toBe(true);
      for (const volume of service.volumes ?? []) {
        const [source = ''] = volume.split(':');
        const known = source.startsWith('./')
          ? existsSync(`${root}${source}`)
          : Object.hasOwn(file.volumes, source);
        expect(known, `${name}: ${source}`).toBe(true);
      }
      for (const other of Object.keys(service.depends_on ?? {})) expect(file.services).toHaveProperty(other);
    }
  });

  it('has a health check for each server that is waited for', () => {
    const waitedFor = [
      'temporal',
      'temporal-ui',
      'kafka',
      'postgres',
      'redis',
      'prometheus',
      'grafana',
      'serving',
    ];
    expect(waitedFor.filter((name) => file.services[name]?.healthcheck === undefined)).toEqual([]);
  });

  it('has the services and port variables that the stack starts by it', () => {
    for (const { services: names, portVariables } of Object.values(composeServices)) {
      for (const name of names) expect(file.services).toHaveProperty(name);
      const ports = names.flatMap((name) => file.services[name]?.ports ?? []).join(' ');
      for (const variable of Object.values(portVariables)) expect(ports).toContain(`\${${variable}:-`);
    }
  });

  it('runs every process of Millrace', () => {
    for (const name of processNames) expect(file.services[name]?.command).toEqual(['run', name]);
  });

  it('is scraped by name', () => {
    const text = JSON.stringify(readYaml('deploy/prometheus.yml'));
    for (const name of processNames) expect(text).toContain(`"${name}:`);
    expect(readYaml('deploy/grafana/datasources.yml')).toBeTypeOf('object');
  });
});

it('the image is built from what is there', () => {
  const text = readFileSync(`${root}deploy/Dockerfile`, 'utf8');
  for (const file of ['package.json', 'package-lock.json', '.npmrc', 'cli/millrace.mjs']) {
    expect(text).toContain(file);
    expect(existsSync(`${root}${file}`)).toBe(true);
  }
});
