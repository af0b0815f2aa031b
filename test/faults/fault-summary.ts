export interface FinishedRound {
  readonly faults: readonly string[];
  readonly isAtRest: boolean;
  /**
   * The longest time that an event sent during or after the fault took to be visible in every partition; at rest at
   * least the time from the fault's end until everything was there again.
   */
  readonly recoverySeconds: number;
}

export interface RunFigures {
  readonly seed: number;
  readonly seconds: number;
  readonly events: number;
  /** Events that were acknowledged and have to be stored, as the sender counted them. */
  readonly accepted: number;
  /** Rows of the offline logs, and the distinct ids in them. */
  readonly rows: number;
  readonly ids: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly refused: number;
  readonly processRestarts: number;
  readonly serverRestarts: number;
  readonly surprises: readonly string[];
}

/** What a run did, for people. */
export function describeRun(rounds: readonly FinishedRound[], figures: RunFigures): string {
  const kinds = new Map<string, { count: number; slowest: number }>();
  for (const { faults, recoverySeconds } of rounds) {
    const name = faults.join(' + ');
    const { count, slowest } = kinds.get(name) ?? { count: 0, slowest: 0 };
    kinds.set(name, { count: count + 1, slowest: Math.max(slowest, recoverySeconds) });
  }
  const width = Math.max(5, ...[...kinds.keys()].map((name) => name.length));
  const line = (name: string, count: string, seconds: string): string =>
    `${name.padEnd(width)}  ${count.padStart(6)}  ${seconds.padStart(9)}`;
  const { surprises } = figures;
  return [
    `${rounds.length} rounds, ${rounds.filter((round) => round.isAtRest).length} of them at rest, seed ${figures.seed}, ${Math.round(figures.seconds)} s`,
    `events    ${figures.events} made, ${figures.accepted} accepted, ${figures.rows} stored, ${figures.duplicates} duplicates counted, ${figures.deadLetters} dead letters, ${figures.refused} refused by the gateway`,
    `balance   ${figures.accepted - figures.ids} missing, ${figures.rows - figures.ids} counted twice, every state equal to the oracle`,
    `restarts  ${figures.processRestarts} of processes (${surprises.length} that no fault asked for), ${figures.serverRestarts} of servers`,
    ...surprises.map((text) => `          ${text}`),
    '',
    line('fault', 'rounds', 'slowest s'),
    ...[...kinds].map(([name, { count, slowest }]) => line(name, String(count), slowest.toFixed(1))),
  ].join('\n');
}
