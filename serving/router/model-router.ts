import type { Allocation } from '../../src/contracts/allocation.ts';
import { isMillraceError, messageOf } from '../../src/core/millrace-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { ArmRoutes } from './arm-routes.ts';
import type { Route, RoutedVersion } from './route.ts';
import type { ServingVersion } from './serving-version.ts';
import { splitPoint } from './split-point.ts';

export type { Route, RoutedVersion } from './route.ts';

/** What takes traffic at one moment. Replaced as a whole, never changed. */
export interface Routes<Version extends RoutedVersion = ServingVersion> {
  readonly champion: Version | null;
  readonly canary: { readonly target: Version; readonly share: number } | null;
  readonly shadow: Version | null;
  /** Of the experiment that runs. */
  readonly arms: ArmRoutes<Version> | null;
}

/** How far a version is that is allocated. */
export interface VersionState {
  readonly version: number;
  readonly state: Slot<RoutedVersion>['state'] | 'unloaded';
  /** Of one that is rejected or unloaded: why; else empty. */
  readonly reason: string;
}

/** What a serving process says to the registry about one model. */
export interface RouterStatus {
  readonly model: string;
  /** Newest allocation whose versions are all loaded or rejected; null before the first. */
  readonly revision: number | null;
  readonly loaded: readonly number[];
  readonly rejected: readonly { readonly version: number; readonly reason: string }[];
}

type Slot<Version> =
  | { readonly state: 'loading' }
  | { readonly state: 'loaded'; readonly target: Version }
  | { readonly state: 'rejected'; readonly reason: string };

export interface ModelRouterOptions<Version extends RoutedVersion = ServingVersion> {
  readonly model: string;
  /** Loads, verifies and warms. A retryable failure is tried again, any other rejects the version. */
  readonly loadVersion: (version: number) => Promise<Version>;
  readonly onStatus: (status: RouterStatus) => void;
  readonly logger: Logger;
}

const LOAD_RETRY_MS_MIN = 100;
const LOAD_RETRY_MS_MAX = 5_000;
/** A version whose process dies this often while it loads is rejected. */
const LOAD_CRASHES_MAX = 3;

/**
 * Follows the allocation of one model. Versions load off the request path; traffic moves in one
 * assignment once a version is ready; what is no longer needed drains and closes. A champion that
 * cannot be loaded leaves the former one in place.
 */
export class ModelRouter<Version extends RoutedVersion = ServingVersion> {
  readonly #options: ModelRouterOptions<Version>;
  readonly #slots = new Map<number, Slot<Version>>();
  readonly #closing = new Set<Promise<void>>();
  #desired: Allocation | null = null;
  #routes: Routes<Version> = noRoutes;
  #revision: number | null = null;
  readonly #loads = new Set<Promise<void>>();
  #known = false;
  #unloaded = false;
  #closed = false;

  constructor(options: ModelRouterOptions<Version>) {
    this.#options = options;
  }

  get routes(): Routes<Version> {
    return this.#routes;
  }

  /** Null before the registry was asked for the first time, and where nothing was allocated yet. */
  get allocation(): Allocation | null {
    return this.#desired;
  }

  /** The registry has answered, and everything that it allocates is loaded or rejected. */
  get settled(): boolean {
    return this.#known && (this.#desired === null || this.#revision === this.#desired.revision);
  }

