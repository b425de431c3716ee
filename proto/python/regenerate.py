#!/usr/bin/env python3
"""Writes the stubs in forkpoint/ anew from the contracts in the folder above.

Needs the versions it was last run with, so that the output is the same everywhere:
    pip install grpcio-tools==1.84.0 googleapis-common-protos
usage: regenerate.py [OUT_DIR]      default: this folder
"""
import pathlib
import sys
from importlib.resources import files

from google.rpc import status_pb2
from grpc_tools import protoc

here = pathlib.Path(__file__).resolve().parent
contracts = here.parent
out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
out.mkdir(parents=True, exist_ok=True)

well_known = str(files("grpc_tools") / "_proto")
googleapis = str(pathlib.Path(status_pb2.__file__).parents[2])
names = sorted(str(p.relative_to(contracts)) for p in (contracts / "forkpoint").rglob("*.proto"))
arguments = [
    "protoc",
    f"-I{contracts}",
    f"-I{googleapis}",
    f"-I{well_known}",
    f"--python_out={out}",
    f"--pyi_out={out}",
    f"--grpc_python_out={out}",
    *names,
]
if protoc.main(arguments) != 0:
    sys.exit("protoc failed")
# Messages alone have no services: protoc writes an empty stub file for them.
for stub in out.glob("forkpoint/**/*_pb2_grpc.py"):
    if "class " not in stub.read_text():
        stub.unlink()
print(f"{len(names)} contracts -> {out}")
