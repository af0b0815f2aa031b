"""Feast's side of the comparison: one command a process, one JSON line as its answer.

    feast_peer.py materialize REPO DATA REDIS
    feast_peer.py historical REPO DATA REDIS STORE
    feast_peer.py online REPO DATA REDIS
    feast_peer.py serve REPO DATA REDIS PORT

REPO is a scratch folder, DATA the folder with <view>.parquet and spine.parquet, REDIS host:port,db=N.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.infra.offline_stores.dask import DaskOfflineStoreConfig
from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
from feast.infra.online_stores.redis import RedisOnlineStoreConfig
from feast.types import Float64
from feast.value_type import ValueType

VIEWS = ("profile", "activity", "balance")
ROUNDS = 3
READS = {1: 2000, 10: 1000, 100: 300}
WARM_UP = 0.2
AFTER_ALL = datetime(2026, 2, 1, tzinfo=timezone.utc)

command, repo, data, redis = sys.argv[1:5]


def store_of(offline: str) -> FeatureStore:
    stores = {"file": DaskOfflineStoreConfig(), "duckdb": DuckDBOfflineStoreConfig()}
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(Path(repo) / "registry.db"),
        repo_path=Path(repo),
        online_store=RedisOnlineStoreConfig(connection_string=redis),
        offline_store=stores[offline],
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    customer = Entity(name="customer", join_keys=["customer"], value_type=ValueType.STRING)
    views = []
    for view in VIEWS:
        path = str(Path(data) / f"{view}.parquet")
        columns = [name for name in pq.read_schema(path).names if name.startswith("f")]
        views.append(
            FeatureView(
                name=view,
                entities=[customer],
                ttl=timedelta(days=3650),
                schema=[Field(name=name, dtype=Float64) for name in columns],
                source=FileSource(path=path, timestamp_field="event_timestamp"),
            )
        )
    store.apply([customer, *views])
    return store


def features_of(store: FeatureStore) -> list[str]:
    views = sorted(store.list_feature_views(), key=lambda view: VIEWS.index(view.name))
    return [f"{view.name}:{field.name}" for view in views for field in view.features]


def materialize() -> dict:
    store = store_of("file")
    started = time.perf_counter()
    store.materialize_incremental(end_date=AFTER_ALL)
    seconds = time.perf_counter() - started
    rows = sum(pq.read_metadata(Path(data) / f"{view}.parquet").num_rows for view in VIEWS)
    return {"seconds": seconds, "rows": rows}


def historical() -> dict:
    store = store_of(sys.argv[5])
    spine = pd.read_parquet(Path(data) / "spine.parquet")
    features = features_of(store)
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        joined = store.get_historical_features(entity_df=spine[["customer", "event_timestamp"]], features=features).to_df()
        taken.append(time.perf_counter() - started)
    joined = joined.sort_values(["customer", "event_timestamp"]).reset_index(drop=True)
    total = float(joined[[name.split(":")[1] for name in features]].to_numpy(dtype="float64", na_value=0.0).sum())
    return {"seconds": min(taken), "rows": len(joined), "sum": total}


def online() -> dict:
    store = store_of("file")
    features = features_of(store)
    spine = pd.read_parquet(Path(data) / "spine.parquet")["customer"].tolist()
    answer = {}
    for size, reads in READS.items():
        taken = []
        for i in range(reads):
            first = (i * size) % (len(spine) - size)
            rows = [{"customer": customer} for customer in spine[first : first + size]]
            started = time.perf_counter()
            store.get_online_features(features=features, entity_rows=rows).to_dict()
            taken.append((time.perf_counter() - started) * 1000)
        kept = sorted(taken[int(reads * WARM_UP) :])
        answer[str(size)] = {"p50": kept[len(kept) // 2], "p99": kept[int((len(kept) - 1) * 0.99)]}
    return answer


def serve() -> None:
    store = store_of("file")
    store.serve(
        host="127.0.0.1",
        port=int(sys.argv[5]),
        type_="http",
        no_access_log=True,
        workers=1,
        # Its default ends the worker after a thousand requests, and with it the connections of the load.
        max_requests=0,
        max_requests_jitter=0,
        keep_alive_timeout=30,
        registry_ttl_sec=3600,
    )


if command == "serve":
    serve()
else:
    print(json.dumps({"materialize": materialize, "historical": historical, "online": online}[command]()))
