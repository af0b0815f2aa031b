import { FEATURE_STORE_SERVICE, type WireEntity, type WireOnlineRequest, type WireOnlineResponse, type WireValue, type WireViewRead } from '../contracts/feature-store.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { FeatureService } from '../define/feature-service.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Schema } from '../define/field.ts';
import { createGrpcClient } from '../infra/grpc-client.ts';
import { featureStoreProto, loadProto, serviceOf } from '../infra/load-proto.ts';
import type { OnlineViewRead } from '../store/online-rows.ts';
import type { OnlineRead, ReadOptions, ServiceFeatures, ServiceRead, ViewsFeatures, ViewsRead } from './read-online.ts';

export interface OnlineFeaturesOptions {
  /** A serving process's `host:port` of gRPC, or a target with several, such as `dns:///serving:7481`: calls take turns. */
  readonly address: string;
  /** Time of a read; 1,000 ms where absent. */
  readonly timeoutMs?: number;
  /** Whether to speak TLS, as the serving processes or a proxy before them may ask for. */
  readonly tls?: boolean;
  /** An API key with the role `predict`, where the processes have access control. */
  readonly apiKey?: string;
}

/** Reads of online features through serving processes, typed as `readOnline` is. */
export interface OnlineFeaturesClient {
  /**
   * @throws MillraceError REQUEST_INVALID, FEATURE_NOT_FOUND, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE, FEATURE_VIEW_NOT_FOUND (the
   *   processes serve another version of a view), STORE_UNAVAILABLE, SERVING_OVERLOADED, SERVING_DEADLINE_EXCEEDED, PROCESS_UNREACHABLE, ACCESS_*
   */
  read<const Views extends readonly FeatureView[]>(request: ViewsRead<Views>): Promise<OnlineRead<ViewsFeatures<Views>>>;
  read<Request extends Schema, Feature extends string>(
    request: ServiceRead<Request, Feature>,
  ): Promise<OnlineRead<ServiceFeatures<Request, Feature>>>;
  close(): void;
}

const TIMEOUT_MS_DEFAULT = 1_000;

/** Connects at the first read. */
export function connectOnlineFeatures(options: OnlineFeaturesOptions): OnlineFeaturesClient {
  const { address, timeoutMs = TIMEOUT_MS_DEFAULT, tls = false, apiKey } = options;
  const client = createGrpcClient({ address, tls, apiKey, service: serviceOf(loadProto(featureStoreProto), FEATURE_STORE_SERVICE) });
  const read = async (request: AnyRead): Promise<OnlineRead<AnyFeatures>> => {
    const response = await client.call<WireOnlineRequest, WireOnlineResponse>('GetOnlineFeatures', requestOf(request), timeoutMs);
    assertVersions('views' in request ? request.views : request.service.views, response.views);
    return {
      asOf: response.asOfMs,
      rows: response.rows.map(({ numbers, texts }) => {
        const values = [...numbers.map((value) => (Number.isNaN(value) ? null : value)), ...texts.map(({ value }) => value ?? null)];
        return Object.fromEntries(response.names.map((name, i) => [name, values[i] ?? null]));
      }),
      views: response.views.map((view) => viewReadOf(view, request)),
    };
  };
  return { read: read as OnlineFeaturesClient['read'], close: () => client.close() };
}

type AnyFeatures = Readonly<Record<string, number | string | null>>;
type AnyRead = ReadOptions & { readonly entities: readonly Readonly<Record<string, unknown>>[] } & (
    { readonly views: readonly FeatureView[] } | { readonly service: FeatureService }
  );

function requestOf(request: AnyRead): WireOnlineRequest {
  const selection =
    'views' in request ? { views: { names: request.views.map(({ name }) => name) } } : { service: request.service.name };
  return {
    ...selection,
    entities: request.entities.map(entityOf),
    ...(request.asOf === undefined ? {} : { asOfMs: request.asOf }),
    includeAges: request.include?.ages ?? false,
    includeFences: request.include?.fences ?? false,
  };
}

const entityOf = (entity: Readonly<Record<string, unknown>>): WireEntity => ({
  fields: Object.fromEntries(Object.entries(entity).map(([name, value]) => [name, valueOf(value)])),
});

/** What no field can hold goes as null: the types let nothing else through. */
function valueOf(value: unknown): WireValue {
  if (typeof value === 'number') return { number: value };
  if (typeof value === 'string') return { text: value };
  return typeof value === 'boolean' ? { boolean: value } : {};
}

function viewReadOf({ view, version, stale, ageMs, fences }: WireViewRead, { include }: ReadOptions): OnlineViewRead {
  return {
    view,
    version,
    stale,
    ...(include?.ages === true ? { ageMs: ageMs.map((age) => (age < 0 ? null : age)) } : {}),
    ...(include?.fences === true ? { fences: fences.map(({ hasState, offsets }) => (hasState ? offsets : null)) } : {}),
  };
}

function assertVersions(wanted: readonly FeatureView[], served: readonly WireViewRead[]): void {
  const wrong = served.flatMap(({ view, version }) => {
    const definition = wanted.find(({ name }) => name === view);
    return definition === undefined || definition.version === version
      ? []
      : [`view '${view}' is served in version ${version}, and this program's definition is version ${definition.version}`];
  });
  if (wrong.length === 0) return;
  throw new MillraceError('FEATURE_VIEW_NOT_FOUND', `Online read: ${wrong.join('; ')}. Bring both to one version of the project.`);
}
