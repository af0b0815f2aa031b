"""Calls a server by the unchanged Triton clients and prints what came back, as JSON: triton_calls.py HTTP GRPC VERSION KEY."""

import json
import queue
import sys

import numpy as np
import tritonclient.grpc as by_grpc
import tritonclient.http as by_http
from tritonclient._plugin import InferenceServerClientPlugin
from tritonclient.utils import InferenceServerException

HTTP, GRPC, VERSION, KEY = sys.argv[1:]
MODEL = "delay"
ROWS = np.array([[2, 40, 500, 3], [np.nan, 0, 100, 2], [1, -5, 10, 0]], dtype=np.float32)


def metadata(client, **more):
    server = client.get_server_metadata(**more)
    model = client.get_model_metadata(MODEL, **more)
    named = client.get_model_metadata(MODEL, VERSION, **more)
    return {"server": server, "model": model, "named": named, "index": client.get_model_repository_index(**more)}


def health(client):
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model": client.is_model_ready(MODEL),
        "version": client.is_model_ready(MODEL, VERSION),
        "otherVersion": client.is_model_ready(MODEL, "99"),
    }


def one_input(kit, rows=ROWS, datatype="FP32", **how):
    tensor = kit.InferInput("features", list(rows.shape), datatype)
    tensor.set_data_from_numpy(rows, **how)
    return [tensor]


def answer(result, names=("score", "label")):
    response = result.get_response()
    if not isinstance(response, dict):
        response = {"model_name": response.model_name, "model_version": response.model_version, "id": response.id}
    outputs = {}
    for name in names:
        array = result.as_numpy(name)
        outputs[name] = None if array is None else [array.tolist(), str(array.dtype), list(array.shape)]
    return {"outputs": outputs, "response": {k: response.get(k) for k in ("model_name", "model_version", "id")}}


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return {"status": error.status(), "message": error.message()}
    return None


def http_inference(client):
    kit = by_http
    wanted = lambda binary: [kit.InferRequestedOutput(n, binary_data=binary) for n in ("score", "label")]
    infer = lambda **o: answer(client.infer(MODEL, **o))
    return {
        "binary": infer(inputs=one_input(kit), request_id="abc"),
        "named version": infer(inputs=one_input(kit), model_version=VERSION),
        "binary in, JSON out": infer(inputs=one_input(kit), outputs=wanted(False)),
        "JSON in, binary out": infer(inputs=one_input(kit, np.nan_to_num(ROWS), binary_data=False), outputs=wanted(True)),
        "gzip": infer(
            inputs=one_input(kit, np.tile(ROWS, (100, 1))),
            request_compression_algorithm="gzip",
            response_compression_algorithm="gzip",
        ),
        "deflate": infer(
            inputs=one_input(kit, np.tile(ROWS, (100, 1))),
            request_compression_algorithm="deflate",
            response_compression_algorithm="deflate",
        ),
        "label only": answer(
            client.infer(MODEL, one_input(kit), outputs=[kit.InferRequestedOutput("label")]), names=("label",)
        ),
        "asynchronous": answer(client.async_infer(MODEL, one_input(kit)).get_result()),
        "with a timeout": infer(inputs=one_input(kit), timeout=5_000_000),
    }


def grpc_inference(client):
    kit = by_grpc
    infer = lambda **o: answer(client.infer(MODEL, **o))
    return {
        "raw": infer(inputs=one_input(kit), request_id="abc"),
        "named version": infer(inputs=one_input(kit), model_version=VERSION),
        "label only": answer(
            client.infer(MODEL, one_input(kit), outputs=[kit.InferRequestedOutput("label")]), names=("label",)
        ),
        "with a timeout": infer(inputs=one_input(kit), timeout=5_000_000),
        "with a deadline": infer(inputs=one_input(kit), client_timeout=5),
        "gzip": infer(inputs=one_input(kit), compression_algorithm="gzip"),
    }


