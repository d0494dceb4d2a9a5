"""Traces: what a collector is sent of a call, on its way through gateway, server and store."""

import os
import threading
import time
import unittest

import grpc

import contract
import rest
import stubs
from collectors import Collector, closed_port
from gateways import Gateway
from harness import DEADLINE_S, Place, Process, Serve, create_token, program

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{CALLER}-00"}
STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
GATEWAY, SERVER, STORE = "runsd.gateway", "runsd.server", "runsd.store"


def is_of(scope):
    return lambda span: span.scope[0] == scope


class Traced(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.collector = Collector()
        self.addCleanup(self.collector.stop)

    def serve(self, *options, collector=None):
        server = Serve(self.place.store, "--trace-endpoint", (collector or self.collector).url,
                       *options)
        self.addCleanup(server.kill)
        self.port = server.http_port
        return server

    def call(self, method, path, headers=None, body=None):
        return rest.request(self.port, method, path, self.token, body, headers)

    def cancel(self, run_id, headers=None):
        self.assertEqual(200, self.call("POST", "/v1/runs", body=contract.new_run(id=run_id)).status)
        return self.call("POST", f"/v1/runs/{run_id}/cancel", headers)


class OneProcess(Traced):
    def test_a_cancel_is_three_spans_of_its_callers_trace(self):
        before = time.time_ns()
        self.serve("--trace-sample", "0", "--trace-header", "X-Team=runs",
                   "--trace-header=authorization=Basic c2VjcmV0")
        reply = self.cancel("one", {**SAMPLED, "tracestate": STATE, "X-Request-Id": "the-cancel"})
        self.assertEqual(200, reply.status)
        spans = self.collector.wait_for_spans(3)
        after = time.time_ns()
        self.assertEqual(3, len(spans), spans)
        by_scope = {span.scope[0]: span for span in spans}
        gateway, server, store = (by_scope[scope] for scope in (GATEWAY, SERVER, STORE))
        for span in spans:
            self.assertEqual((TRACE, STATE), (span.trace, span.state))
            self.assertRegex(span.id, r"\A[0-9a-f]{16}\Z")
            self.assertTrue(before <= span.start <= span.end <= after, span)
            self.assertFalse(span.is_failed)
            self.assertEqual("runsctl", span.resource["service.name"])
            self.assertEqual({"service.name", "service.version", "service.instance.id"},
                             set(span.resource))
            self.assertEqual(span.resource["service.version"], span.scope[1])
        self.assertEqual(3, len({span.id for span in spans}))
        self.assertEqual([CALLER, gateway.id, server.id],
                         [span.parent for span in (gateway, server, store)])
        # SpanFlags: sampled, and whether the parent is of another process.
        self.assertEqual([0x301, 0x101, 0x101],
                         [span.raw["flags"] for span in (gateway, server, store)])
        self.assertTrue(gateway.start <= server.start <= store.start)
        self.assertTrue(store.end <= server.end <= gateway.end)
        self.assertEqual(("POST /v1/runs/{id}/cancel", "SPAN_KIND_SERVER"),
                         (gateway.name, gateway.kind))
        self.assertEqual({"http.request.method": "POST", "http.route": "/v1/runs/{id}/cancel",
                          "http.response.status_code": 200, "runsd.request.id": "the-cancel"},
                         gateway.attributes)
        self.assertEqual(("runs.v1.RunsService/CancelRun", "SPAN_KIND_SERVER"),
                         (server.name, server.kind))
        self.assertEqual({"rpc.system": "grpc", "rpc.service": "runs.v1.RunsService",
                          "rpc.method": "CancelRun", "rpc.grpc.status_code": 0,
                          "runsd.request.id": "the-cancel", "runsd.run.id": "one"},
                         server.attributes)
        self.assertEqual(("commit", "SPAN_KIND_INTERNAL"), (store.name, store.kind))
        self.assertEqual({"runsd.store.operation": "transition_run", "runsd.store.batch_size": 1},
                         store.attributes)
        for path, headers, _ in self.collector.wait_for_requests(1):
            self.assertEqual("/v1/traces", path)
            self.assertEqual(("application/x-protobuf", "runs", "Basic c2VjcmV0"),
                             tuple(headers[n] for n in ("Content-Type", "X-Team", "authorization")))
            self.assertNotIn("Expect", headers)

    def test_one_that_is_not_sampled_by_its_caller_begins_nothing(self):
        server = self.serve("--trace-sample", "1")
        self.cancel("one", UNSAMPLED)
        server.stop()
        spans = self.collector.spans()
        self.assertNotIn(TRACE, {span.trace for span in spans})
        self.assertEqual(1, len({span.trace for span in spans}), "of the creation alone")

    def test_traces_begin_here_as_often_as_is_asked(self):
        server = self.serve("--trace-sample", "1")
        for i in range(10):
            self.call("GET", f"/v1/runs/{i}")
        server.stop()
        spans = self.collector.spans()
        self.assertEqual(10, len({span.trace for span in spans}))
        self.assertEqual(20, len({span.id for span in spans}))
        self.assertEqual(10, sum(span.parent == "" for span in spans))
        for span in filter(is_of(SERVER), spans):
            self.assertEqual([span.parent],
                             [s.id for s in spans if s.scope[0] == GATEWAY and s.trace == span.trace])

    def test_none_begin_at_zero(self):
        server = self.serve("--trace-sample=0")
        for i in range(50):
            self.call("GET", f"/v1/runs/{i}")
        server.stop()
        self.assertEqual([], self.collector.requests)

    def test_a_part_begins_in_between(self):
        server = self.serve("--trace-sample", "0.5")
        for i in range(200):
            self.call("GET", f"/v1/runs/{i}")
        server.stop()
        traces = len({span.trace for span in self.collector.spans()})
        # Of 200 throws of a coin: further away is as likely as one in 10^12.
        self.assertTrue(50 <= traces <= 150, traces)

    def test_what_is_invalid_begins_a_trace_of_its_own(self):
        server = self.serve("--trace-sample", "1")
        for value in ("00-" + "0" * 32 + f"-{CALLER}-01", f"00-{TRACE}-{CALLER}", "nonsense",
                      f"00-{TRACE.upper()}-{CALLER}-01"):
            self.call("GET", "/v1/runs/a", {"traceparent": value, "tracestate": STATE})
        server.stop()
        spans = [s for s in self.collector.spans() if s.scope[0] == GATEWAY]
        self.assertEqual(4, len({span.trace for span in spans}))
        for span in spans:
            self.assertEqual(("", ""), (span.parent, span.state))
            self.assertNotEqual(TRACE, span.trace)

    def test_failures_have_their_status_and_reason(self):
        server = self.serve("--trace-sample", "1")
        self.call("GET", "/v1/runs/ghost", {"X-Request-Id": "missing"})
        self.call("GET", "/v1/nowhere")
        rest.request(self.port, "GET", "/v1/runs/ghost")
        self.call("BREW", "/v1/runs/ghost")
        server.stop()
        spans = self.collector.spans()
        self.assertFalse(any(span.is_failed for span in spans), "none is the server's fault")
        told = sorted((s.name, s.attributes["http.response.status_code"])
                      for s in filter(is_of(GATEWAY), spans))
        self.assertEqual([("GET", 404), ("GET /v1/runs/{id}", 401), ("GET /v1/runs/{id}", 404)], [t for t in told if t[0] != "_OTHER"])
        server_spans = {s.attributes["error.type"]: s for s in filter(is_of(SERVER), spans)}
        self.assertEqual({"RUN_NOT_FOUND", "TOKEN_MISSING"}, set(server_spans))
        self.assertEqual(5, server_spans["RUN_NOT_FOUND"].attributes["rpc.grpc.status_code"])

    def test_what_machines_ask_again_and_again_is_not_traced(self):
        server = self.serve("--trace-sample", "1")
        for path in ("/healthz", "/readyz"):
            self.assertEqual(200, self.call("GET", path, SAMPLED).status)
        with grpc.insecure_channel(server.grpc) as channel:
            for metadata in ((), (("traceparent", SAMPLED["traceparent"]),)):
                channel.unary_unary("/grpc.health.v1.Health/Check")(b"", metadata=metadata)
        self.call("GET", "/v1/runs/ghost")
        server.stop()
        names = {span.name for span in self.collector.wait_for_spans(2)}
        self.assertEqual({"GET /v1/runs/{id}", "runs.v1.RunsService/GetRun"}, names)

    def test_a_token_is_in_no_span(self):
        server = self.serve("--trace-sample", "1")
        self.call("GET", f"/v1/runs/{self.token}", {"X-Request-Id": self.token})
        self.call("GET", f"/v1/{self.token}")
        server.stop()
        self.collector.wait_for_requests(1)
        sent = b"".join(body for _, _, body in self.collector.requests)
        self.assertNotIn(self.token.encode(), sent)
        self.assertNotIn(self.token[4:].encode(), sent)
        self.assertIn(b"rst_***", sent)

    def test_log_lines_have_the_trace(self):
        server = self.serve("--trace-sample", "1")
        self.call("GET", "/v1/runs/ghost", {**SAMPLED, "X-Request-Id": "told"})
        self.call("GET", "/v1/runs/ghost", {**UNSAMPLED, "X-Request-Id": "told-too"})
        self.call("GET", "/v1/runs/ghost", {"X-Request-Id": "begun"})
        for message in ("request", "call"):
            for name in ("told", "told-too"):
                line = server.wait_for_log(lambda l, m=message, n=name: l["message"] == m and
                                           l.get("requestId") == n, name)
                self.assertEqual(TRACE, line["traceId"])
        begun, = self.collector.wait_for_spans(
            1, lambda s: s.attributes.get("runsd.request.id") == "begun" and s.scope[0] == GATEWAY)
        for message in ("request", "call"):
            line = server.wait_for_log(lambda l, m=message: l["message"] == m and
                                       l.get("requestId") == "begun", "begun")
            self.assertEqual(begun.trace, line["traceId"])

    def test_a_commit_tells_how_many_shared_it(self):
        server = self.serve("--trace-sample", "1")
        threads = [threading.Thread(target=self.call, args=("POST", "/v1/runs"), kwargs={
            "body": contract.new_run(id=f"r{i}")}) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.stop()
        commits = list(filter(is_of(STORE), self.collector.spans()))
        self.assertEqual(40, len(commits))
        by_time = {}
        for span in commits:
            by_time.setdefault((span.start, span.end), []).append(span)
        for shared in by_time.values():
            size, = {s.attributes["runsd.store.batch_size"] for s in shared}
            # Operations of the server's own may be in it, too.
            self.assertTrue(len(shared) <= size <= 42, by_time)

    def test_a_stream_is_a_span_at_its_end(self):
        server = self.serve("--trace-sample", "1")
        with grpc.insecure_channel(server.grpc) as channel:
            service = stubs.service_grpc.RunsServiceStub(channel)
            watch = service.WatchRuns(stubs.feed_pb2.WatchRunsRequest(),
                                      metadata=(*stubs.bearer(self.token),
                                                ("traceparent", SAMPLED["traceparent"])))
            next(iter(watch))
            self.assertEqual([], [s for s in self.collector.spans() if s.trace == TRACE])
            watch.cancel()
            span, = self.collector.wait_for_spans(1, lambda s: s.trace == TRACE)
        self.assertEqual("runs.v1.RunsService/WatchRuns", span.name)
        self.assertEqual((CALLER, SERVER, 1), (span.parent, span.scope[0],
                                               span.attributes["rpc.grpc.status_code"]))
        self.assertEqual("REQUEST_CANCELLED", span.attributes["error.type"])

    def test_without_an_endpoint_nothing_changes(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        self.port = server.http_port
        self.assertEqual(404, self.call("GET", "/v1/runs/ghost",
                                        {**SAMPLED, "X-Request-Id": "told"}).status)
        line = server.wait_for_log(lambda l: l.get("requestId") == "told", "told")
        self.assertEqual(TRACE, line["traceId"])
        self.assertNotIn("traces", server.text())


class Apart(Traced):
    """Two programs, each with a tracer of its own."""

    def start(self, gateway_sample, server_sample, endpoint=True):
        socket = f"unix:{self.place.path}/runsd.sock"
        options = ["--trace-endpoint", self.collector.url]
        self.runsd = Process(program("runsd"), "--listen", socket, "--store", self.place.store,
                             *options, "--trace-sample", server_sample)
        self.addCleanup(self.runsd.kill)
        self.runsd.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.grpc = socket
        more = [*options, "--trace-sample", gateway_sample] if endpoint else []
        self.gateway = Gateway(socket, *more)
        self.addCleanup(self.gateway.kill)
        self.port = self.gateway.port

    def stop(self):
        self.gateway.stop()
        self.runsd.stop()
        return self.collector.spans()

    def test_the_gateways_span_is_the_servers_parent(self):
        self.start("0", "0")
        self.cancel("one", {**SAMPLED, "tracestate": STATE})
        spans = {span.scope[0]: span for span in self.stop()}
        self.assertEqual({GATEWAY, SERVER, STORE}, set(spans))
        self.assertEqual([CALLER, spans[GATEWAY].id, spans[SERVER].id],
                         [spans[scope].parent for scope in (GATEWAY, SERVER, STORE)])
        self.assertEqual({(TRACE, STATE)}, {(s.trace, s.state) for s in spans.values()})
        self.assertEqual(["runs-gateway", "runsd"],
                         [spans[s].resource["service.name"] for s in (GATEWAY, SERVER)])
        self.assertEqual(0x301, spans[SERVER].raw["flags"], "its parent is of another process")
        self.assertEqual(2, len({s.resource["service.instance.id"] for s in spans.values()}))

    def test_the_server_does_not_decide_again(self):
        self.start("0", "1")
        self.call("GET", "/v1/runs/a")
        with grpc.insecure_channel(self.grpc) as channel:
            stubs.service_grpc.RunsServiceStub(channel).ListRuns(stubs.service_pb2.ListRunsRequest(),
                                                metadata=stubs.bearer(self.token),
                                                timeout=DEADLINE_S)
        spans = self.stop()
        self.assertEqual(["runs.v1.RunsService/ListRuns"], [span.name for span in spans])
        self.assertEqual("", spans[0].parent)

    def test_a_gateway_without_traces_passes_on_its_clients(self):
        self.start("0", "0", endpoint=False)
        self.call("GET", "/v1/runs/a", SAMPLED)
        span, = self.stop()
        self.assertEqual((TRACE, CALLER, SERVER), (span.trace, span.parent, span.scope[0]))

    def test_an_upstream_that_is_down_is_a_failure_of_the_gateway(self):
        self.start("1", "1")
        self.runsd.kill()
        self.assertEqual(503, self.call("GET", "/v1/runs/a").status)
        self.gateway.stop()
        span = self.collector.spans()[-1]
        self.assertTrue(span.is_failed)
        self.assertEqual("503", span.attributes["error.type"])


# What a collector may do, and what of ten spans it has been sent in the end.
def endless(handler):
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass
    handler.close_connection = True


def closing(handler):
    handler.connection.close()
    handler.close_connection = True


def garbage(handler):
    handler.wfile.write(b"\x00\xff no HTTP \r\n\r\n")
    handler.close_connection = True


def dripping(handler):
    try:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            time.sleep(0.05)
    except OSError:
        pass
    handler.close_connection = True


class Faults(Traced):
    """No request and no stop waits for a collector, whatever it does."""

    SECRET = "very-secret-4711"

    def run_with(self, url, calls=60):
        server = Serve(self.place.store, "--trace-endpoint", url, "--trace-sample", "1",
                       "--trace-header", f"X-Key={self.SECRET}", "--log-level", "debug")
        self.addCleanup(server.kill)
        self.port = server.http_port
        begin = time.monotonic()
        for i in range(calls):
            self.assertEqual(404, self.call("GET", f"/v1/runs/{i}").status)
        self.assertLess(time.monotonic() - begin, 10, "60 calls on a busy machine")
        return server

    def stops_soon(self, server):
        begin = time.monotonic()
        self.assertEqual(0, server.stop())
        took = time.monotonic() - begin
        self.assertLess(took, 4, "half a second at most is the collector's")
        self.assertNotIn(self.SECRET, server.text())

    def test_one_that_never_takes_anything_delays_nobody(self):
        for name, answer in (("hangs", None), ("closes", closing), ("talks nonsense", garbage),
                             ("drips", dripping), ("never ends", endless),
                             ("fails", lambda n: (500, {}, b"no")),
                             ("is busy", lambda n: (503, {"Retry-After": "3600"}, b""))):
            with self.subTest(name):
                collector = Collector()
                self.addCleanup(collector.stop)
                collector.answer = (lambda n, c=collector: c.hang) if answer is None else (
                    answer if name in ("fails", "is busy") else lambda n, a=answer: a)
                server = self.run_with(collector.url)
                collector.wait_for_requests(1)
                self.stops_soon(server)
                lost = [l["lost"] for l in server.lines
                        if l["message"].startswith("spans were lost")]
                self.assertEqual(1, len(lost))
                self.assertGreater(lost[0], 0)

    def test_one_that_is_down_is_told_once_and_delays_nobody(self):
        server = self.run_with(f"http://127.0.0.1:{closed_port()}/v1/traces")
        line = server.wait_for_log(lambda l: l["message"] == "traces cannot be exported", "a warning")
        self.assertEqual(("warn", 0), (line["level"], line["status"]))
        self.assertIn("connect", line["detail"])
        self.stops_soon(server)
        told = [l["message"] for l in server.lines if l["message"].startswith("traces ")]
        self.assertEqual(["traces will be sent", "traces cannot be exported"], told)

    def test_statuses_that_may_pass_are_tried_again(self):
        for status in (429, 502, 503, 504):
            with self.subTest(status):
                collector = Collector(lambda n, s=status: (s, {"Retry-After": "1"}, b"") if n == 0
                                      else (200, {}, b""))
                self.addCleanup(collector.stop)
                server = self.run_with(collector.url, calls=1)
                first, second = collector.wait_for_requests(2)
                self.assertEqual(first[2], second[2], "the same request")
                server.wait_for_log(lambda l: l["message"] == "traces are exported", "exported")
                self.stops_soon(server)
                self.assertEqual(2, len(collector.requests))

    def test_traces_are_said_to_be_exported_once_they_are(self):
        collector = Collector(lambda n: (503 if n == 1 else 200, {"Retry-After": "1"}, b""))
        self.addCleanup(collector.stop)
        server = self.run_with(collector.url, calls=1)
        server.wait_for_log(lambda l: l["message"] == "traces are exported", "exported")
        self.call("GET", "/v1/runs/a")
        server.wait_for_log(lambda l: l["message"] == "traces are exported again", "again")
        self.stops_soon(server)
        self.assertEqual(["traces will be sent", "traces are exported", "traces cannot be exported",
                          "traces are exported again"],
                         [l["message"] for l in server.lines if l["message"].startswith("traces ")])

    def test_retry_after_is_kept(self):
        times = []

        def answer(number):
            times.append(time.monotonic())
            return (429, {"Retry-After": "3"}, b"") if number == 0 else (200, {}, b"")

        collector = Collector(answer)
        self.addCleanup(collector.stop)
        server = self.run_with(collector.url, calls=1)
        collector.wait_for_requests(2)
        self.assertGreaterEqual(times[1] - times[0], 2.9)
        self.stops_soon(server)

    def test_other_statuses_are_not(self):
        for status in (301, 400, 401, 404, 413, 500, 501):
            with self.subTest(status):
                collector = Collector(lambda n, s=status: (s, {"Location": "/elsewhere"}, b"no")
                                      if n == 0 else (200, {}, b""))
                self.addCleanup(collector.stop)
                server = self.run_with(collector.url, calls=1)
                line = server.wait_for_log(lambda l: l["message"] == "traces cannot be exported",
                                           "a warning")
                self.assertEqual(status, line["status"])
                self.call("GET", "/v1/runs/after")  # another batch
                collector.wait_for_requests(2)
                self.stops_soon(server)
                self.assertEqual(["/v1/traces"] * 2, [path for path, _, _ in collector.requests])
                self.assertNotEqual(collector.requests[0][2], collector.requests[1][2])

    def test_spans_that_it_refused_are_told(self):
        partial = bytes([0x0A, 0x06, 0x08, 0x02, 0x12, 0x02]) + b"no"  # rejected_spans 2, "no"
        collector = Collector(lambda n: (200, {"Content-Type": "application/x-protobuf"}, partial))
        self.addCleanup(collector.stop)
        server = self.run_with(collector.url, calls=3)
        line = server.wait_for_log(lambda l: l["message"] == "the collector refused spans", "it")
        self.assertEqual(2, line["count"])
        self.stops_soon(server)

    def test_spans_beyond_the_ring_are_dropped_and_told(self):
        collector = Collector()
        self.addCleanup(collector.stop)
        collector.answer = lambda n: collector.hang
        server = self.run_with(collector.url, calls=10)
        collector.wait_for_requests(1)

        def many():
            for i in range(700):
                self.call("GET", f"/v1/runs/{i}")

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.stops_soon(server)
        line = server.wait_for_log(lambda l: l["message"] == "spans dropped", "it")
        self.assertGreater(line["count"], 0)

    def test_what_waits_at_a_stop_is_sent(self):
        server = self.serve("--trace-sample", "1")
        self.call("GET", "/v1/runs/last", {"X-Request-Id": "last"})
        self.assertEqual(0, server.stop())
        self.assertEqual(2, len(self.collector.spans()))


BAD = [
    (("--trace-endpoint", "collector:4318"),
     '--trace-endpoint: "collector:4318" is no URL that begins with http:// or https://'),
    (("--trace-endpoint", "ftp://h/v1/traces"), '"ftp://h/v1/traces" is no URL that begins'),
    (("--trace-endpoint", "http:///v1/traces"), "has no host"),
    (("--trace-endpoint", "http://h:0/"), "has a port that is no number from 1 to 65535"),
    (("--trace-endpoint", "http://h:99999/"), "has a port that is no number from 1 to 65535"),
    (("--trace-endpoint", "http://h:4318x/"), "has a port that is no number from 1 to 65535"),
    (("--trace-endpoint", "http://h/a b"), "has a character that must be percent-encoded"),
    (("--trace-endpoint", "http://u:hidden@h/"), "the value has a user name"),
    (("--trace-endpoint", ""), "is no URL that begins"),
    (("--trace-endpoint", "http://h", "--trace-sample", "2"),
     '--trace-sample: "2" is no number from 0 to 1, like 0.01'),
    (("--trace-endpoint", "http://h", "--trace-sample", "-0.1"), '"-0.1" is no number'),
    (("--trace-endpoint", "http://h", "--trace-sample", "1e-3"), '"1e-3" is no number'),
    (("--trace-endpoint", "http://h", "--trace-sample", "nan"), '"nan" is no number'),
    (("--trace-endpoint", "http://h", "--trace-sample", ""), '"" is no number'),
    (("--trace-sample", "0.5"), "--trace-sample without --trace-endpoint"),
    (("--trace-endpoint", "http://h", "--trace-header", "hidden"),
     "--trace-header: number 1 is no NAME=VALUE"),
    (("--trace-endpoint", "http://h", "--trace-header", "X-A=b", "--trace-header", "X hidden=v"),
     "--trace-header: number 2 has a name that is none of a header"),
    (("--trace-endpoint", "http://h", "--trace-header", "Content-Type=hidden"),
     "the header Content-Type is set by the export itself"),
    (("--trace-endpoint", "http://h", "--trace-header", "X-Key=hidden\r\nX: y"),
     "the value of X-Key is empty, longer than 4096 bytes or not printable ASCII"),
    (("--trace-endpoint", "http://h", "--trace-header", "X-Key="), "the value of X-Key is empty"),
    (("--trace-endpoint", "http://h", *("--trace-header", "X=hidden") * 17),
     "--trace-header may be given 16 times at most"),
]


class Options(unittest.TestCase):
    def test_wrong_ones_are_told_without_their_secrets(self):
        for words in (("runsd", "--store", "memory:"), ("runs-gateway", "--upstream", "localhost:1"),
                      ("runsctl", "serve", "--store", "memory:")):
            for options, message in BAD:
                with self.subTest(program=words[0], options=options):
                    process = Process(program(words[0]), *words[1:], *options)
                    self.assertEqual(2, process.popen.wait(DEADLINE_S))
                    process.kill()
                    self.assertIn(message, process.text())
                    self.assertNotIn("hidden", process.text())

    def test_a_header_may_come_from_the_environment(self):
        collector = Collector()
        self.addCleanup(collector.stop)
        os.environ["RUNSD_TRACE_HEADER"] = "X-Key=from the environment"
        self.addCleanup(os.environ.pop, "RUNSD_TRACE_HEADER")
        server = Serve("memory:", "--trace-sample=1", f"--trace-endpoint=http://127.0.0.1:{collector.port}")
        self.addCleanup(server.kill)
        rest.request(server.http_port, "GET", "/v1/runs")
        server.stop()
        (path, headers, _), = collector.requests
        self.assertEqual(("/v1/traces", "from the environment"), (path, headers["X-Key"]))


if __name__ == "__main__":
    unittest.main()
