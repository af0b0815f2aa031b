import { readDataTable } from './data-table.ts';
import type { Weather } from './flight-event.ts';
import { compactInstant } from './flight-table.ts';

const dataEpoch = Date.UTC(2013, 0, 1);
const minuteMs = 60_000;

/** The hourly weather of the three airports over the whole year, ordered by hour and airport. */
export function readWeatherTable(): readonly Weather[] {
  const data = readDataTable(new URL('data/weather-2013.csv.gz', import.meta.url));
  const observed = data.numbers('observed');
  const origins = data.texts('origin');
  const column = (name: string): ((row: number) => number | null) => {
    const values = data.numbers(name);
    return (row) => (Number.isNaN(values[row]) ? null : (values[row] as number));
  };
  const temperature = column('temperature');
  const dewPoint = column('dew_point');
  const humidity = column('humidity');
  const windDirection = column('wind_direction');
  const windSpeed = column('wind_speed');
  const windGust = column('wind_gust');
  const precipitation = column('precipitation');
  const pressure = column('pressure');
  const visibility = column('visibility');
  return origins.map((origin, row) => {
    const observedAt = dataEpoch + (observed[row] as number) * minuteMs;
    return {
      eventId: `weather/${compactInstant(observedAt)}-${origin}`,
      origin,
      observedAt,
      temperature: temperature(row),
      dewPoint: dewPoint(row),
      humidity: humidity(row),
      windDirection: windDirection(row),
      windSpeed: windSpeed(row),
      windGust: windGust(row),
      precipitation: precipitation(row),
      pressure: pressure(row),
      visibility: visibility(row),
    };
  });
}
