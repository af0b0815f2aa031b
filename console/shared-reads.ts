import { inTime } from '../src/infra/in-time.ts';

/** Readings that are kept at a time; the oldest make room. */
const READINGS_MAX = 500;

export interface SharedReadsOptions {
  /** How long an answer, or a failure, stands for everybody who asks. */
  readonly keepMs: number;
  /** How long anybody waits for a reading, counted from its beginning. */
  readonly limitMs: number;
  /** Told of every reading that ended; `error` is undefined where it went well. */
  readonly onRead?: (part: string, seconds: number, error: unknown) => void;
}

interface Reading {
  readonly beganAt: number;
  settledAt: number | null;
  readonly value: Promise<unknown>;
}

/**
 * What many pages ask for is read once: one reading at a time for each key, and its answer stands for a
 * while. A reading that takes longer than anybody waits goes on alone and is not begun again meanwhile, so
 * that a server that hangs is asked once, and later askers hear at once that it does.
 */
export class SharedReads {
  readonly #options: SharedReadsOptions;
  readonly #readings = new Map<string, Reading>();

  constructor(options: SharedReadsOptions) {
    this.#options = options;
  }

  /**
   * @param part names the reading in errors and metrics
   * @param key tells readings of one part apart: which model, which page
   * @param keepMs where other than for all
   * @throws MillraceError STATUS_TIMED_OUT, or what the reading threw
   */
  get<T>(part: string, key: string, read: () => Promise<T>, keepMs = this.#options.keepMs): Promise<T> {
    const id = `${part}\n${key}`;
    const now = performance.now();
    const present = this.#readings.get(id);
    const stands = present !== undefined && (present.settledAt === null || now - present.settledAt < keepMs);
    const reading = stands ? present : this.#begin(part, id, read);
    return inTime(part, this.#options.limitMs, reading.value as Promise<T>, now - reading.beganAt);
  }

  #begin(part: string, id: string, read: () => Promise<unknown>): Reading {
    const beganAt = performance.now();
    const settle = (error?: unknown): void => {
      reading.settledAt = performance.now();
      this.#options.onRead?.(part, (reading.settledAt - beganAt) / 1_000, error);
    };
    const reading: Reading = { beganAt, settledAt: null, value: read() };
    reading.value.then(() => settle(), settle);
    // Set anew, so that the order of the map is the order of age.
    this.#readings.delete(id);
    this.#readings.set(id, reading);
    const [oldest] = this.#readings.keys();
    if (this.#readings.size > READINGS_MAX && oldest !== undefined) this.#readings.delete(oldest);
    return reading;
  }
}
