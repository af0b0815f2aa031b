interface Event<Source extends string, Payload> {
  readonly source: Source;
  /** When the airline's or the weather office's systems would have told us, milliseconds since the Unix epoch. */
  readonly knownTime: number;
  /** Unique over all sources; a redelivery carries it again. */
  readonly id: string;
  readonly payload: Payload;
}

/*
 * Payloads are type aliases, not interfaces, so that they are assignable to an index signature. Times are
 * milliseconds since the Unix epoch, delays minutes (negative: early), distances miles.
 */

/** What every event of a flight repeats, so that each one can be counted by any entity of the flight. */
export type FlightFacts = {
  readonly eventId: string;
  readonly flightId: string;
  readonly scheduledAt: number;
  readonly scheduledArrivalAt: number;
  readonly carrier: string;
  /** For example 'UA1545': the same flight of another day. */
  readonly flightCode: string;
  /** Null for 2,512 flights, all of them cancelled. */
  readonly tailNumber: string | null;
  readonly origin: string;
  readonly dest: string;
  /** For example 'JFK-LAX'. */
  readonly route: string;
  /** For example 'UA-EWR'. */
  readonly carrierOrigin: string;
};

/** Known three hours before scheduled departure. */
export type FlightScheduled = FlightFacts & {
  readonly publishedAt: number;
  readonly flightNumber: number;
  readonly distance: number;
};

/** Known when it left. An early departure has `scheduledAt` after its known time. */
export type FlightDeparted = FlightFacts & { readonly departedAt: number; readonly depDelay: number };

/** Known when it landed; `arrDelay`, `late` and `airTime` (minutes) are null for a flight that was diverted on its way. */
export type FlightArrived = FlightFacts & {
  readonly arrivedAt: number;
  readonly arrDelay: number | null;
  /** More than 15 minutes late: the label. */
  readonly late: boolean | null;
  readonly airTime: number | null;
};

/** The source does not say when a flight was called off: taken as known at its scheduled departure. */
export type FlightCancelled = FlightFacts & { readonly cancelledAt: number };

/** One airport's hour, known ten minutes later. Fahrenheit, miles per hour, inches, millibars, miles, degrees. */
export type Weather = {
  readonly eventId: string;
  readonly origin: string;
  readonly observedAt: number;
  readonly temperature: number | null;
  readonly dewPoint: number | null;
  readonly humidity: number | null;
  readonly windDirection: number | null;
  readonly windSpeed: number | null;
  readonly windGust: number | null;
  readonly precipitation: number | null;
  readonly pressure: number | null;
  readonly visibility: number | null;
};

export type FlightEvent =
  | Event<'flight_scheduled', FlightScheduled>
  | Event<'flight_departed', FlightDeparted>
  | Event<'flight_arrived', FlightArrived>
  | Event<'flight_cancelled', FlightCancelled>
  | Event<'weather', Weather>;

export type FlightSource = FlightEvent['source'];
