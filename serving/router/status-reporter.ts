import type { Logger } from '../../src/infra/logger.ts';
import type { Registry } from '../../src/registry/registry.ts';
import type { ModelRouter } from './model-router.ts';

/** What is reported of a model. */
export interface ReportedModel {
  readonly router: Pick<ModelRouter, 'unloaded' | 'status'>;
  readonly errorsByVersion: ReadonlyMap<number, number>;
}

export interface StatusReporterOptions {
  readonly registry: Pick<Registry, 'reportServing' | 'withdrawServing'>;
  /** Unique name of this process. */
  readonly process: string;
  readonly models: () => readonly ReportedModel[];
  readonly everyMs: number;
  readonly logger: Logger;
}

/** Says to the registry what this process serves: at each change and at an interval. */
export class StatusReporter {
  readonly #options: StatusReporterOptions;
  #timer: NodeJS.Timeout | undefined;
  #reporting: Promise<void> | null = null;
  #again = false;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.report();
    }, this.#options.everyMs);
    this.report();
  }

  /** Reports soon; changes that come while a report is under way go with the next one. */
  report(): void {
    if (this.#reporting !== null) {
      this.#again = true;
      return;
    }
    this.#again = false;
    this.#reporting = this.#send()
      .catch((error: unknown) => {
        this.#options.logger.warn({ err: error }, 'the registry was not told what this process serves');
      })
      .finally(() => {
        this.#reporting = null;
        if (this.#again) this.report();
      });
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#again = false;
    await this.#reporting;
    await this.#options.registry.withdrawServing(this.#options.process).catch(() => undefined);
  }

  async #send(): Promise<void> {
    const { registry, process } = this.#options;
    for (const { router, errorsByVersion } of this.#options.models()) {
      // Rollouts wait for every process that reports the model: one that an operator unloaded it from is none of them.
      if (router.unloaded) continue;
      const { model, revision, loaded, rejected } = router.status;
      const errors = [...errorsByVersion].map(([version, count]) => ({ version, count }));
      await registry.reportServing({ process, model, revision: revision ?? 0, loaded, rejected, errors });
    }
  }
}
