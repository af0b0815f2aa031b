import { mkdtempSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../stack/bootstrap.mjs', import.meta.url));
const { nodeVersionProblem, dependenciesAreCurrent } = (await import(script)) as {
  nodeVersionProblem: (version: string) => string | undefined;
  dependenciesAreCurrent: (folder: string) => boolean;
};

describe('the bootstrap', () => {
  it.each(['20.3.0', '20.20.2', '22.0.0', '30.1.0'])('runs on Node %s', (version) => {
    expect(nodeVersionProblem(version)).toBeUndefined();
  });

  it.each(['18.20.0', '20.2.0'])('refuses Node %s and says what it needs', (version) => {
    expect(nodeVersionProblem(version)).toMatch(/needs Node 20\.3 or later, found/);
  });

  it('names its commands when it is called wrongly', () => {
    const { status, stderr } = spawnSync(process.execPath, [script, 'stop'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('start|test|faults');
  });
});

describe('installed packages', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-bootstrap-'));
    writeFileSync(join(folder, 'package-lock.json'), '{"one":1}');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const install = (stamp?: string): void => {
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), '{}');
    if (stamp !== undefined) writeFileSync(join(folder, 'node_modules', '.millrace-lock-digest'), stamp);
  };
  const digest = createHash('sha256').update('{"one":1}').digest('hex');

  it('are missing in a fresh clone', () => {
    expect(dependenciesAreCurrent(folder)).toBe(false);
  });

  it('are current when the stamp is of this lock file', () => {
    install(digest);
    expect(dependenciesAreCurrent(folder)).toBe(true);
  });

  it('are not current when the lock file was changed since', () => {
    install(digest);
    writeFileSync(join(folder, 'package-lock.json'), '{"two":2}');
    expect(dependenciesAreCurrent(folder)).toBe(false);
  });

  it('are current when npm was called by hand after the lock file changed', () => {
    install();
    const past = new Date(Date.now() - 60_000);
    utimesSync(join(folder, 'package-lock.json'), past, past);
    expect(dependenciesAreCurrent(folder)).toBe(true);
  });
});
