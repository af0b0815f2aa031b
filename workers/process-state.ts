import { readFileSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { processNames } from './process-name.ts';

const processState = z.object({
  name: z.enum(processNames),
  /** `waiting`: it ended and is started again after its back-off. */
  status: z.enum(['running', 'waiting', 'stopped']),
  pid: z.number().nullable(),
  /** How often it was started again since the supervisor started. */
  restarts: z.number(),
  /** When the status last changed, ms since the epoch. */
  since: z.number(),
  metricsPort: z.number(),
  logFile: z.string(),
});

const processesState = z.object({
  supervisorPid: z.number(),
  startedAt: z.number(),
  /** Absolute path of the project file that they run. */
  project: z.string().nullable(),
  gatewayPort: z.number(),
  servingPort: z.number(),
  /** Absent in files of before serving spoke gRPC. */
  servingGrpcPort: z.number().optional(),
  consolePort: z.number(),
  processes: z.array(processState),
});

export type ProcessState = Readonly<z.output<typeof processState>>;

/** What `<dataDir>/processes.json` says: who runs, under which pid, on which ports. */
export type ProcessesState = Readonly<z.output<typeof processesState>>;

const fileOf = (dataDir: string): string => path.join(dataDir, 'processes.json');

/** The state that the supervisor of a data directory wrote last; null where none ever did. */
export async function readProcesses(dataDir: string): Promise<ProcessesState | null> {
  const text = await readFile(fileOf(dataDir), 'utf8').catch(() => null);
  if (text === null) return null;
  const parsed = processesState.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** Replaces the file in one step: a reader sees the old state or the new one. */
export async function writeProcesses(dataDir: string, state: ProcessesState): Promise<void> {
  const draft = `${fileOf(dataDir)}.${process.pid}.tmp`;
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`);
  await rename(draft, fileOf(dataDir));
}

/** The project file of the processes that a data directory knows; null where it knows of none. */
export function rememberedProject(dataDir: string): string | null {
  try {
    const parsed = processesState.safeParse(JSON.parse(readFileSync(fileOf(dataDir), 'utf8')));
    return parsed.success ? parsed.data.project : null;
  } catch {
    return null;
  }
}

/** The ports of the running processes as environment variables; none where no supervisor ever ran. */
export async function processPorts(dataDir: string): Promise<Record<string, string>> {
  const state = await readProcesses(dataDir);
  if (state === null) return {};
  return {
    MILLRACE_GATEWAY_PORT: String(state.gatewayPort),
    MILLRACE_SERVING_PORT: String(state.servingPort),
    ...(state.servingGrpcPort === undefined ? {} : { MILLRACE_SERVING_GRPC_PORT: String(state.servingGrpcPort) }),
    MILLRACE_CONSOLE_PORT: String(state.consolePort),
  };
}
