import type { Worker } from 'node:cluster';
import type { Logger } from '../../src/infra/logger.ts';
import { restartDelayMs } from '../supervised-process.ts';
import { limitMsOf, type Answer, type FromMember, type Question } from './group-messages.ts';
import { MemberProcess } from './member-process.ts';
import { mergeMetrics } from './merge-metrics.ts';

/** A place whose process ends this often in a row, each time before it was healthy, ends the group. */
const CRASHES_IN_A_ROW_MAX = 5;
/** A process that ran this long was healthy: its next end starts the back-off afresh. */
const HEALTHY_AFTER_MS = 60_000;

export interface ServingGroupOptions {
  readonly count: number;
  /** Starts a process for a place, `1` and up. */
  readonly fork: (place: number) => Worker;
  /** How long a process may take to end by itself. */
  readonly stopLimitMs: number;
  /** How long one that comes instead of another may take until it is ready. */
  readonly readyLimitMs: number;
  /** The primary's own metrics. */
  readonly metrics: () => Promise<string>;
  /** Once, when the first process listens. */
  readonly onListening: () => void;
  readonly logger: Logger;
}

interface Place {
  readonly number: number;
  current: MemberProcess | undefined;
  crashesInARow: number;
  restarts: number;
  retry: NodeJS.Timeout | undefined;
}

/** Serving processes on one port: each that ends is started again; together they are ready, are measured and stop. */
export class ServingGroup {
  /** Resolves with the reason once a place's process could not be kept alive. */
  readonly givenUp: Promise<string>;
  readonly #options: ServingGroupOptions;
  readonly #places: readonly Place[];
  readonly #members = new Set<MemberProcess>();
  /** Models that operators unloaded: a process that starts again is told. */
  readonly #unloaded = new Set<string>();
  #giveUp: (reason: string) => void = () => undefined;
  #listening = false;
  #stopping = false;
  #rolling: Promise<void> | undefined;

  constructor(options: ServingGroupOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.count }, (_, i) => ({ number: i + 1, current: undefined, crashesInARow: 0, restarts: 0, retry: undefined }));
    this.givenUp = new Promise((resolve) => {
      this.#giveUp = resolve;
    });
  }

  get readyCount(): number {
    return this.#places.filter(({ current }) => current?.isReady === true).length;
  }

  get restarts(): number {
    return this.#places.reduce((sum, place) => sum + place.restarts, 0);
  }

  start(): void {
    for (const place of this.#places) place.current = this.#launch(place);
  }

  /** Prometheus text of the primary and of every process that answers. */
  async metrics(): Promise<string> {
    const answers = await this.#askAll({ what: 'metrics' });
    const texts = answers.flatMap((answer) => ('text' in answer ? [answer.text] : []));
    return mergeMetrics([await this.#options.metrics(), ...texts]);
  }

  /** Replaces one process after the other; each goes once the new one is ready. Asking during one is asking once. */
  restartRolling(): Promise<void> {
    this.#rolling ??= this.#restartRolling().finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  /** Ends all at once: readiness off, then drained. Every one is gone when it resolves. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#tellReady();
    for (const place of this.#places) clearTimeout(place.retry);
    await Promise.all([...this.#members].map((member) => this.#end(member)));
  }

  async #restartRolling(): Promise<void> {
    for (const place of this.#places) {
      if (this.#stopping) return;
      const next = this.#launch(place);
      if (!(await this.#becomesReady(next))) {
        // What serves goes on serving.
        this.#options.logger.error({ member: place.number }, 'rolling restart given up: the new process was not ready in time');
        await this.#end(next);
        return;
      }
      const old = place.current;
      clearTimeout(place.retry);
      place.current = next;
      this.#tellReady();
      if (old !== undefined) await this.#end(old);
    }
  }

  async #becomesReady(member: MemberProcess): Promise<boolean> {
    const giveUpAt = Date.now() + this.#options.readyLimitMs;
    while (!member.isReady && this.#members.has(member) && Date.now() < giveUpAt && !this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return member.isReady;
  }

  async #end(member: MemberProcess): Promise<void> {
    if (await member.leave(this.#options.stopLimitMs)) this.#options.logger.error({ pid: member.pid }, 'a serving process did not end in time and was killed');
  }

  #launch(place: Place): MemberProcess {
    const member: MemberProcess = new MemberProcess(this.#options.fork(place.number), (message) => this.#onMessage(member, message));
    this.#members.add(member);
    this.#options.logger.info({ member: place.number, pid: member.pid }, 'serving process started');
    void member.ended.then(({ code, signal }) => {
      this.#members.delete(member);
      this.#options.logger.info({ member: place.number, pid: member.pid, code, signal }, 'serving process ended');
      if (place.current === member) this.#startAgain(place, member.startedAt, code);
    });
    return member;
  }

  #startAgain(place: Place, startedAt: number, code: number | null): void {
    place.current = undefined;
    this.#tellReady();
    if (this.#stopping) return;
    const wasHealthy = code === 0 || Date.now() - startedAt >= HEALTHY_AFTER_MS;
    place.crashesInARow = wasHealthy ? 1 : place.crashesInARow + 1;
    if (place.crashesInARow > CRASHES_IN_A_ROW_MAX) {
      this.#giveUp(`serving process ${place.number} ended ${place.crashesInARow} times in a row`);
      return;
    }
    place.restarts += 1;
    place.retry = setTimeout(() => {
      place.current = this.#launch(place);
    }, restartDelayMs(place.crashesInARow));
  }

  #onMessage(member: MemberProcess, message: FromMember): void {
    if (message.kind === 'joined') {
      for (const model of this.#unloaded) void member.ask({ what: 'unload', model }, limitMsOf('unload'));
      if (!this.#listening) this.#options.onListening();
      if (!this.#listening) this.#options.logger.info({ url: message.url, grpc: message.grpcAddress, processes: this.#places.length }, 'serving group listens');
      this.#listening = true;
    } else if (message.kind === 'ready') {
      member.isReady = message.ready;
      this.#tellReady();
    } else if (message.kind === 'ask') {
      const { id, question } = message;
      void this.#answer(member, question).then((answers) => member.send({ kind: 'answers', id, answers }));
    }
  }

  async #answer(asker: MemberProcess, question: Question): Promise<readonly Answer[]> {
    if (question.what === 'metrics') return [{ text: await this.metrics() }];
    if (question.what === 'unload') this.#unloaded.add(question.model);
    else this.#unloaded.delete(question.model);
    return this.#askAll(question, asker);
  }

  #askAll(question: Question, except?: MemberProcess): Promise<Answer[]> {
    const asked = [...this.#members].filter((member) => member !== except && !member.leaving);
    return Promise.all(asked.map((member) => member.ask(question, limitMsOf(question.what))));
  }

  #tellReady(): void {
    const ready = !this.#stopping && this.readyCount === this.#places.length;
    for (const member of this.#members) member.send({ kind: 'group', ready });
  }
}
