import type { AccessRule } from '../../../src/infra/access/access-rule.ts';
import { routeAccess } from '../route-access.ts';

/** A route that the lane answers. */
export interface LaneRoute {
  /** As the router has it. */
  readonly url: string;
  /** Method and route, for the words of a refusal. */
  readonly key: string;
  readonly rule: AccessRule;
  readonly kind: 'infer' | 'predict';
  /** Of the first line of a request for it. */
  readonly pattern: RegExp;
}

/** The head of a request that the lane answers. */
export interface RequestHead {
  readonly route: LaneRoute;
  readonly target: string;
  readonly model: string;
  readonly version: string | undefined;
  /** By their names in lower case, each there once. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body, more than none. */
  readonly bodyLength: number;
}

/** The router knows no longer names. */
const NAME = '([\\w.-]{1,100})';
const routes: readonly LaneRoute[] = [
  laneRoute('infer', '/v2/models/:model/infer'),
  laneRoute('infer', '/v2/models/:model/versions/:version/infer'),
  laneRoute('predict', '/v1/models/:model/predict'),
];

function laneRoute(kind: LaneRoute['kind'], url: string): LaneRoute {
  const key = `POST ${url}`;
  return { kind, url, key, rule: routeAccess[key]!, pattern: new RegExp(`^POST (${url.replace(/:\w+/g, NAME)}) HTTP/1\\.1$`) };
}

/** A field of RFC 9112 without what its parsers have read in two ways: no folded lines, no blanks before the colon, plain ASCII. */
const FIELD = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/;
const LENGTH = /^[1-9]\d{0,8}$/;
const JSON_TYPE = /^application\/json(; ?charset=utf-8)?$/i;
const ANY_TYPE = /^[\w.+-]+\/[\w.+-]+$/;
/** What they ask for is done elsewhere, whatever they say. */
const foreign: readonly string[] = ['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'trailer', 'te'];

/**
 * Reads a head that is as plain as those of almost all clients.
 * @param text from the method to the last field, without the empty line
 * @returns undefined for any other, of which nothing is said but that it is for a full parser
 */
export function readRequestHead(text: string): RequestHead | undefined {
  const [line = '', ...fields] = text.split('\r\n');
  const headers = readFields(fields);
  if (headers?.host === undefined || !LENGTH.test(headers['content-length'] ?? '')) return undefined;
  if (headers.connection !== undefined && headers.connection.toLowerCase() !== 'keep-alive') return undefined;
  for (const route of routes) {
    const [, target, model, version] = route.pattern.exec(line) ?? [];
    if (target === undefined || model === undefined) continue;
    if (!takesType(route, headers['content-type'])) return undefined;
    return { route, target, model, version, headers, bodyLength: Number(headers['content-length']) };
  }
  return undefined;
}

function readFields(lines: readonly string[]): Record<string, string> | undefined {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    if (key in headers || foreign.includes(key)) return undefined;
    headers[key] = value;
  }
  return headers;
}

/** The router reads a body of JSON only where it is called that; inference takes any, called anything. */
const takesType = ({ kind }: LaneRoute, type: string | undefined): boolean =>
  type === undefined ? kind === 'infer' : JSON_TYPE.test(type) || (kind === 'infer' && ANY_TYPE.test(type));

/** Heads that are kept as read. */
const KEPT_MAX = 256;

/** Reads heads. Those of a client are mostly the same but for the length of the body, so what was read is kept. */
export class HeadReader {
  readonly #kept = new Map<string, RequestHead>();

  read(text: string): RequestHead | undefined {
    const found = this.#kept.get(text);
    if (found !== undefined) return found;
    const head = readRequestHead(text);
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    if (head !== undefined) this.#kept.set(text, head);
    return head;
  }
}
