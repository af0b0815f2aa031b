import { Pool } from 'undici';
import type { LatencyWindow } from './latency-window.ts';

/** Fields of a `flight_scheduled` event that the model's feature service asks for. */
const requestFields = [
  'flightId',
  'scheduledAt',
  'scheduledArrivalAt',
  'distance',
  'carrier',
  'origin',
  'dest',
  'tailNumber',
  'flightCode',
] as const;

const CONNECTIONS = 16;
const ATTEMPTS = 5;
/** Answers that pass by themselves: overload, not ready, too late. */
const passing = new Set([429, 503, 504]);
const RETRY_MS = 200;

export interface Predictor {
  /** Asks for one flight as of its decision time. @throws Error after the last attempt */
  predict(flight: Readonly<Record<string, unknown>>, asOf: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * One HTTP request per flight, over kept-alive connections. Overload, not ready and a missed deadline are asked again;
 * the latency then counts from the first asking, as the flight's caller would feel it.
 */
export function createPredictor(servingUrl: string, latencies: LatencyWindow, onRetry: () => void): Predictor {
  const pool = new Pool(servingUrl, { connections: CONNECTIONS });
  const path = '/v1/models/flight_delay/predict';
  const headers = { 'content-type': 'application/json' };
  return {
    async predict(flight, asOf) {
      const instance = Object.fromEntries(requestFields.map((field) => [field, flight[field] ?? null]));
      const body = JSON.stringify({ instances: [instance], asOf });
      const startedAt = performance.now();
      for (let attempt = 1; ; attempt++) {
        let failure: string;
        try {
          const answer = await pool.request({ method: 'POST', path, headers, body });
          const text = await answer.body.text();
          if (answer.statusCode === 200) {
            latencies.add(performance.now() - startedAt);
            return;
          }
          failure = `${answer.statusCode} ${text}`;
          if (!passing.has(answer.statusCode)) attempt = ATTEMPTS;
        } catch (error) {
          failure = error instanceof Error ? error.message : String(error);
        }
        if (attempt >= ATTEMPTS) throw new Error(`Prediction of flight '${String(flight['flightId'])}' failed: ${failure}`);
        onRetry();
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
      }
    },
    close: () => pool.close(),
  };
}