  /**
   * A champion serves, or everything is loaded or rejected: what comes in beside a champion makes no process unready. Arms
   * with traffic are loaded everywhere; a process that starts takes none before it has them, or an entity would change sides.
   */
  get ready(): boolean {
    return (this.#routes.champion !== null && !this.#armsLoad()) || this.settled;
  }

  get status(): RouterStatus {
    const loaded: number[] = [];
    const rejected: { version: number; reason: string }[] = [];
    for (const [version, slot] of this.#slots) {
      if (slot.state === 'loaded') loaded.push(version);
      if (slot.state === 'rejected') rejected.push({ version, reason: slot.reason });
    }
    return { model: this.#options.model, revision: this.#revision, loaded, rejected };
  }

  /** Every version that is allocated. */
  get versions(): VersionState[] {
    if (this.#unloaded) return [...versionsOf(this.#desired)].map((version) => ({ version, state: 'unloaded', reason: 'unloaded' }));
    return [...this.#slots].map(([version, slot]) => ({
      version,
      state: slot.state,
      reason: slot.state === 'rejected' ? slot.reason : '',
    }));
  }

  /** Whether an operator took the model out of this process; the registry still allocates it. */
  get unloaded(): boolean {
    return this.#unloaded;
  }

  get loading(): boolean {
    return this.#loads.size > 0;
  }

  get loaded(): Version[] {
    return [...this.#slots.values()].flatMap((slot) => (slot.state === 'loaded' ? [slot.target] : []));
  }

  roleOf(target: Version): 'champion' | 'canary' | 'shadow' | 'arm' | 'waiting' {
    const { champion, canary, shadow, arms } = this.#routes;
    if (target === champion) return 'champion';
    if (target === canary?.target) return 'canary';
    if (arms?.routes.some((route) => route.target === target) === true) return 'arm';
    return target === shadow ? 'shadow' : 'waiting';
  }

  /** What answers an entity: its arm, else by its point in the model's traffic. @param entityKeys see splitKeys */
  routeOf(entityKeys: readonly (string | null)[]): Route<Version> | null {
    const { model } = this.#options;
    return this.#routes.arms?.routeOf(model, entityKeys) ?? this.route(splitPoint(model, entityKeys));
  }

  /** Beside experiments. @param point of the request in the model's traffic, see splitPoint. */
  route(point: number): Route<Version> | null {
    const { champion, canary } = this.#routes;
    if (canary !== null && point < canary.share) return { target: canary.target, variant: 'canary' };
    return champion === null ? null : { target: champion, variant: 'champion' };
  }

  /** Takes what the registry says now; a revision that it has already is no news. */
  apply(allocation: Allocation | null): void {
    const first = !this.#known;
    this.#known = true;
    if (this.#closed || (!first && allocation?.revision === this.#desired?.revision)) return;
    this.#desired = allocation;
    this.#loadNeeded();
    this.#settle();
  }

  /** Takes the model out of this process, whatever is allocated; resolves when its versions have answered what they took. */
  async unload(): Promise<void> {
    this.#unloaded = true;
    this.#settle();
    await Promise.all(this.#closing);
  }

  /** Brings the model back, and tries rejected versions again; resolves when all are loaded or rejected. */
  async load(): Promise<void> {
    if (this.#closed) return;
    this.#unloaded = false;
    this.#loadNeeded();
    this.#settle();
    await Promise.all(this.#loads);
  }

  /** Drains and closes every version. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#routes = noRoutes;
    for (const [version, slot] of this.#slots) this.#drop(version, slot);
    await Promise.all(this.#closing);
  }

  #armsLoad(): boolean {
    const experiment = this.#wanted()?.experiment ?? null;
    if (experiment === null || experiment.ranges.length === 0) return false;
    return experiment.arms.some(({ version }) => this.#slots.get(version)?.state === 'loading');
  }

  #needed(): Set<number> {
    return versionsOf(this.#wanted());
  }

  /** What this process should have. */
  #wanted(): Allocation | null {
    return this.#unloaded ? null : this.#desired;
  }

  #loadNeeded(): void {
    for (const version of this.#needed()) {
      // What asks for a rejected version again asks for another attempt.
      if (this.#slots.get(version)?.state === 'rejected') this.#slots.delete(version);
      if (this.#slots.has(version)) continue;
      const load = this.#load(version).finally(() => this.#loads.delete(load));
      this.#loads.add(load);
    }
  }

  #loadedTarget(version: number | null | undefined): Version | null {
    const slot = version === null || version === undefined ? undefined : this.#slots.get(version);
    return slot?.state === 'loaded' ? slot.target : null;
  }

  #settle(): void {
    if (this.#closed) return;
    const wanted = this.#wanted();
    const wantedChampion = wanted?.champion ?? null;
    const champion = wantedChampion === null ? null : (this.#loadedTarget(wantedChampion) ?? this.#routes.champion);
    const canary = this.#loadedTarget(wanted?.canary?.version);
    this.#routes = {
      champion,
      canary: canary !== null && champion !== null ? { target: canary, share: wanted?.canary?.share ?? 0 } : null,
      shadow: this.#loadedTarget(wanted?.shadow),
      arms: champion !== null && wanted?.experiment ? new ArmRoutes(wanted.experiment, (version) => this.#loadedTarget(version)) : null,
    };
    const needed = this.#needed();
    for (const [version, slot] of this.#slots) {
      if (!needed.has(version) && version !== champion?.version) this.#drop(version, slot);
    }
    if ([...needed].every((version) => this.#slots.get(version)?.state !== 'loading')) {
      this.#revision = this.#desired?.revision ?? null;
    }
    this.#options.onStatus(this.status);
  }

  /** Forgets a version. One that is still loading is closed when it has loaded. */
  #drop(version: number, slot: Slot<Version>): void {
    this.#slots.delete(version);
    if (slot.state === 'loaded') this.#close(version, slot.target);
  }

  #close(version: number, target: Version): void {
    const closing = target.close().catch((error: unknown) => {
      this.#options.logger.error({ err: error, version }, 'version did not close');
    });
    this.#closing.add(closing);
    void closing.then(() => this.#closing.delete(closing));
  }

  async #load(version: number): Promise<void> {
    const slot: Slot<Version> = { state: 'loading' };
    this.#slots.set(version, slot);
    const outcome = await this.#tryLoad(version, () => this.#slots.get(version) === slot);
    if (this.#slots.get(version) !== slot) {
      // The slot may be that of another attempt by now: unloaded and loaded again while this one was under way.
      if (outcome.state === 'loaded') this.#close(version, outcome.target);
      return;
    }
    this.#slots.set(version, outcome);
    this.#settle();
  }

  async #tryLoad(version: number, stillWanted: () => boolean): Promise<Slot<Version>> {
    let crashes = 0;
    for (let delayMs = LOAD_RETRY_MS_MIN; stillWanted(); delayMs = Math.min(delayMs * 2, LOAD_RETRY_MS_MAX)) {
      try {
        return { state: 'loaded', target: await this.#options.loadVersion(version) };
      } catch (error) {
        const { logger, model } = this.#options;
        logger.error({ err: error, model, version }, 'version did not load');
        if (isMillraceError(error) && error.code === 'SERVING_SESSION_LOST') crashes++;
        const passes = isMillraceError(error) && error.retryable && crashes < LOAD_CRASHES_MAX;
        if (!passes) return { state: 'rejected', reason: messageOf(error) };
      }
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
    return { state: 'rejected', reason: 'it is no longer allocated' };
  }
}

const noRoutes: Routes<never> = { champion: null, canary: null, shadow: null, arms: null };

const versionsOf = (allocation: Allocation | null): Set<number> => {
  const { champion = null, canary = null, shadow = null, experiment = null } = allocation ?? {};
  const arms = experiment?.arms.map(({ version }) => version) ?? [];
  return new Set([champion, canary?.version ?? null, shadow, ...arms].filter((version) => version !== null));
};
