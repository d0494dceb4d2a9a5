"""Services whose protos are of editions: compiled by buf, served by grpc-js and protobuf-es
behind runs-gateway, and compared with what protobuf-es makes of the same JSON and bytes."""

import concurrent.futures
import itertools
import json
import os
import pathlib
import select
import subprocess
import tempfile
import unittest

import grpc

import rest
import stubs
from gateways import Gateway, descriptor_set, proto, reflection_handler, run_gateway
from harness import DEADLINE_S

ROOT = pathlib.Path(__file__).resolve().parents[2]
# How long 1,500 calls may take on a busy machine.
COMPARING_S = 300

SCALARS = ("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
           "bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64")
KNOWN = ("Timestamp", "Duration", "Struct", "StringValue", "FieldMask")
IMPORTS = "".join(f'import "google/protobuf/{name}.proto";\n' for name in
                  ("timestamp", "duration", "struct", "wrappers", "field_mask"))
JSON_NAMES = 'import option "google/protobuf/json_enumvalue_options.proto";\n'


def modules():
    """Where what tests/editions takes from npm is."""
    found = os.environ.get("EDITIONS_NODE_MODULES")
    if not found:
        raise RuntimeError("EDITIONS_NODE_MODULES is not set: run script/test")
    return found


def buf_build(folder, target, *options):
    subprocess.run([f"{modules()}/.bin/buf", "build", str(folder), "-o", str(target), *options],
                   check=True, timeout=DEADLINE_S)
    return str(target)


def message(optional, zero, word=""):
    """A message with a field of every kind, and its service. optional: what stands before a
    singular field; zero: the number of the first value of its enum; word: an option of another."""
    lines = []

    def add(text):
        number = len(lines) + 1
        # Also numbers whose tags take two and three bytes.
        number = number if number < 30 else number + 100 if number < 50 else number + 3000
        lines.append(text.format(n=number))

    for scalar in (*SCALARS, "Level", "Inner"):
        add(f"{optional}{scalar} one_{scalar.lower()} = {{n}};")
        add(f"repeated {scalar} many_{scalar.lower()} = {{n}};")
    for name in KNOWN:
        add(f"{optional}google.protobuf.{name} known_{name.lower()} = {{n}};")
    add("repeated google.protobuf.Timestamp many_times = {n};")
    for key, item in (("string", "int32"), ("int32", "Inner"), ("bool", "string"),
                      ("string", "Level"), ("sint64", "google.protobuf.Duration")):
        add(f"map<{key}, {item}> by_{key}_{item.split('.')[-1].lower()} = {{n}};")
    for item in ("int32", "string", "Inner", "Level"):
        add(f"{item} pick_{item.lower()} = {{n}};")
    fields, picks = lines[:-4], lines[-4:]
    return (f"enum Level {{ LEVEL_FIRST = {zero}; LEVEL_ONE = 1; LEVEL_TWO = 2{word}; LEVEL_LESS = -3; }}\n"
            f"message Inner {{ {optional}int32 number = 1; repeated Inner inner = 2; "
            f"{optional}string text = 3; }}\n"
            "message All {\n  " + "\n  ".join(fields) +
            "\n  oneof pick { " + " ".join(picks) + " }\n}\n"
            "service Service { rpc Call(All) returns (All); }\n")


def write_protos(folder):
    """A file for each combination of features, and one in the words of proto2 and proto3."""
    count = 0
    for edition in ("2023", "2024", "2026"):
        json_names = edition == "2026"
        for number, features in enumerate(itertools.product(
                ("EXPLICIT", "IMPLICIT"), ("OPEN", "CLOSED"), ("PACKED", "EXPANDED"),
                ("VERIFY", "NONE"), ("LENGTH_PREFIXED", "DELIMITED"))):
            presence, enum, repeated, utf8, encoding = features
            if presence == "IMPLICIT" and enum == "CLOSED":
                continue  # buf refuses it, as the specification says
            name = f"e{edition}n{number}"
            (folder / f"{name}.proto").write_text(
                f'edition = "{edition}";\npackage {name}.v1;\n{IMPORTS}'
                f"{JSON_NAMES if json_names else ''}"
                f"option features.field_presence = {presence};\n"
                f"option features.enum_type = {enum};\n"
                f"option features.repeated_field_encoding = {repeated};\n"
                f"option features.utf8_validation = {utf8};\n"
                f"option features.message_encoding = {encoding};\n" +
                message("", 4 if enum == "CLOSED" else 0,
                        ' [(pb.enumvalue.json).string = "two"]' if json_names else ""),
                encoding="utf-8")
            count += 1
    for syntax, optional, zero in (("proto2", "optional ", 4), ("proto3", "", 0)):
        (folder / f"{syntax}.proto").write_text(
            f'syntax = "{syntax}";\npackage {syntax}.v1;\n{IMPORTS}' + message(optional, zero),
            encoding="utf-8")
        count += 1
    return count


class Base(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)


