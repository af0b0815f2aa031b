"""The reference models as a service of BentoML."""
import os

import bentoml
import numpy as np
import onnxruntime


def open_session(variable: str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(os.environ[variable], options, providers=["CPUExecutionProvider"])


@bentoml.service(workers=1, traffic={"timeout": 60, "max_concurrency": 4096})
class Reference:
    def __init__(self) -> None:
        self.mlp_session = open_session("MLP_FILE")
        self.trees_session = open_session("TREES_FILE")

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=10_000)
    def mlp(self, rows: np.ndarray) -> np.ndarray:
        return self.mlp_session.run(["score"], {"features": rows.astype(np.float32)})[0]

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=10_000)
    def trees(self, rows: np.ndarray) -> np.ndarray:
        return self.trees_session.run(["score"], {"features": rows.astype(np.float32)})[0]
