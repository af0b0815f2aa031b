"""Teaches schemathesis the media type of bulk predictions: one line a value."""

import json

import schemathesis

NDJSON = "application/x-ndjson"


@schemathesis.serializer(NDJSON)
def one_line(_context, value):
    return value if isinstance(value, bytes) else json.dumps(value).encode() + b"\n"


@schemathesis.deserializer(NDJSON)
def first_line(_context, response):
    return json.loads(response.content.splitlines()[0])