class Compared(Base):
    def line(self, process, seconds):
        """The next line of a process, which must come in time."""
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        self.assertTrue(ready, f"nothing in {seconds} s")
        return json.loads(process.stdout.readline())

    def test_every_feature_of_every_type_is_as_with_protobuf_es(self):
        protos = self.folder / "protos"
        protos.mkdir()
        services = write_protos(protos)
        image = buf_build(protos, self.folder / "set.binpb", "--as-file-descriptor-set")
        node = subprocess.Popen(["node", str(ROOT / "tests/editions/compare.mjs"), image],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env={**os.environ, "NODE_MODULES": modules()})
        self.addCleanup(node.wait)
        self.addCleanup(node.stdout.close)
        self.addCleanup(node.stdin.close)
        self.addCleanup(node.kill)
        port = self.line(node, DEADLINE_S)["port"]
        gateway = Gateway(f"127.0.0.1:{port}", "--descriptors", image, "--unbound-methods",
                          "--envelope", "none")
        self.addCleanup(gateway.kill)
        self.assertEqual(services, gateway.routes)
        node.stdin.write(f"{gateway.port}\n".encode())
        node.stdin.flush()
        result = self.line(node, COMPARING_S)
        self.maxDiff = None
        self.assertEqual([], result["differences"])
        self.assertGreater(result["compared"], services * 25)
        self.assertGreater(result["refused"], services)


# Files of each syntax, a feature of a language that stands in a file of an edition itself, and
# names that are exported or local.
SHARED = """
edition = "2024";
package shared.v1;
import "legacy.proto";
import option "google/protobuf/cpp_features.proto";
option features.(pb.cpp).string_type = VIEW;
export message Words {
  string name = 1;
  Tone tone = 2 [features.field_presence = IMPLICIT];
  legacy.v1.Kind kind = 3;
  Inner inner = 4 [features.message_encoding = DELIMITED];
  repeated int32 counts = 5 [features.repeated_field_encoding = EXPANDED];
}
export message Inner { string text = 1 [features.utf8_validation = NONE]; }
local enum Tone { TONE_UNSPECIFIED = 0; TONE_LOUD = 1; }
"""
LEGACY = """
syntax = "proto2";
package legacy.v1;
enum Kind { KIND_OLD = 3; }
"""
SERVICE = """
edition = "2023";
package edition.v1;
import "google/api/annotations.proto";
import "shared.proto";
service Edition {
  rpc Say(shared.v1.Words) returns (shared.v1.Words) {
    option (google.api.http) = {post: "/v1/edition/{name}" body: "inner"};
  }
}
"""


class Fronted(Base):
    """A service of an edition, whose set buf compiles; its upstream sends back what it is sent."""

    def setUp(self):
        super().setUp()
        self.protos = self.folder / "protos"
        for name, text in (("legacy", LEGACY), ("shared", SHARED), ("service", SERVICE)):
            self.write(f"{name}.proto", text)
        for name in ("google/api/annotations.proto", "google/api/http.proto"):
            source = next(p for p in (pathlib.Path(i) / name for i in stubs.INCLUDES)
                          if p.exists())
            self.write(name, source.read_text(encoding="utf-8"))
        self.image = buf_build(self.protos, self.folder / "image.binpb")

    def write(self, name, text):
        (self.protos / name).parent.mkdir(parents=True, exist_ok=True)
        (self.protos / name).write_text(text, encoding="utf-8")

    def gateway(self, *options):
        """Before an upstream, whose address it is given."""
        self.received = []

        def say(request, _context):
            self.received.append(request)
            return request
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((
            grpc.method_handlers_generic_handler("edition.v1.Edition", {
                "Say": grpc.unary_unary_rpc_method_handler(say)}),
            reflection_handler(self.folder, self.image)))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        gateway = Gateway(f"127.0.0.1:{port}", "--envelope", "none", *options)
        self.addCleanup(gateway.kill)
        return gateway

    def check(self, gateway):
        reply = rest.request(
            gateway.port, "POST", "/v1/edition/x?tone=1&kind=KIND_OLD&counts=1&counts=2",
            headers={"Content-Type": "application/json"}, body=b'{"text":"hello"}')
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual({"name": "x", "tone": "TONE_LOUD", "kind": "KIND_OLD",
                          "inner": {"text": "hello"}, "counts": [1, 2]}, reply.json())
        self.assertIn(b"\x23\x0a\x05hello\x24", self.received[-1])
        self.assertIn(b"\x28\x01\x28\x02", self.received[-1])

    def test_an_image_of_buf_is_served(self):
        self.check(self.gateway("--descriptors", self.image))

    def test_a_service_of_an_edition_is_fronted_by_reflection(self):
        self.check(self.gateway("--reflect"))

    def test_a_set_of_buf_and_one_of_protoc_are_merged(self):
        other = descriptor_set(self.folder, "other", proto("other.v1", "/v1/other/{name}"))
        for sets in ((other, self.image), (self.image, other)):
            gateway = self.gateway("--descriptors", sets[0], "--descriptors", sets[1])
            self.assertEqual(2, gateway.routes)
            self.check(gateway)

    def test_an_unknown_edition_is_named_with_its_file(self):
        image = pathlib.Path(self.image).read_bytes()
        known = b"editions\x70\xe9\x07"  # 1001
        self.assertEqual(1, image.count(known))
        broken = descriptor_set(self.folder, "broken", image.replace(known, known[:-2] + b"\xef\x07"))
        done = run_gateway("--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1",
                           "--descriptors", broken)
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertIn(f'--descriptors {broken}: file "shared.proto" of descriptor set 1 is of '
                      "edition number 1007 of google.protobuf.Edition, which is not known",
                      done.stderr)
