"""runs-gateway as a process, a gRPC upstream with a proto of its own, and descriptor
sets made from text."""

import concurrent.futures
import importlib
import importlib.util
import subprocess
import sys
import threading

import grpc
from google.protobuf import descriptor_pb2

import documents
import stubs
from harness import DEADLINE_S, Process, program

ECHO = """
syntax = "proto3";
package echo.v1;
import "google/api/annotations.proto";
service Echo {
  rpc Say(Words) returns (Said) { option (google.api.http) = {get: "/v1/say/{name}"}; }
  rpc Fail(Words) returns (Said) { option (google.api.http) = {get: "/v1/fail/{name}"}; }
  rpc Unbound(Words) returns (Said);
}
message Words { string name = 1; int32 count = 2; }
message Said { string text = 1; string tenant = 2; }
"""


def proto(package, path, service="Echo"):
    """A proto with one method at a path of its own."""
    return ('syntax = "proto3"; package ' + package + ';'
            'import "google/api/annotations.proto";'
            f'service {service} {{ rpc Say(Words) returns (Words) {{'
            f' option (google.api.http) = {{get: "{path}"}}; }} }}'
            'message Words { string name = 1; }')


def descriptor_set(folder, name, text, more=()):
    """Compiles a proto's text, or writes bytes as they are; returns the path."""
    target = folder / f"{name}.binpb"
    if isinstance(text, bytes):
        target.write_bytes(text)
        return str(target)
    source = folder / f"{name}.proto"
    source.write_text(text, encoding="utf-8")
    subprocess.run(["protoc", f"-I{folder}", *(f"-I{i}" for i in stubs.INCLUDES),
                    "--include_imports", "-o", str(target), *more, source.name], check=True)
    return str(target)


class Gateway(Process):
    """runs-gateway on a free port."""

    def __init__(self, upstream, *options, wait=True):
        super().__init__(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                         upstream, *options)
        self.options = options
        if wait:
            self.wait_ready()

    def wait_ready(self):
        ready = self.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.port = ready["port"]
        documents.serves(self.port, program("runs-gateway"), self.options, is_gateway=True)
        self.routes = ready["routes"]

    def message(self, text):
        """Waits for the log line of a message."""
        return self.wait_for_log(lambda l: l.get("message") == text, text)

    def count(self, text):
        with self.changed:
            return sum(l.get("message") == text for l in self.lines)

    def wait_count(self, text, count):
        """Waits for the count-th line of a message; returns it."""
        found = 0

        def is_last(line):
            nonlocal found
            found += line.get("message") == text
            return found == count
        return self.wait_for_log(is_last, f"{text}, {count} times")


def run_gateway(*arguments):
    """Runs runs-gateway to its end, which must come by itself."""
    return subprocess.run([program("runs-gateway"), *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=False)


def reflection_handler(folder, path):
    """grpc.reflection.v1alpha for the services and files of a descriptor set."""
    name = "grpc/reflection/v1alpha/reflection.proto"
    subprocess.run(["protoc", "-I/usr/share/grpc-proto", f"--python_out={folder}", name],
                   check=True)
    # By its place, because "grpc" is grpcio's package.
    spec = importlib.util.spec_from_file_location(
        "reflection_pb2", folder / "grpc/reflection/v1alpha/reflection_pb2.py")
    pb = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pb)
    with open(path, "rb") as file:
        files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file

    def answer(requests, _context):
        for request in requests:
            response = pb.ServerReflectionResponse()
            for file in files:
                services = [f"{file.package}.{service.name}" for service in file.service]
                for service in services if request.HasField("list_services") else ():
                    response.list_services_response.service.add(name=service)
                if request.file_containing_symbol in services or \
                        request.file_by_filename == file.name:
                    response.file_descriptor_response.file_descriptor_proto.append(
                        file.SerializeToString())
            yield response

    method = grpc.stream_stream_rpc_method_handler(
        answer, request_deserializer=pb.ServerReflectionRequest.FromString,
        response_serializer=pb.ServerReflectionResponse.SerializeToString)
    return grpc.method_handlers_generic_handler(
        "grpc.reflection.v1alpha.ServerReflection", {"ServerReflectionInfo": method})


class Echo:
    """A gRPC server of echo.v1.Echo."""

    def __init__(self, folder, reflection=False, methods=("Say", "Fail", "Unbound")):
        self.set = descriptor_set(folder, "echo", ECHO, [f"--python_out={folder}"])
        sys.path.insert(0, str(folder))
        try:
            self.pb = importlib.import_module("echo_pb2")
        finally:
            sys.path.remove(str(folder))
        self.gate = None  # an Event that Say waits for
        self.entered = threading.Event()  # Say was called while there is a gate
        handlers = {name: grpc.unary_unary_rpc_method_handler(
            getattr(self, name.lower()), request_deserializer=self.pb.Words.FromString,
            response_serializer=self.pb.Said.SerializeToString)
            for name in methods}
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("echo.v1.Echo", handlers),))
        if reflection:
            self.server.add_generic_rpc_handlers((reflection_handler(folder, self.set),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self):
        self.server.stop(None).wait()

    def say(self, words, context):
        if self.gate is not None:
            self.entered.set()
            self.gate.wait(DEADLINE_S)
        metadata = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-served-by", "echo"),))
        return self.pb.Said(text=f"hello {words.name}", tenant=metadata.get("tenant", ""))

    def unbound(self, words, _context):
        return self.pb.Said(text=f"{words.name} {words.count}")

    def fail(self, words, context):
        """FAILED_PRECONDITION with details: one that all know, one that nobody does."""
        status = stubs.status_pb2.Status(code=9, message=f"no {words.name}")
        status.details.add().Pack(stubs.details_pb2.ErrorInfo(reason="BROKEN", domain="echo"))
        status.details.add(type_url="type.googleapis.com/nobody.Knows", value=b"\x08\x01")
        context.set_trailing_metadata(
            (("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"no {words.name}")
