"""runs-gateway before a gRPC server of another language: what HTTP adds at the edge."""

import base64
import gzip
import json
import pathlib
import subprocess
import threading
import unittest
from concurrent import futures

import grpc
import rest
from google.protobuf import any_pb2, duration_pb2, struct_pb2
from harness import Place, Process, program
from stubs import GOOGLEAPIS, details_pb2, status_pb2

PROTO = """
syntax = "proto3";
package edge.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
service Edge {
  rpc Get(google.protobuf.Struct) returns (google.protobuf.Struct) {
    option (google.api.http) = {post: "/v1/items" body: "*"
                                additional_bindings {get: "/v1/items/one"}
                                additional_bindings {put: "/v1/items/one" body: "*"}};
  }
}
"""
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Upstream:
    """Replies as the test says, and keeps the metadata of the last call."""

    def __init__(self):
        self.seen = {}
        self.reply = struct_pb2.Struct()
        self.initial = ()
        self.trailing = ()
        self.status = None
        self.calls = 0
        self.lock = threading.Lock()
        handler = grpc.method_handlers_generic_handler("edge.v1.Edge", {
            "Get": grpc.unary_unary_rpc_method_handler(
                self.get, struct_pb2.Struct.FromString, struct_pb2.Struct.SerializeToString)})
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((handler,))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def get(self, _request, context):
        with self.lock:
            self.calls += 1
            self.seen = {}
            for key, value in context.invocation_metadata():
                self.seen.setdefault(key, []).append(value)
            context.send_initial_metadata(self.initial)
            trailing = list(self.trailing)
            if self.status is not None:
                trailing.append(("grpc-status-details-bin", self.status.SerializeToString()))
                context.set_code(list(grpc.StatusCode)[self.status.code])
                context.set_details(self.status.message)
            context.set_trailing_metadata(trailing)
            return self.reply


def descriptor_set(folder):
    """The bytes' file of PROTO as protoc makes them."""
    source = pathlib.Path(folder) / "edge.proto"
    source.write_text(PROTO)
    target = pathlib.Path(folder) / "edge.binpb"
    subprocess.run(["protoc", f"-I{folder}", f"-I{GOOGLEAPIS}", "-I/usr/include",
                    "--include_imports", "-o", str(target), str(source)], check=True)
    return str(target)


def packed(message):
    any_ = any_pb2.Any()
    any_.Pack(message)
    return any_


