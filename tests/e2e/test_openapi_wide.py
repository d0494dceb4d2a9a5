"""Replies of every kind of field, for the check of all replies against the documents
(documents.py): a message's JSON is what the document of wide.proto says, and is taken back."""

import concurrent.futures
import json
import math
import subprocess
import unittest

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import rest
import stubs
from gateways import Gateway
from harness import DEADLINE_S, ROOT, Place

PROTO = "tests/gateway/testdata/wide.proto"


class Wides:
    """A gRPC server whose every method replies with the messages it was given."""

    def __init__(self, folder):
        self.set = str(folder / "wide.binpb")
        subprocess.run(["protoc", f"-I{ROOT}", *(f"-I{i}" for i in stubs.INCLUDES),
                        "--include_imports", "--include_source_info", "-o", self.set, PROTO],
                       check=True)
        with open(self.set, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
        pool = descriptor_pool.DescriptorPool()
        for file in files:
            pool.Add(file)
        self.wide = self.message(pool, "wide.v1.Wide")
        self.replies = [b""]
        self.requests = []
        methods = {name: grpc.unary_unary_rpc_method_handler(self.reply)
                   for name in ("GetWide", "PostWide", "GetChildren", "GetCount", "GetByName")}
        methods["Watch"] = grpc.unary_stream_rpc_method_handler(self.stream)
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("wide.v1.Wides", methods),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    @staticmethod
    def message(pool, name):
        return message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName(name))

    def reply(self, request, _context):
        self.requests.append(request)
        return self.replies[0]

    def stream(self, _request, _context):
        yield from self.replies


def fill(message, depth):
    """Sets every field; of a oneof the last one counts."""
    for number, field in enumerate(message.DESCRIPTOR.fields):
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if is_map:
            fill_map(message, field, depth)
        elif field.message_type is not None:
            if depth > 0 or field.message_type.file.package == "google.protobuf":
                for _ in range(2) if field.label == field.LABEL_REPEATED else (0,):
                    inner = (getattr(message, field.name).add()
                             if field.label == field.LABEL_REPEATED
                             else getattr(message, field.name))
                    inner.SetInParent()
                    fill_known(inner, depth)
        elif field.label == field.LABEL_REPEATED:
            getattr(message, field.name).extend([scalar(field, 0), scalar(field, 1)])
        else:
            setattr(message, field.name, scalar(field, number))


def scalar(field, number):
    kinds = {field.CPPTYPE_BOOL: True, field.CPPTYPE_STRING: "ü\n", field.CPPTYPE_DOUBLE: -1.5e300,
             field.CPPTYPE_FLOAT: 0.1, field.CPPTYPE_INT32: -2**31, field.CPPTYPE_INT64: -2**63,
             field.CPPTYPE_UINT32: 2**32 - 1, field.CPPTYPE_UINT64: 2**64 - 1,
             field.CPPTYPE_ENUM: number % 2}
    if field.enum_type is not None and field.enum_type.name == "NullValue":
        return 0
    return b"\xff\x00" if field.type == field.TYPE_BYTES else kinds[field.cpp_type]


def fill_map(message, field, depth):
    entry = field.message_type
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    entries = getattr(message, field.name)
    if value.message_type is None:
        entries[scalar(key, 0)] = scalar(value, 1)
    elif depth > 0 or value.message_type.file.package == "google.protobuf":
        fill_known(entries[scalar(key, 0)], depth)


def fill_known(message, depth):
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Any":
        message.type_url = "type.googleapis.com/google.protobuf.Duration"
        message.value = b"\x08\x05\x10\x00"  # as the gateway writes it
    elif name == "google.protobuf.Struct":
        message.update({"a": [1, None, {"b": True}], "": "x"})
    elif name == "google.protobuf.Value":
        message.struct_value.update({"deep": [1.5, "x"]})
    elif name == "google.protobuf.ListValue":
        message.extend([1, "a", None])
    elif name == "google.protobuf.Timestamp":
        message.FromJsonString("0001-01-01T00:00:00.000000001Z")
    elif name == "google.protobuf.Duration":
        message.FromJsonString("-1.500s")
    elif name == "google.protobuf.FieldMask":
        message.paths.extend(["a_b.c", "d"])
    elif message.DESCRIPTOR.file.package == "google.protobuf":
        fill(message, 0)
    else:
        fill(message, depth - 1)


class EveryKind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.wides = Wides(place.path)
        cls.addClassCleanup(lambda: cls.wides.server.stop(None).wait())

    def gateway(self, *options):
        gateway = Gateway(self.wides.address, "--descriptors", self.wides.set, *options)
        self.addCleanup(gateway.kill)
        return gateway

    def messages(self):
        empty = self.wides.wide()
        full = self.wides.wide()
        fill(full, 2)
        odd = self.wides.wide(a_double=math.nan, a_float=-math.inf, color=77, colors=[1, -8],
                              bool_map={True: math.inf}, choice_null=0)
        odd.uint_map[1] = 99
        odd.double_value.value = math.nan
        odd.any.SetInParent()
        odd.duration.seconds = 315576000000
        return empty, full, odd

    def test_replies_are_what_the_document_says_and_are_taken_back(self):
        for options in ((), ("--envelope=none",)):
            gateway = self.gateway(*options)
            for message in self.messages():
                self.wides.replies = [message.SerializeToString()]
                paths = ("/v1/wide", "/v1/children", "/v1/count")
                replies = [rest.request(gateway.port, "GET", path) for path in paths]
                self.assertEqual([200] * 3, [r.status for r in replies], replies[0].body[:300])
                # What was printed is a request that is taken.
                body = replies[0].json()
                body = json.dumps(body if options else body["data"])
                self.wides.requests.clear()
                again = rest.request(gateway.port, "POST", "/v1/wide", body=body)
                self.assertEqual(200, again.status, again.body[:300])
                # By bytes, since NaN equals nothing.
                taken = self.wides.wide.FromString(self.wides.requests[0])
                self.assertEqual(message.SerializeToString(deterministic=True),
                                 taken.SerializeToString(deterministic=True))

    def test_streams_are_what_the_document_says(self):
        for options in ((), ("--envelope=none",)):
            gateway = self.gateway(*options)
            self.wides.replies = [b"", b"\x0a\x01a\x20\x05", b"\xff"]  # the last is no message
            for accept, kind in (("application/x-ndjson", "application/x-ndjson"),
                                 ("text/event-stream", "text/event-stream")):
                reply = rest.request(gateway.port, "GET", "/v1/watch", headers={"Accept": accept})
                self.assertEqual((200, kind), (reply.status, reply.headers["Content-Type"]))
                self.assertIn(b"RESPONSE_MALFORMED", reply.body)


if __name__ == "__main__":
    unittest.main()
