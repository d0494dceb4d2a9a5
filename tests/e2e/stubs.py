"""gRPC stubs, generated at first use by protoc and grpc_python_plugin from what script/protos
writes."""

import atexit
import importlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import grpc

from harness import ROOT

GOOGLEAPIS = ("/usr/share/gocode/src/github.com/grpc-ecosystem/grpc-gateway/"
              "third_party/googleapis")
PROTOS = ("runsd/gateway/v1/options.proto", "runs/v1/bulk.proto", "runs/v1/error_reason.proto",
          "runs/v1/feed.proto", "runs/v1/lease.proto", "runs/v1/organizations_service.proto",
          "runs/v1/run.proto", "runs/v1/runs_service.proto", "runs/v1/tokens_service.proto",
          "google/api/annotations.proto", "google/api/http.proto", "google/rpc/status.proto",
          "google/rpc/error_details.proto", "grpc/health/v1/health.proto",
          "grpc/reflection/v1/reflection.proto", "grpc/reflection/v1alpha/reflection.proto")


def archive(path):
    """Writes script/protos' archive to path."""
    subprocess.run([ROOT / "script" / "protos", path], check=True, stdout=subprocess.DEVNULL)


def _folder():
    path = tempfile.mkdtemp(prefix="runsd-stubs-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def _unpacked():
    folder = _folder()
    archive(f"{folder}/protos.tar.gz")
    with tarfile.open(f"{folder}/protos.tar.gz") as packed:
        packed.extractall(folder)
    return f"{folder}/runsd-protos"


PROTOS_FOLDER = _unpacked()
INCLUDES = (PROTOS_FOLDER, GOOGLEAPIS, "/usr/share/grpc-proto", "/usr/include")


def _generate():
    target = _folder()
    subprocess.run(["protoc", *(f"-I{i}" for i in INCLUDES), f"--python_out={target}",
                    f"--grpc_python_out={target}",
                    "--plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin", *PROTOS],
                   check=True)
    sys.path.insert(0, target)
    # The protos of grpc.* are generated into the package that gRPC itself is.
    grpc.__path__.append(f"{target}/grpc")
    return target


FOLDER = _generate()  # of the generated modules
bulk_pb2 = importlib.import_module("runs.v1.bulk_pb2")
bulk_grpc = importlib.import_module("runs.v1.bulk_pb2_grpc")
organizations_pb2 = importlib.import_module("runs.v1.organizations_service_pb2")
organizations_grpc = importlib.import_module("runs.v1.organizations_service_pb2_grpc")
feed_pb2 = importlib.import_module("runs.v1.feed_pb2")
lease_pb2 = importlib.import_module("runs.v1.lease_pb2")
run_pb2 = importlib.import_module("runs.v1.run_pb2")
lease_pb2 = importlib.import_module("runs.v1.lease_pb2")
Duration = importlib.import_module("google.protobuf.duration_pb2").Duration
bulk_pb2 = importlib.import_module("runs.v1.bulk_pb2")
organizations_pb2 = importlib.import_module("runs.v1.organizations_service_pb2")
organizations_grpc = importlib.import_module("runs.v1.organizations_service_pb2_grpc")
service_pb2 = importlib.import_module("runs.v1.runs_service_pb2")
service_grpc = importlib.import_module("runs.v1.runs_service_pb2_grpc")
tokens_pb2 = importlib.import_module("runs.v1.tokens_service_pb2")
tokens_grpc = importlib.import_module("runs.v1.tokens_service_pb2_grpc")
status_pb2 = importlib.import_module("google.rpc.status_pb2")
details_pb2 = importlib.import_module("google.rpc.error_details_pb2")


def rpc_status(error):
    """The google.rpc.Status that a grpc.RpcError carries; None if none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return None


def details(error):
    """The details of a grpc.RpcError by type name: {"ErrorInfo": message, ...}."""
    status = rpc_status(error)
    found = {}
    for packed in status.details if status else ():
        name = packed.type_url.rsplit(".", 1)[1]
        message = getattr(details_pb2, name)()
        if not packed.Unpack(message):
            raise AssertionError(f"{packed.type_url} does not unpack")
        found[name] = message
    return found


def bearer(token):
    return (("authorization", f"Bearer {token}"),)
