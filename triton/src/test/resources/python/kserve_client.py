"""A client made from the protocol's proto alone. Arguments: directory of kserve_v2.proto, host:port."""

import struct
import sys
import tempfile

import grpc
from grpc_tools import protoc

proto_dir, address = sys.argv[1:]
stubs = tempfile.mkdtemp()
assert protoc.main(
    ["protoc", f"-I{proto_dir}", f"--python_out={stubs}", f"--grpc_python_out={stubs}", "kserve_v2.proto"]
) == 0
sys.path.insert(0, stubs)
import kserve_v2_pb2 as pb  # noqa: E402
import kserve_v2_pb2_grpc as rpc  # noqa: E402

stub = rpc.GRPCInferenceServiceStub(grpc.insecure_channel(address))
assert stub.ServerReady(pb.ServerReadyRequest()).ready


def request(max_tokens, chunk_tokens, typed):
    r = pb.ModelInferRequest(model_name="policy", id="py")
    for name, datatype, values in [
        ("prompt_ids", "INT32", [1, 2]),
        ("seed", "INT64", [42]),
        ("max_tokens", "INT32", [max_tokens]),
        ("chunk_tokens", "INT32", [chunk_tokens]),
        ("ignore_eos", "BOOL", [True]),
    ]:
        tensor = r.inputs.add(name=name, datatype=datatype, shape=[len(values)])
        if typed:  # the lists of the specification
            field = {"INT32": "int_contents", "INT64": "int64_contents", "BOOL": "bool_contents"}[datatype]
            getattr(tensor.contents, field).extend(values)
        else:
            r.raw_input_contents.append(struct.pack("<%d%s" % (len(values), {"INT32": "i", "INT64": "q", "BOOL": "?"}[datatype]), *values))
    return r


def outputs(response):
    formats = {"INT32": "i", "INT64": "q", "FP32": "f"}
    return {
        o.name: struct.unpack("<%d%s" % (o.shape[0], formats[o.datatype]), raw)
        for o, raw in zip(response.infer_response.outputs, response.infer_response.raw_output_contents)
    }


for typed in (False, True):
    tokens, versions, finish = [], set(), 0
    for response in stub.ModelStreamInfer(iter([request(20, 4, typed)])):
        assert not response.error_message, response.error_message
        got = outputs(response)
        tokens += got["token_ids"]
        versions |= set(got["policy_versions"])
        finish = got["finish_reason"][0]
        assert response.infer_response.parameters["triton_final_response"].bool_param == (finish != 0)
        assert len(got["entropies"]) == len(got["token_ids"])
    print("tokens", tokens)
    print("versions", sorted(versions))
    print("finish", finish)

call = stub.ModelStreamInfer(iter([request(90_000, 4, False)]))
next(call)
call.cancel()
try:
    for _ in call:
        pass
except grpc.RpcError as e:
    print("cancelled", e.code().name)
