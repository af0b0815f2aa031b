import { z } from 'zod';
import { accessSettingNames, accessShape, checkTogether } from '../infra/access/access-settings.ts';
import { readSettings, type Environment } from '../infra/settings.ts';

const positive = (max: number) => z.coerce.number().int().min(1).max(max);
const HOUR_MS = 3_600_000;

const shape = {
  ...accessShape,
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(7470),
  bodyBytesMax: positive(64 * 1024 * 1024).default(4 * 1024 * 1024),
  eventsMax: positive(100_000).default(5_000),
  inFlightEventsMax: positive(10_000_000).default(50_000),
  headersTimeoutMs: positive(HOUR_MS).default(5_000),
  requestTimeoutMs: positive(HOUR_MS).default(30_000),
};

const accessNames = accessSettingNames('GATEWAY');
const schema = z.object(shape).superRefine((settings, context) => checkTogether(settings, accessNames, context));

/** Settings of a gateway process; docs/events.md says what each is for. */
export type GatewaySettings = Readonly<z.output<typeof schema>>;

export const gatewaySettingNames = {
  ...accessNames,
  host: 'MILLRACE_GATEWAY_HOST',
  port: 'MILLRACE_GATEWAY_PORT',
  bodyBytesMax: 'MILLRACE_GATEWAY_BODY_BYTES_MAX',
  eventsMax: 'MILLRACE_GATEWAY_EVENTS_MAX',
  inFlightEventsMax: 'MILLRACE_GATEWAY_IN_FLIGHT_EVENTS_MAX',
  headersTimeoutMs: 'MILLRACE_GATEWAY_HEADERS_TIMEOUT_MS',
  requestTimeoutMs: 'MILLRACE_GATEWAY_REQUEST_TIMEOUT_MS',
} as const;

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadGatewaySettings(environment: Environment): GatewaySettings {
  return readSettings(schema, gatewaySettingNames, environment);
}
