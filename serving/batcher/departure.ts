/** Whether a caller has gone away. An AbortSignal says the same, and costs a request some microseconds more. */
export class Departure {
  #gone = false;
  readonly #callbacks: (() => void)[] = [];

  get gone(): boolean {
    return this.#gone;
  }

  /** Calls back when the caller goes. */
  onGone(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    for (const callback of this.#callbacks) callback();
  }
}
