import type { Logger } from '../../src/infra/logger.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { ALLOCATION_CHANNEL } from '../../src/registry/set-allocation.ts';
import type { ModelRouter } from './model-router.ts';

export interface AllocationFollowerOptions {
  readonly registry: Pick<Registry, 'getAllocations'>;
  readonly postgres: Pick<Postgres, 'listen'>;
  /** Of every model that there is by now; asked before each reading. @throws STORE_UNAVAILABLE */
  readonly routers: () => Promise<readonly (readonly [model: string, router: Pick<ModelRouter, 'apply'>])[]>;
  /** A notification may be lost with its connection: the registry is asked this often anyway. */
  readonly pollMs: number;
  readonly logger: Logger;
}

/** Tells the routers what the registry allocates: at each notification, and by polling. */
export class AllocationFollower {
  readonly #options: AllocationFollowerOptions;
  #stopListening: () => Promise<void> = () => Promise.resolve();
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #away = false;
  #poll: NodeJS.Timeout | undefined;

  constructor(options: AllocationFollowerOptions) {
    this.#options = options;
  }

  /** Resolves when the allocations were read for the first time. @throws STORE_UNAVAILABLE */
  async start(): Promise<void> {
    const { postgres, pollMs } = this.#options;
    this.#stopListening = await postgres.listen(ALLOCATION_CHANNEL, () => {
      this.#refresh();
    });
    await this.#readAll();
    this.#poll = setInterval(() => {
      this.#refresh();
    }, pollMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#poll);
    await this.#stopListening();
    await this.#reading;
  }

  /** At most one read at a time; a notification during a read asks for one more. */
  #refresh(): void {
    if (this.#reading !== null) {
      this.#readAgain = true;
      return;
    }
    this.#readAgain = false;
    this.#reading = this.#readAll()
      .then(
        () => {
          if (this.#away) this.#options.logger.info('the registry answers again');
          this.#away = false;
        },
        (error: unknown) => {
          // What is loaded goes on serving.
          if (!this.#away) this.#options.logger.warn({ err: error }, 'the registry does not answer; allocations stay as they are');
          this.#away = true;
        },
      )
      .finally(() => {
        this.#reading = null;
        if (this.#readAgain) this.#refresh();
      });
  }

  async #readAll(): Promise<void> {
    const { registry, routers } = this.#options;
    const all = await routers();
    // One query: this goes on all the time, between requests that wait for it.
    const allocations = await registry.getAllocations(all.map(([model]) => model));
    for (const [model, router] of all) router.apply(allocations.get(model) ?? null);
  }
}