def configured(client, **more):
    return {
        "config": client.get_model_config(MODEL, VERSION, **more),
        "statistics": client.get_inference_statistics(MODEL, **more),
        "all": client.get_inference_statistics(**more),
        "unknown": refused(lambda: client.get_model_config("nobody")),
    }


def streamed(client):
    """Every row by itself, and a request in the middle that is wrong."""
    answered = queue.Queue()
    client.start_stream(callback=lambda result, error: answered.put((result, error)))
    sent = [ROWS[i : i + 1] for i in range(len(ROWS))]
    for i, rows in enumerate([sent[0], ROWS[:, :2], *sent[1:]]):
        client.async_stream_infer(MODEL, one_input(by_grpc, np.ascontiguousarray(rows)), request_id=str(i))
    found = [answered.get(timeout=30) for _ in range(len(ROWS) + 1)]
    client.stop_stream()
    return [{"error": error.message()} if error else answer(result) for result, error in found]


def refusals(kit, client):
    double = ROWS.astype(np.float64)
    return {
        "unknown model": refused(lambda: client.infer("nobody", one_input(kit))),
        "unknown version": refused(lambda: client.infer(MODEL, one_input(kit), model_version="99")),
        "wrong datatype": refused(lambda: client.infer(MODEL, one_input(kit, double, "FP64"))),
        "wrong shape": refused(lambda: client.infer(MODEL, one_input(kit, np.ascontiguousarray(ROWS[:, :2])))),
        "no rows": refused(lambda: client.infer(MODEL, one_input(kit, ROWS[:0]))),
        "unknown output": refused(
            lambda: client.infer(MODEL, one_input(kit), outputs=[kit.InferRequestedOutput("nothing")])
        ),
        "unknown model's metadata": refused(lambda: client.get_model_metadata("nobody")),
    }


class SendKey(InferenceServerClientPlugin):
    """The clients' own way to add a header to every call."""

    def __call__(self, request):
        request.headers["x-api-key"] = KEY


def control(kit, client, **more):
    """Without the plugin, so that each call sends its own headers."""
    key = {"x-api-key": KEY}
    row = lambda: refused(lambda: client.infer(MODEL, one_input(kit), headers=key))
    seen = {
        "without a key": refused(lambda: client.unload_model(MODEL)),
        "unknown": refused(lambda: client.unload_model("nobody", headers=key)),
        "with a configuration": refused(lambda: client.load_model(MODEL, headers=key, config="{}")),
    }
    client.unload_model(MODEL, headers=key)
    seen["unloaded"] = {
        "ready": [client.is_server_ready(headers=key), client.is_model_ready(MODEL, headers=key)],
        "index": client.get_model_repository_index(headers=key, **more),
        "infer": row(),
    }
    client.load_model(MODEL, headers=key)
    seen["loaded"] = {
        "ready": [client.is_server_ready(headers=key), client.is_model_ready(MODEL, headers=key)],
        "index": client.get_model_repository_index(headers=key, **more),
        "infer": row(),
    }
    return seen


with by_http.InferenceServerClient(HTTP) as http, by_grpc.InferenceServerClient(GRPC) as grpc:
    controlled = {"http": control(by_http, http), "grpc": control(by_grpc, grpc, as_json=True)}
    http.register_plugin(SendKey())
    grpc.register_plugin(SendKey())
    print(
        json.dumps(
            {
                "rows": np.nan_to_num(ROWS).tolist(),
                "http": {
                    "control": controlled["http"],
                    "health": health(http),
                    "metadata": metadata(http),
                    "inference": http_inference(http),
                    "refusals": refusals(by_http, http),
                    "configured": configured(http),
                },
                "grpc": {
                    "control": controlled["grpc"],
                    "health": health(grpc),
                    "metadata": metadata(grpc, as_json=True),
                    "inference": grpc_inference(grpc),
                    "refusals": refusals(by_grpc, grpc),
                    "streamed": streamed(grpc),
                    "configured": configured(grpc, as_json=True),
                },
            }
        )
    )
