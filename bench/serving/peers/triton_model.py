"""A reference model behind Triton's Python backend: the requests of a batch in one run of ONNX Runtime."""
import os

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        features = [pb_utils.get_input_tensor_by_name(request, "features").as_numpy() for request in requests]
        (scores,) = self.session.run(["score"], {"features": np.concatenate(features)})
        responses = []
        at = 0
        for rows in features:
            part = scores[at : at + len(rows)].reshape(-1, 1)
            at += len(rows)
            responses.append(pb_utils.InferenceResponse([pb_utils.Tensor("score", part)]))
        return responses
