"""Sends tensors of every datatype by the unchanged Triton clients and prints what came back, as JSON: triton_tensors.py HTTP GRPC."""

import json
import sys

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.http as by_http
from tritonclient.utils import InferenceServerException

HTTP, GRPC = sys.argv[1:]
MODEL, UNSHARED = "identity", "mean"
SENT = {
    "BOOL": np.array([[True, False], [False, True], [True, True]]),
    "UINT8": np.array([[0, 255], [1, 2], [3, 4]], np.uint8),
    "UINT16": np.array([[0, 2**16 - 1], [1, 2], [3, 4]], np.uint16),
    "UINT32": np.array([[0, 2**32 - 1], [1, 2], [3, 4]], np.uint32),
    "UINT64": np.array([[0, 2**64 - 1], [1, 2], [3, 4]], np.uint64),
    "INT8": np.array([[-128, 127], [1, 2], [3, 4]], np.int8),
    "INT16": np.array([[-(2**15), 2**15 - 1], [1, 2], [3, 4]], np.int16),
    "INT32": np.array([[-(2**31), 2**31 - 1], [1, 2], [3, 4]], np.int32),
    "INT64": np.array([[-(2**63), 2**63 - 1], [1, 2], [3, 4]], np.int64),
    "FP16": np.array([[np.nan, 65504], [-0.0, 0.1], [np.inf, 6e-8]], np.float16),
    "FP32": np.array([[np.nan, 3.4e38], [-0.0, 0.1], [np.inf, 1e-45]], np.float32),
    "FP64": np.array([[np.nan, 1.7e308], [-0.0, 0.1], [np.inf, 5e-324]], np.float64),
    "BYTES": np.array([["", "a"], ["grüße", "日本"], ["x" * 1000, "\U0001f600"]], np.object_),
}
# What JSON can say: neither halves nor NaN, infinities and whole numbers beyond 2^53.
PLAIN = {name: np.array([[1, 0], [2, 3]]).astype(array.dtype) for name, array in SENT.items() if name not in ("FP16", "BYTES")}
PLAIN["BYTES"] = np.array([["a", "b"], ["ü", ""]], np.object_)


def inputs_of(kit, arrays, **how):
    tensors = []
    for name, array in arrays.items():
        tensor = kit.InferInput(f"in_{name}", list(array.shape), name)
        tensor.set_data_from_numpy(array, **how)
        tensors.append(tensor)
    return tensors


def same(sent, found):
    if found is None:
        return "missing"
    if sent.dtype == np.object_:
        texts = [value.decode() if isinstance(value, bytes) else value for value in found.reshape(-1)]
        return texts == list(sent.reshape(-1)) and found.shape == sent.shape
    # To the bit: NaN, -0 and all.
    return found.dtype == sent.dtype and found.shape == sent.shape and found.tobytes() == sent.tobytes()


def answered(result, arrays):
    return {name: same(array, result.as_numpy(f"out_{name}")) for name, array in arrays.items()}


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


def side(kit, client, **as_json):
    wanted = [kit.InferRequestedOutput(f"out_{name}") for name in ("INT64", "BYTES")]
    some = client.infer(MODEL, inputs_of(kit, SENT), outputs=wanted)
    names = [output["name"] if isinstance(output, dict) else output.name for output in outputs_of(some.get_response())]
    mean = kit.InferInput("x", [4, 2], "FP64")
    mean.set_data_from_numpy(np.arange(8, dtype=np.float64).reshape(4, 2))
    mistyped = dict(SENT, INT8=SENT["INT8"].astype(np.int8)[:, :1])
    return {
        "metadata": client.get_model_metadata(MODEL, **as_json),
        "all": answered(client.infer(MODEL, inputs_of(kit, SENT)), SENT),
        "some": {"names": names, "same": [same(SENT[name], some.as_numpy(f"out_{name}")) for name in ("INT64", "BYTES")]},
        "mean": client.infer(UNSHARED, [mean]).as_numpy("m").tolist(),
        "refusals": {
            "shape": refused(lambda: client.infer(MODEL, inputs_of(kit, mistyped))),
            "missing": refused(lambda: client.infer(MODEL, inputs_of(kit, {"INT8": SENT["INT8"]}))),
            "output": refused(
                lambda: client.infer(MODEL, inputs_of(kit, SENT), outputs=[kit.InferRequestedOutput("nothing")])
            ),
        },
    }


def outputs_of(response):
    return response["outputs"] if isinstance(response, dict) else response.outputs


def in_json(client):
    """Without binary tensors; halves have to go as binary."""
    halves = {"FP16": np.array([[1, 0.5], [2, 4]], np.float16)}
    inputs = inputs_of(by_http, PLAIN, binary_data=False) + inputs_of(by_http, halves)
    wanted = [by_http.InferRequestedOutput(f"out_{name}", binary_data=False) for name in [*PLAIN, "FP16"]]
    return answered(client.infer(MODEL, inputs, outputs=wanted), {**PLAIN, **halves})


with by_http.InferenceServerClient(HTTP) as http, by_grpc.InferenceServerClient(GRPC) as grpc:
    print(json.dumps({"http": side(by_http, http), "grpc": side(by_grpc, grpc, as_json=True), "json": in_json(http)}))
