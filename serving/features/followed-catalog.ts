import type { Project } from '../../src/define/project.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { Queryable } from '../../src/infra/postgres.ts';
import { currentDefinitions } from '../../src/store/current-services.ts';
import { liveViewsText } from '../../src/store/live-views.ts';
import { OnlineCatalog, type OnlineReadPlan, type OnlineSelection } from '../../src/store/online-catalog.ts';

/** How often a process looks which versions of the views are current. */
export const VIEWS_POLL_MS = 1_000;

/** The catalog of online reads: it answers from the current version of each view, and follows when another becomes that. */
export class FollowedCatalog {
  readonly #db: Queryable;
  readonly #project: Project;
  readonly #logger: Logger;
  #catalog: OnlineCatalog;
  #text: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(db: Queryable, project: Project, logger: Logger) {
    this.#db = db;
    this.#project = project;
    this.#logger = logger;
    this.#catalog = new OnlineCatalog(project);
  }

  /** As `OnlineCatalog.plan`. */
  plan(selection: OnlineSelection): OnlineReadPlan {
    return this.#catalog.plan(selection);
  }

  async start(): Promise<void> {
    await this.#follow();
    this.#timer = setInterval(() => {
      this.#follow().catch((error: unknown) => {
        this.#logger.warn({ err: error }, 'current versions of the views could not be read: answering from those known');
      });
    }, VIEWS_POLL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #follow(): Promise<void> {
    const text = await liveViewsText(this.#db);
    if (text === this.#text) return;
    // What changes in between is met by the next look, since the text was read before.
    this.#catalog = new OnlineCatalog(await currentDefinitions(this.#db, this.#project));
    this.#text = text;
  }
}