class Edge(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.descriptors = descriptor_set(place.path)

    def setUp(self):
        self.upstream = Upstream()
        self.addCleanup(lambda: self.upstream.server.stop(None).wait())

    def start(self, *options):
        gateway = Process(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                          f"127.0.0.1:{self.upstream.port}", "--descriptors", self.descriptors,
                          *options)
        self.addCleanup(self.end, gateway)
        self.port = gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")["port"]
        return gateway

    def end(self, gateway):
        self.assertEqual(0, gateway.stop(), gateway.tail())

    def get(self, path="/v1/items/one", method="GET", body=None, **headers):
        return rest.request(self.port, method, path, None, body,
                            {name.replace("_", "-"): value for name, value in headers.items()})

    def test_compression_and_etags_agree(self):
        self.start()
        self.upstream.reply.update({"text": "word " * 2000})
        plain = self.get()
        packed_reply = self.get(Accept_Encoding="deflate, gzip;q=0.8")
        self.assertEqual("gzip", packed_reply.headers["Content-Encoding"])
        self.assertIsNone(plain.headers["Content-Encoding"])
        self.assertLess(len(packed_reply.body), 1000)
        self.assertEqual(json.loads(plain.body)["data"],
                         json.loads(gzip.decompress(packed_reply.body))["data"])
        for reply in (plain, packed_reply):
            self.assertEqual("Accept-Encoding", reply.headers["Vary"])
            self.assertEqual("private, no-cache", reply.headers["Cache-Control"])
        etag = plain.headers["ETag"]
        self.assertEqual(etag, packed_reply.headers["ETag"])
        known = self.get(If_None_Match=f'"other", {etag}', Accept_Encoding="gzip")
        self.assertEqual((304, b""), (known.status, known.body))
        self.assertEqual(etag, known.headers["ETag"])
        self.upstream.reply.update({"more": 1})
        changed = self.get(If_None_Match=etag)
        self.assertEqual(200, changed.status)
        self.assertNotEqual(etag, changed.headers["ETag"])
        self.assertIsNone(self.get(method="PUT", body={}).headers["ETag"])

    def test_gzip_can_be_off(self):
        self.start("--gzip-min-bytes", "off")
        self.upstream.reply.update({"text": "word " * 2000})
        reply = self.get(Accept_Encoding="gzip")
        self.assertIsNone(reply.headers["Content-Encoding"])
        self.assertIsNone(reply.headers["Vary"])

    def test_a_browser_of_an_allowed_origin(self):
        self.start("--cors-origin", "https://a.example", "--cors-origin", "http://localhost:3000",
                   "--cors-credentials", "--cors-max-age-s", "60",
                   "--request-header", "X-Tenant=tenant", "--response-header", "cost=X-Cost")
        preflight = self.get(method="OPTIONS", Origin="https://a.example",
                             Access_Control_Request_Method="PUT",
                             Access_Control_Request_Headers="authorization,x-tenant,x-other")
        self.assertEqual(204, preflight.status)
        expected = {
            "Access-Control-Allow-Origin": "https://a.example",
            "Access-Control-Allow-Credentials": "true",
            "Access-Control-Allow-Methods": "GET, PUT, HEAD, OPTIONS",
            "Access-Control-Allow-Headers": "authorization, x-tenant",
            "Access-Control-Max-Age": "60",
            "Vary": "Origin",
        }
        self.assertEqual(expected, {name: preflight.headers[name] for name in expected})
        self.assertEqual(0, self.upstream.calls)
        for path, status in (("/v1/items/one", 200), ("/v1/none", 404)):
            reply = self.get(path, Origin="http://localhost:3000")
            self.assertEqual(status, reply.status)
            self.assertEqual("http://localhost:3000",
                             reply.headers["Access-Control-Allow-Origin"])
            self.assertIn("x-cost", reply.headers["Access-Control-Expose-Headers"])
        other = self.get(Origin="https://b.example")
        self.assertEqual(200, other.status)
        self.assertIsNone(other.headers["Access-Control-Allow-Origin"])

    def test_headers_are_mapped_both_ways(self):
        gateway = self.start("--request-header", "X-Tenant=tenant", "--request-header",
                             "X-Blob=blob-bin", "--response-header", "cost", "--response-header",
                             "note=x-note", "--response-header", "blob-bin=x-blob")
        blob = bytes(range(256))
        self.upstream.initial = (("cost", "12"), ("secret", "no"), ("blob-bin", blob))
        self.upstream.trailing = (("note", "a"), ("note", "b"))
        reply = self.get(X_Tenant="t1", X_Blob=base64.b64encode(blob).decode(), Tenant="forged",
                         Cookie="c")
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(["t1"], self.upstream.seen["tenant"])
        self.assertEqual([blob], self.upstream.seen["blob-bin"])
        self.assertNotIn("cookie", self.upstream.seen)
        self.assertEqual(["12"], reply.headers.get_all("Cost"))
        self.assertEqual(["a", "b"], reply.headers.get_all("X-Note"))
        self.assertEqual([base64.b64encode(blob).decode()], reply.headers.get_all("X-Blob"))
        self.assertIsNone(reply.headers["Secret"])
        # Errors have them, too.
        self.upstream.status = status_pb2.Status(code=5, message="gone")
        failed = self.get()
        self.assertEqual(404, failed.status)
        self.assertEqual(["12"], failed.headers.get_all("Cost"))
        calls = self.upstream.calls
        for header in ({"X-Blob": "*"}, {"X-Tenant": "\xe4"}):
            refused = rest.request(self.port, "GET", "/v1/items/one", headers=header)
            self.assertEqual((400, "HEADER_INVALID"), (refused.status, refused.error["reason"]))
            self.assertIn(next(iter(header)).lower(), refused.json()["message"])
        self.assertEqual(calls, self.upstream.calls)
        self.assertIsNone(gateway.popen.poll())

    def test_trace_context_is_passed_on_if_valid(self):
        self.start()
        self.get(Traceparent=PARENT, Tracestate="a=1,b=2")
        self.assertEqual([PARENT], self.upstream.seen["traceparent"])
        self.assertEqual(["a=1,b=2"], self.upstream.seen["tracestate"])
        for parent in (PARENT.upper(), PARENT + "0", PARENT.replace("b7ad6b7169203331", "0" * 16)):
            self.assertEqual(200, self.get(Traceparent=parent, Tracestate="a=1").status)
            self.assertNotIn("traceparent", self.upstream.seen)
            self.assertNotIn("tracestate", self.upstream.seen)

    def test_plain_messages_and_google_statuses(self):
        self.start("--envelope", "none")
        self.upstream.reply.update({"a": [1, "b"]})
        reply = self.get(X_Request_Id="r1")
        self.assertEqual({"a": [1, "b"]}, json.loads(reply.body))
        self.assertEqual("r1", reply.headers["X-Request-Id"])
        info = details_pb2.ErrorInfo(reason="FROZEN", domain="edge.example", metadata={"k": "v"})
        violation = details_pb2.PreconditionFailure.Violation(type="T", subject="S")
        status = status_pb2.Status(code=9, message="state \u00e4", details=[
            packed(info),
            packed(details_pb2.PreconditionFailure(violations=[violation])),
            packed(details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(nanos=500000000))),
            any_pb2.Any(type_url="type.googleapis.com/of.Nobody", value=b"x"),
            any_pb2.Any(type_url="type.googleapis.com/google.rpc.Help", value=b"\xff"),
            packed(self.upstream.reply),
        ])
        self.upstream.status = status
        failed = self.get()
        self.assertEqual(400, failed.status)
        kind = "type.googleapis.com/google."
        self.assertEqual({"code": 9, "message": "state \u00e4", "details": [
            {"@type": kind + "rpc.ErrorInfo", "reason": "FROZEN", "domain": "edge.example",
             "metadata": {"k": "v"}},
            {"@type": kind + "rpc.PreconditionFailure",
             "violations": [{"type": "T", "subject": "S"}]},
            {"@type": kind + "rpc.RetryInfo", "retryDelay": "0.500s"},
            {"@type": kind + "protobuf.Struct", "value": {"a": [1, "b"]}},
        ]}, json.loads(failed.body))
        bad = self.get(method="PUT", body="{")
        self.assertEqual(400, bad.status)
        own = json.loads(bad.body)
        self.assertEqual(3, own["code"])
        self.assertEqual([kind + "rpc.ErrorInfo", kind + "rpc.BadRequest"],
                         [detail["@type"] for detail in own["details"]])

    def test_options_of_the_whole_server(self):
        self.start()
        reply = rest.raw(self.port, b"OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        self.assertEqual(204, reply.status)
        self.assertEqual({"GET", "POST", "PUT", "HEAD", "OPTIONS"},
                         set(reply.headers["Allow"].split(", ")))

    def test_what_cannot_be_served_is_a_usage_error(self):
        rows = (
            (("--cors-origin", "*", "--cors-credentials"), "--cors-credentials"),
            (("--cors-origin", "a.example"), '"a.example"'),
            (("--request-header", "te"), '"te"'),
            (("--request-header", "x-a=grpc-status"), '"grpc-status"'),
            (("--response-header", "cost=Content-Length"), '"content-length"'),
            (("--gzip-min-bytes", "x"), "--gzip-min-bytes"),
            (("--envelope", "both"), "--envelope"),
        )
        for options, named in rows:
            with self.subTest(options=options):
                done = subprocess.run([program("runs-gateway"), *options], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(named, done.stderr)


if __name__ == "__main__":
    unittest.main()
