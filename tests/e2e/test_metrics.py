"""What a program tells of itself: --admin, as a person and Debian's Prometheus see it."""

import collections
import http.client
import json
import socket
import struct
import threading
import unittest

import rest
from gateways import Echo, Gateway
from harness import Place, Process, Serve, create_token, program, runsctl, wait_until
from http_wire import Wire
from prometheus import OPENMETRICS, Prometheus, WithoutAccept, promtool, scrape, value

SMALL = {"workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
RUNS = "/v1/runs"
RUN = "/v1/runs/{id}"
CANCEL = "/v1/runs/{id}/cancel"
WATCH = "/v1/runs:watch"


def admin_port(process):
    return process.wait_for_log(lambda l: l.get("message") == "serving metrics", "--admin")["port"]


def requests(found):
    """{(route, method, code, reason): count}."""
    return {tuple(dict(labels).get(key, "") for key in ("route", "method", "code", "reason")): number
            for (name, labels), number in found.items() if name == "runsd_http_requests_total"}


class Counted:
    """Requests one by one, with what the gateway is to have counted of them."""

    def __init__(self, port):
        self.port = port
        self.requests = collections.Counter()
        self.sent = self.received = self.connections = 0

    def ask(self, method, path, expected, token=None, body=None):
        """expected: (route, code, reason)."""
        route, code, reason = expected
        text = json.dumps(body) if body is not None else None
        reply = rest.request(self.port, method, path, token, text)
        if (code, reason) != (reply.status, "" if code == 200 else reply.error["reason"]):
            raise AssertionError(f"{method} {path}: {reply.status} {reply.body!r}")
        self.requests[route, method, str(code), reason] += 1
        self.connections += 1
        self.sent += len(text or "")
        self.received += len(reply.body)


class Load(unittest.TestCase):
    """A known load, and every number that the gateway has of it."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.token = create_token(cls.place.store)
        cls.server = Serve(cls.place.store, "--admin", "127.0.0.1:0", "--max-streams", "1",
                           "--max-connections", "77", "--max-in-flight", "55")
        cls.addClassCleanup(cls.server.stop)
        cls.admin = admin_port(cls.server)
        cls.counted = Counted(cls.server.http_port)
        cls.load(cls.counted, cls.token)
        cls.watch = Wire(cls.server.http_port)
        cls.addClassCleanup(cls.watch.close)
        cls.begin_watch()

    @classmethod
    def load(cls, counted, token):
        ask = counted.ask
        for i in range(5):
            ask("POST", RUNS, (RUNS, 200, ""), token, {"id": f"r{i}", **SMALL})
        for _ in range(2):
            ask("POST", RUNS, (RUNS, 409, "RUN_ALREADY_EXISTS"), token,
                {"id": "r0", **SMALL})
        for _ in range(7):
            ask("GET", f"{RUNS}/r1", (RUN, 200, ""), token)
        for _ in range(4):
            ask("GET", f"{RUNS}/none", (RUN, 404, "RUN_NOT_FOUND"), token)
        for _ in range(3):
            ask("GET", f"{RUNS}/r1", (RUN, 401, "TOKEN_MISSING"))
        ask("GET", f"{RUNS}/r1", (RUN, 401, "TOKEN_INVALID"), "x")
        for i in range(3):
            ask("POST", f"{RUNS}/r{i}/cancel", (CANCEL, 200, ""), token)
        for _ in range(2):
            ask("POST", f"{RUNS}/r0/cancel", (CANCEL, 409, "RUN_ALREADY_FINISHED"), token)
        ask("POST", f"{RUNS}/r3/cancel", (CANCEL, 400, "BODY_INVALID"), token, ["no object"])
        ask("GET", "/v1/nothing", ("none", 404, "ROUTE_NOT_FOUND"), token)
        ask("DELETE", RUNS, ("none", 405, "METHOD_NOT_ALLOWED"), token)

    @classmethod
    def begin_watch(cls):
        """One stream with a message, and a second one for which there is no room."""
        cls.watch.send((f"GET {WATCH}?snapshot=true HTTP/1.1\r\nHost: h\r\n"
                        f"Authorization: Bearer {cls.token}\r\n\r\n").encode())
        wait_until(lambda: value(cls.look(), "runsd_http_stream_messages_total", route=WATCH) > 0,
                   "a message of the stream")
        cls.counted.ask("GET", WATCH, (WATCH, 429, "OVERLOADED"), cls.token)

    @classmethod
    def look(cls, accept=None):
        return scrape(cls.admin, accept)

    def settled(self):
        """The numbers once the connections of the load are closed."""
        wait_until(lambda: value(self.look(), "runsd_http_connections") == 1, "the closing")
        return self.look()

    def test_each_request_is_counted_by_route_method_code_and_reason(self):
        self.assertEqual(dict(self.counted.requests), requests(self.settled()))

    def test_each_route_has_a_histogram_of_its_times(self):
        found = self.settled()
        counts = collections.Counter()
        for (route, *_), number in self.counted.requests.items():
            counts[route] += number
        for route, number in counts.items():
            name = "runsd_http_request_duration_seconds"
            with self.subTest(route):
                self.assertEqual(number, value(found, name + "_count", route=route))
                buckets = sorted((float(dict(labels)["le"]), n) for (of, labels), n in found.items()
                                 if of == name + "_bucket" and ("route", route) in labels)
                self.assertEqual(15, len(buckets))
                self.assertEqual(sorted(n for _, n in buckets), [n for _, n in buckets])
                self.assertEqual(number, buckets[-1][1])
                self.assertGreater(value(found, name + "_sum", route=route), 0)

    def test_bodies_connections_streams_and_limits_are_counted(self):
        found = self.settled()
        expected = {
            "runsd_http_request_body_bytes_total": self.counted.sent,
            "runsd_http_response_body_bytes_total": self.counted.received,
            "runsd_http_connections": 1,
            "runsd_http_connections_accepted_total": self.counted.connections + 1,
            "runsd_http_connections_limit": 77,
            "runsd_http_calls": 0,
            "runsd_http_calls_waiting": 0,
            "runsd_http_calls_limit": 55,
            "runsd_http_buffered_limit_bytes": 256 << 20,
        }
        self.assertEqual(expected, {name: value(found, name) for name in expected})
        labelled = {
            ("runsd_http_streams", "caller"): {"token": 1, "anonymous": 0},
            ("runsd_http_streams_limit", "caller"): {"token": 1, "anonymous": 1},
            ("runsd_http_refusals_total", "cause"): {
                "calls": 0, "streams": 1, "anonymous_streams": 0, "buffered_bytes": 0},
            ("runsd_http_requests_in_progress", "state"): {
                "head": 0, "asking": 0, "waiting": 0, "body": 0, "calling": 0, "refused": 0,
                "looking": 0, "streaming": 1, "answered": 0},
        }
        for (name, label), numbers in labelled.items():
            with self.subTest(name):
                self.assertEqual(numbers, {dict(labels)[label]: number for (of, labels), number
                                           in found.items() if of == name})
        # What the stream's request and its messages hold of the budget.
        self.assertGreater(value(found, "runsd_http_buffered_bytes"), 0)
        self.assertGreaterEqual(value(found, "runsd_http_stream_messages_total", route=WATCH), 1)

    def test_prometheus_has_the_same_numbers_in_both_formats(self):
        older = WithoutAccept(self.admin)
        self.addCleanup(older.stop)
        prometheus = Prometheus(self.place.path, {"open": self.admin, "text": older.server_port})
        self.addCleanup(prometheus.stop)
        # What changes by itself while the stream is open.
        moves = ("runsd_http_stream_messages_total", "runsd_http_buffered_bytes")
        ours = {key: number for key, number in self.settled().items()
                if key[0].startswith("runsd_http_") and key[0] not in moves}
        self.assertGreater(len(ours), 100)
        for job in ("open", "text"):
            with self.subTest(job):
                query = f'{{__name__=~"runsd_http_.*",job="{job}"}}'
                wait_until(lambda query=query: prometheus.query(query) != {}, "a scrape")
                seen = {key: number for key, number in prometheus.query(query).items()
                        if key[0] not in moves}
                self.assertEqual(ours, seen)
                self.assertEqual(("up", ""), prometheus.targets()[job])
        # As an operator asks.
        self.assertEqual({(None, (("code", "409"),)): 4.0, (None, (("code", "429"),)): 1.0},
                         prometheus.query('sum by (code) (runsd_http_requests_total{job="open",'
                                          'code=~"409|429"})'))

    def test_both_formats_have_the_same_numbers(self):
        self.settled()

        def of_gateway(accept):
            return {key: number for key, number in self.look(accept).items()
                    if key[0].startswith("runsd_http_request")}
        self.assertEqual(of_gateway(None), of_gateway(OPENMETRICS))

    def test_promtool_finds_nothing_to_say(self):
        reply = rest.request(self.admin, "GET", "/metrics")
        self.assertEqual("", promtool("check", "metrics", text=reply.body.decode()))


class Upstream(unittest.TestCase):
    """runs-gateway before a server that takes its time."""

    def test_calls_that_wait_and_those_that_are_refused_are_counted(self):
        place = Place()
        self.addCleanup(place.remove)
        echo = Echo(place.path)
        self.addCleanup(echo.stop)
        echo.gate = threading.Event()
        self.addCleanup(echo.gate.set)
        gateway = Gateway(echo.address, "--descriptors", echo.set, "--admin", "127.0.0.1:0",
                          "--max-in-flight", "2", "--reserved-in-flight", "0")
        self.addCleanup(gateway.stop)
        admin = admin_port(gateway)
        wires = [Wire(gateway.port) for _ in range(3)]
        for wire in wires:
            self.addCleanup(wire.close)
        for wire in wires[:2]:
            wire.send(b"GET /v1/say/you HTTP/1.1\r\nHost: h\r\n\r\n")
        wait_until(lambda: value(scrape(admin), "runsd_http_calls") == 2, "both calls")
        wires[2].send(b"GET /v1/say/you HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertEqual(429, wires[2].reply().status)
        wait_until(lambda: value(scrape(admin), "runsd_http_refusals_total", cause="calls") == 1,
                   "the refusal")
        found = scrape(admin)
        self.assertEqual(2, value(found, "runsd_http_requests_in_progress", state="calling"))
        self.assertEqual({("/v1/say/{name}", "GET", "429", "OVERLOADED"): 1}, requests(found))
        echo.gate.set()
        for wire in wires[:2]:
            self.assertEqual(200, wire.reply().status)
        wait_until(lambda: value(scrape(admin), "runsd_http_calls") == 0, "the end")
        # A client that resets its connection.
        echo.gate.clear()
        echo.entered.clear()
        left = Wire(gateway.port)
        left.send(b"GET /v1/say/you HTTP/1.1\r\nHost: h\r\n\r\n")
        self.assertTrue(echo.entered.wait(60))
        left.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        left.close()
        wait_until(lambda: sum(requests(scrape(admin)).values()) == 4, "the client's leaving")
        echo.gate.set()
        # A reason that only the upstream knows has no name of its own here.
        self.assertEqual(409, rest.request(gateway.port, "GET", "/v1/fail/you").status)
        wait_until(lambda: sum(requests(scrape(admin)).values()) == 5, "all of them")
        self.assertEqual({
            ("/v1/say/{name}", "GET", "200", ""): 2,
            ("/v1/say/{name}", "GET", "429", "OVERLOADED"): 1,
            ("/v1/say/{name}", "GET", "499", "REQUEST_CANCELLED"): 1,
            ("/v1/fail/{name}", "GET", "409", "other"): 1,
        }, requests(scrape(admin)))
        self.assertEqual("", promtool("check", "metrics", text=rest.request(
            admin, "GET", "/metrics").body.decode()))


class Memory(unittest.TestCase):
    """The budget for bodies, and requests that do not end."""

    def test_bytes_that_are_held_waited_for_and_refused_are_counted(self):
        place = Place()
        self.addCleanup(place.remove)
        token = create_token(place.store)
        server = Serve(place.store, "--admin", "127.0.0.1:0", "--max-buffered-bytes",
                       str(4 << 20), "--max-body-bytes", str(1 << 20), "--request-timeout-ms", "8000")
        self.addCleanup(server.stop)
        admin = admin_port(server)
        head = (f"POST {RUNS} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {1 << 20}\r\n\r\n").encode()
        slow, waiting = Wire(server.http_port), Wire(server.http_port)
        self.addCleanup(slow.close)
        self.addCleanup(waiting.close)

        def in_state(state):
            return value(scrape(admin), "runsd_http_requests_in_progress", state=state)
        slow.send(head + b"{")
        wait_until(lambda: in_state("body") == 1, "the body's first byte")
        self.assertGreaterEqual(value(scrape(admin), "runsd_http_buffered_bytes"), 3 << 20)
        waiting.send(head + b" " * (1 << 20))
        wait_until(lambda: in_state("waiting") == 1, "the waiting request")
        self.assertEqual(429, waiting.reply().status)
        wait_until(lambda: value(scrape(admin), "runsd_http_refusals_total",
                                 cause="buffered_bytes") == 1, "the refusal")
        self.assertEqual(408, slow.reply().status)
        wait_until(lambda: sum(requests(scrape(admin)).values()) == 2, "both")
        self.assertEqual({(RUNS, "POST", "429", "OVERLOADED"): 1,
                          (RUNS, "POST", "408", "REQUEST_TIMEOUT"): 1}, requests(scrape(admin)))
        wait_until(lambda: value(scrape(admin), "runsd_http_buffered_bytes") == 0, "all given back")


class Busy(unittest.TestCase):
    """Whoever looks keeps nobody waiting, and loses nothing."""

    ASKERS = 4
    REQUESTS = 150  # of each

    def ask_all(self, server, replies):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=60)
        try:
            for i in range(self.REQUESTS):
                path = f"/v1/runs/{i % 3}" if i % 2 else "/healthz"
                replies[rest.request_on(connection, "GET", path).status] += 1
        finally:
            connection.close()

    def look_all(self, admin, accept, ending, seen):
        before = 0
        while not ending.is_set() or not seen:
            total = sum(requests(scrape(admin, accept)).values())
            if total < before:
                raise AssertionError(f"{total} after {before}")
            before = total
            seen.append(total)

    def test_looks_and_requests_at_once_agree_at_the_end(self):
        server = Serve("memory:", "--admin", "127.0.0.1:0")
        self.addCleanup(server.stop)
        admin = admin_port(server)
        ending = threading.Event()
        self.addCleanup(ending.set)
        seen = [[], []]
        lookers = [threading.Thread(target=self.look_all, args=(admin, accept, ending, one))
                   for accept, one in zip((None, OPENMETRICS), seen)]
        replies = [collections.Counter() for _ in range(self.ASKERS)]
        askers = [threading.Thread(target=self.ask_all, args=(server, one)) for one in replies]
        for thread in lookers + askers:
            thread.start()
        for thread in askers:
            thread.join(60)
        ending.set()
        for thread in lookers:
            thread.join(60)
        half = self.ASKERS * self.REQUESTS // 2
        self.assertEqual({200: half, 401: half}, dict(sum(replies, collections.Counter())))
        wait_until(lambda: sum(requests(scrape(admin)).values()) == 2 * half, "all requests")
        self.assertEqual({("/healthz", "GET", "200", ""): half,
                          (RUN, "GET", "401", "TOKEN_MISSING"): half}, requests(scrape(admin)))

    def test_without_the_option_nothing_is_counted_and_nothing_listens(self):
        server = Serve("memory:", counts=False)
        self.addCleanup(server.stop)
        self.assertEqual(200, rest.request(server.http_port, "GET", "/healthz").status)
        self.assertEqual(404, rest.request(server.http_port, "GET", "/metrics").status)
        self.assertFalse([l for l in server.lines if "admin" in l])


class Listener(unittest.TestCase):
    """--admin itself."""

    @classmethod
    def setUpClass(cls):
        cls.server = Serve("memory:", "--admin", "127.0.0.1:0")
        cls.addClassCleanup(cls.server.stop)
        cls.admin = admin_port(cls.server)

    def test_the_pages_are_there_for_get_and_head_and_nothing_else_is(self):
        rows = (
            ("GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
            ("HEAD", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
            ("GET", "/healthz", 200, "application/json"),
            ("GET", "/readyz", 200, "application/json"),
            ("GET", "/readyz?verbose", 200, "application/json"),
            ("GET", "/version", 200, "application/json"),
            ("GET", "/", 404, "text/plain; charset=utf-8"),
            ("GET", "/metrics/", 404, "text/plain; charset=utf-8"),
            ("GET", "/v1/runs", 404, "text/plain; charset=utf-8"),
            ("POST", "/metrics", 405, "text/plain; charset=utf-8"),
            ("DELETE", "/healthz", 405, "text/plain; charset=utf-8"),
        )
        for method, path, status, media_type in rows:
            with self.subTest(f"{method} {path}"):
                connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=60)
                self.addCleanup(connection.close)
                connection.request(method, path)
                reply = connection.getresponse()
                body = reply.read()
                self.assertEqual((status, media_type, "no-store"), (
                    reply.status, reply.headers["Content-Type"], reply.headers["Cache-Control"]))
                self.assertEqual(method == "HEAD", body == b"")
                self.assertEqual("GET, HEAD" if status == 405 else None, reply.headers["Allow"])

    def test_openmetrics_is_for_who_asks_for_it(self):
        reply = rest.request(self.admin, "GET", "/metrics", headers={"Accept": OPENMETRICS})
        self.assertEqual("application/openmetrics-text; version=1.0.0; charset=utf-8",
                         reply.headers["Content-Type"])
        self.assertTrue(reply.body.endswith(b"\n# EOF\n"))

    def test_the_version_is_that_of_the_program(self):
        told = rest.request(self.admin, "GET", "/version").json()
        self.assertEqual("runsctl", told["program"])
        self.assertIn(told["version"], runsctl("--version").stdout)
        self.assertIn("libmicrohttpd", told["libraries"])

    def test_readiness_tells_the_stage_and_a_stop_is_seen(self):
        server = Serve("memory:", "--admin", "127.0.0.1:0", "--drain-ms", "60000")
        admin = admin_port(server)
        ready = rest.request(admin, "GET", "/readyz").json()
        self.assertEqual("ok", ready["status"])
        self.assertEqual({"name": "stage", "ok": True, "detail": "serving"}, dict(ready["checks"][0]))
        # A request that is not whole keeps the stop waiting.
        busy = Wire(server.http_port)
        busy.send(b"POST /v1/runs HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n{")
        wait_until(lambda: value(scrape(admin), "runsd_http_connections") == 1, "the connection")
        server.popen.terminate()
        server.wait_for_log(lambda l: l.get("message") == "stopping", "the stop")

        def stopping():
            reply = rest.request(admin, "GET", "/readyz")
            return reply.status == 503 and reply.json()["checks"][0]["detail"] == "stopping"
        wait_until(stopping, "503")
        self.assertEqual(200, rest.request(admin, "GET", "/healthz").status)
        self.assertGreater(len(scrape(admin)), 0)
        busy.close()
        self.assertEqual(0, server.stop())

    def test_a_gateway_without_its_upstream_is_alive_and_not_ready(self):
        gateway = Gateway("127.0.0.1:1", "--reflect", "--admin", "127.0.0.1:0", wait=False)
        self.addCleanup(gateway.stop)
        admin = admin_port(gateway)
        self.assertEqual(200, rest.request(admin, "GET", "/healthz").status)
        ready = rest.request(admin, "GET", "/readyz")
        self.assertEqual(503, ready.status)
        self.assertEqual({"name": "stage", "ok": False, "detail": "starting"},
                         dict(ready.json()["checks"][0]))

    def test_more_clients_than_are_served_wait_and_bad_ones_harm_nobody(self):
        idle = [socket.create_connection(("127.0.0.1", self.admin), timeout=60) for _ in range(20)]
        for one in idle:
            self.addCleanup(one.close)
        for one in idle[:18]:
            one.close()
        self.assertEqual(200, rest.request(self.admin, "GET", "/healthz").status)
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n",
                     b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n\r\n",
                     b"POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
                     b"POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz"):
            with self.subTest(data[:20]):
                rest.raw(self.admin, data)
                self.assertEqual(200, rest.request(self.admin, "GET", "/healthz").status)

    def test_promtool_finds_nothing_to_say_of_runsd_alone(self):
        server = Process(program("runsd"), "--store", "memory:", "--listen", "127.0.0.1:0",
                         "--admin", "127.0.0.1:0")
        self.addCleanup(server.stop)
        reply = rest.request(admin_port(server), "GET", "/metrics")
        self.assertEqual("", promtool("check", "metrics", text=reply.body.decode()))

    def test_a_client_that_asks_nothing_is_closed(self):
        with socket.create_connection(("127.0.0.1", self.admin), timeout=60) as client:
            client.sendall(b"GET /metr")
            self.assertEqual(b"", client.recv(1))

    def test_a_unix_socket_whose_file_is_gone_ends_the_program(self):
        place = Place()
        self.addCleanup(place.remove)
        path = place.path / "admin.sock"
        server = Serve("memory:", "--admin", f"unix:{path}")
        path.unlink()
        lost = server.wait_for_log(lambda l: l.get("listener") == "admin", "the guard's word")
        self.assertEqual("error", lost["level"])
        self.assertEqual(1, server.stop())

    def test_a_unix_socket_serves_as_well(self):
        place = Place()
        self.addCleanup(place.remove)
        path = f"{place.path}/admin.sock"
        server = Serve("memory:", "--admin", f"unix:{path}")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(path)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual(0, server.stop())


class Options(unittest.TestCase):
    """What is wrong with --admin is said, by each program, before anything is served."""

    def commands(self, http_address):
        place = Place()
        self.addCleanup(place.remove)
        return {
            "runsctl": ([program("runsctl"), "serve", "--store", "memory:", "--grpc", "127.0.0.1:0",
                         "--http", http_address], "--http"),
            "runsd": ([program("runsd"), "--store", "memory:", "--listen", http_address], "--listen"),
            "runs-gateway": ([program("runs-gateway"), "--upstream", f"unix:{place.path}/none",
                              "--listen", http_address], "--listen"),
        }

    def refused(self, command, status, *texts):
        process = Process(*command)
        self.assertEqual(status, process.popen.wait(60), process.tail())
        process.stop()
        for text in texts:
            self.assertIn(text, process.text())

    def test_an_address_that_is_taken_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for name, (command, _) in self.commands("127.0.0.1:0").items():
                with self.subTest(name):
                    # runsctl has an exit code of its own for what cannot be reached.
                    status = 6 if name == "runsctl" else 1
                    self.refused([*command, "--admin", address], status, "--admin", address,
                                 "in use")

    def test_the_address_of_another_listener_is_wrong_usage(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        for name, (command, option) in self.commands(address).items():
            with self.subTest(name):
                self.refused([*command, "--admin", address], 2, "--admin", option, address, "twice")

    def test_what_is_no_address_is_wrong_usage(self):
        for name, (command, _) in self.commands("127.0.0.1:0").items():
            for text in ("nowhere", "127.0.0.1:99999", "unix:", ""):
                with self.subTest(f"{name} {text}"):
                    self.refused([*command, "--admin", text], 2, "--admin", text)

    def test_an_address_that_others_can_reach_is_warned_of(self):
        for address, is_warned in (("127.0.0.1:0", False), ("0.0.0.0:0", True)):
            with self.subTest(address):
                server = Serve("memory:", "--admin", address)
                server.stop()
                warned = [l for l in server.lines if l["level"] == "warn" and "admin" in l]
                self.assertEqual([address] if is_warned else [], [l["admin"] for l in warned])
