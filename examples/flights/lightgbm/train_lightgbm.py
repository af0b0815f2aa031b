#!/usr/bin/env python3
"""Trains LightGBM on rows that Millrace exported and saves it as ONNX: train_lightgbm.py ROWS MODEL.onnx

ROWS is the folder that `millrace models export-rows` wrote. It learns from the training part, and prints one JSON
object with what LightGBM itself reaches on the hold-out: `millrace models import` finds the same.
"""

import json
import os
import sys

import lightgbm
import numpy as np
import onnx
from onnxmltools.convert import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

TREES = 200
SETTINGS = {
    "objective": "binary",
    "num_leaves": 31,
    "learning_rate": 0.06,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "num_threads": 1,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
TRAINING, HOLDOUT = 1, 2
OPSET = 15


def auc(label, score):
    """Area under the ROC curve by ranks, ties shared."""
    positives = int(label.sum())
    negatives = len(label) - positives
    _, rank_of, counts = np.unique(score, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((mean_ranks[rank_of][label == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def main():
    folder, out = sys.argv[1:]
    features, label, part = (np.load(os.path.join(folder, f"{name}.npy")) for name in ("features", "label", "part"))
    with open(os.path.join(folder, "columns.json")) as file:
        columns = json.load(file)
    # Characters that LightGBM keeps for itself do not occur in names; categories are numbers, the frequent ones first.
    names = columns["numericNames"] + [category["name"] for category in columns["categories"]]
    names = [name.replace(".", "_") for name in names]
    data = lightgbm.Dataset(features[part == TRAINING], label[part == TRAINING], feature_name=names)
    model = lightgbm.train(SETTINGS, data, num_boost_round=TREES)

    # Null is NaN, and LightGBM's trees say where it goes. Without zipmap=False probabilities come as maps, which are refused.
    inputs = [("features", FloatTensorType([None, features.shape[1]]))]
    graph = convert_lightgbm(model, initial_types=inputs, zipmap=False, target_opset=OPSET)
    onnx.save(graph, out)

    truth = label[part == HOLDOUT]
    score = np.clip(model.predict(features[part == HOLDOUT]), 1e-15, 1 - 1e-15)
    log_loss = float(-np.mean(np.where(truth == 1, np.log(score), np.log(1 - score))))
    rows = {"training": int((part == TRAINING).sum()), "holdout": len(truth)}
    print(json.dumps({"model": out, "rows": rows, "auc": auc(truth, score), "logLoss": log_loss}))


if __name__ == "__main__":
    main()
