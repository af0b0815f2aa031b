#!/usr/bin/env python3
"""The yardstick of the flights example: LightGBM retrained every month on the rows that were served.

Run:  pip install -r requirements.txt
      python lightgbm_yardstick.py ROWS [--served SERVED] [--categorical f47,f48] [--first-month 4]

ROWS is a .csv (or .csv.gz) or .npz table of served rows with labels, or a folder of .npy files, one a column: columns f0 ... fn (the feature row as it was served,
empty or NaN where null), label (0 or 1), month (1 to 12) and decision_time (any increasing number). If it
has label_time (same unit), a label trains a month only if it was known before that month's first decision.
An .npz or a folder may hold the features as one matrix `features` instead. Rows without a label are left out.

With --served the models are trained on ROWS (what training reads) and tested on the rows of SERVED (what was served);
where that has `score` (what was answered) and `frozen_score` (what the first version answers), each month and the whole
carry their figures as `served` and `firstVersion`, and `difference`, AUC of what served minus LightGBM's.

For each month from --first-month on it trains on all earlier months with fixed settings, and prints one JSON
object: per month the rows trained on and scored, the base rate, AUC, log loss and mean score, beside the same figures
of the model of the first month kept frozen, and both AUCs over all months together. No tuning, no early
stopping, one thread: the same rows give the same figures on one machine.
"""

import argparse
import csv
import gzip
import json
import os
import re
import sys

import lightgbm
import numpy as np

TREES = 200
SETTINGS = {
    "objective": "binary",
    "num_leaves": 31,
    "learning_rate": 0.06,
    "min_data_in_leaf": 100,
    "feature_fraction": 0.7,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
FEATURE = re.compile(r"f\d+$")
# Column of an answer -> its name in the result.
ANSWERS = {"score": "served", "frozen_score": "firstVersion"}


def read_arrays(path):
    if os.path.isdir(path):
        names = [name[: -len(".npy")] for name in sorted(os.listdir(path)) if name.endswith(".npy")]
        return {name: np.load(os.path.join(path, f"{name}.npy")) for name in names}
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_columns(path):
    if os.path.isdir(path) or path.endswith(".npz"):
        columns = read_arrays(path)
        features = columns.pop("features", None)
        if features is not None:
            columns.update({f"f{i}": features[:, i] for i in range(features.shape[1])})
        return columns
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = np.array([[float(cell) if cell else np.nan for cell in row] for row in reader])
    return {name: rows[:, index] for index, name in enumerate(header)}


def read_table(path):
    columns = read_columns(path)
    names = sorted((name for name in columns if FEATURE.match(name)), key=lambda name: int(name[1:]))
    missing = [name for name in ("label", "month", "decision_time") if name not in columns]
    if not names or missing:
        sys.exit(f"{path}: expected columns f0 ... fn, label, month, decision_time; found {sorted(columns)}.")
    table = {name: np.asarray(columns[name], dtype=np.float64) for name in ("label", "month", "decision_time")}
    table["label_time"] = np.asarray(columns.get("label_time", np.full(len(table["label"]), -np.inf)), dtype=np.float64)
    for name in ANSWERS:
        if name in columns:
            table[name] = np.asarray(columns[name], dtype=np.float64)
    # Served rows are float32; LightGBM sees the same values.
    features = np.column_stack([np.asarray(columns[name], dtype=np.float32) for name in names])
    labelled = ~np.isnan(table["label"])
    return names, features[labelled], {name: column[labelled] for name, column in table.items()}


def auc(label, score):
    """Area under the ROC curve by ranks, ties shared; None where only one class is there."""
    positives = int(label.sum())
    negatives = len(label) - positives
    if positives == 0 or negatives == 0:
        return None
    _, rank_of, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((mean_ranks[rank_of][label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def figures(label, score):
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    log_loss = -np.mean(np.where(label == 1, np.log(clipped), np.log(1 - clipped)))
    return {"auc": auc(label, score), "logLoss": float(log_loss), "meanScore": float(score.mean())}


def answers(table, rows, lightgbm_auc):
    """Figures of what was answered for the rows, and how far it is from LightGBM."""
    label = table["label"][rows]
    found = {key: figures(label, table[name][rows]) for name, key in ANSWERS.items() if name in table}
    served = found.get("served", {}).get("auc")
    if served is not None and lightgbm_auc is not None:
        found["difference"] = served - lightgbm_auc
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--served", help="rows to test on; without it, those of the month in ROWS")
    parser.add_argument("--categorical", default="", help="names of the columns that hold category codes")
    parser.add_argument("--first-month", type=int, default=4, help="the first month to score (default 4)")
    arguments = parser.parse_args()
    names, features, table = read_table(arguments.rows)
    tested_names, tested_features, tested = read_table(arguments.served) if arguments.served else (names, features, table)
    if tested_names != names:
        sys.exit(f"{arguments.served}: expected columns {names[0]} to {names[-1]}, found {len(tested_names)} features.")
    categorical = [name for name in arguments.categorical.split(",") if name]
    unknown = [name for name in categorical if name not in names]
    if unknown:
        sys.exit(f"--categorical: {unknown} are no feature columns; found {names[0]} to {names[-1]}.")

    frozen = None
    months, scored, scored_rows = [], [], []
    for month in range(arguments.first_month, 13):
        test = np.flatnonzero(tested["month"] == month)
        if not test.size:
            continue
        known = table["label_time"] < tested["decision_time"][test].min()
        train = (table["month"] < month) & known
        label = table["label"][train]
        if not 0 < label.sum() < len(label):
            sys.exit(f"Month {month}: no earlier month has rows of both labels; choose a later --first-month.")
        data = lightgbm.Dataset(features[train], label, feature_name=names, categorical_feature=categorical)
        model = lightgbm.train(SETTINGS, data, num_boost_round=TREES)
        frozen = frozen or model
        truth, score, frozen_score = (
            tested["label"][test], model.predict(tested_features[test]), frozen.predict(tested_features[test])
        )  # fmt: skip
        scored.append((truth, score, frozen_score))
        scored_rows.append(test)
        own = figures(truth, score)
        months.append({
            "month": month, "trainedRows": int(train.sum()), "rows": int(test.size), "baseRate": float(truth.mean()),
            **own, "frozen": figures(truth, frozen_score), **answers(tested, test, own["auc"]),
        })  # fmt: skip
    if not scored:
        sys.exit(f"{arguments.served or arguments.rows}: no labelled rows in month {arguments.first_month} or later.")
    truth, score, frozen_score = (np.concatenate(parts) for parts in zip(*scored))
    own = figures(truth, score)
    overall = {
        "rows": len(truth), **own, "frozen": figures(truth, frozen_score),
        **answers(tested, np.concatenate(scored_rows), own["auc"]),
    }  # fmt: skip
    settings = {"trees": TREES, **SETTINGS, "lightgbm": lightgbm.__version__}
    print(json.dumps({"months": months, "overall": overall, "settings": settings}, indent=2))


if __name__ == "__main__":
    main()
