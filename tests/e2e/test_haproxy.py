"""deploy/haproxy/haproxy.cfg: what clients get through it, who they are, and what it stops."""

import concurrent.futures
import json
import os
import re
import socket
import subprocess
import threading
import unittest

import grpc

import stubs
from certificates import Authority
from haproxy import CONFIG, Caller, OneMachine, Proxy, certificate, environment
from harness import DEADLINE_S, Place, Process, create_token, program, wait_until
from test_rest_watch import RUN
from test_stream_proxies import free_port
from test_watch import Reader

FORGED = "192.0.2.66"
CIPHERS = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
           "ECDHE-ECDSA-CHACHA20-POLY1305")
SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


class Placed(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)


class File(Placed):
    def check(self, **variables):
        certificate(self.place.path)
        return subprocess.run(["haproxy", "-c", "-f", CONFIG], capture_output=True, text=True,
                              check=False, env=environment(self.place.path, **variables))

    def test_it_is_valid_without_a_warning(self):
        ca = self.place.path / "runs.crt"
        tls = f"ssl verify required ca-file {ca} verifyhost runs.internal sni str(runs.internal)"
        for variables in ({}, {"RUNS_GRPC_NAME": "grpc.example", "RUNS_DROP_TRACEPARENT": "1"}, {
                "RUNS_REST_1": "192.0.2.11:8443", "RUNS_REST_2": "192.0.2.12:8443",
                "RUNS_REST_3": "192.0.2.13:8443", "RUNS_REST_4": "192.0.2.14:8443",
                "RUNS_REST_OPTIONS": tls, "RUNS_GRPC": "192.0.2.10:50051",
                "RUNS_GRPC_OPTIONS": f"{tls} alpn h2", "RUNS_GRPC_READY_ADDRESS": "192.0.2.11"}):
            with self.subTest(variables=variables):
                done = self.check(**variables)
                self.assertEqual((0, "Configuration file is valid\n", ""),
                                 (done.returncode, done.stdout, done.stderr))

    def test_it_says_what_each_variable_is(self):
        text = CONFIG.read_text(encoding="utf-8")
        used = set(re.findall(r"\$\{(RUNS_\w+)", text)) - {f"RUNS_REST_{n}" for n in "234"}
        self.assertEqual(used - {"RUNS_GRPC_NAME"},
                         set(re.findall(r"^    presetenv (\w+) ", text, re.MULTILINE)))


class Tls(Placed):
    def setUp(self):
        super().setUp()
        self.port = Proxy(self.place.path)
        self.addCleanup(self.port.end)

    def handshake(self, *options):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port.port}", "-CAfile",
             self.place.path / "runs.crt", *options], input="", capture_output=True, text=True,
            timeout=DEADLINE_S, check=False)

    def test_versions_ciphers_and_protocols_are_the_intermediate_ones(self):
        def taken(*options):
            done = self.handshake(*options)
            return done.returncode == 0 and "Verify return code: 0" in done.stdout
        for cipher in CIPHERS:
            self.assertTrue(taken("-tls1_2", "-cipher", cipher), cipher)
        for suite in SUITES:
            self.assertTrue(taken("-tls1_3", "-ciphersuites", suite), suite)
        for options in (("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
                        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
                        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"),
                        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")):
            self.assertFalse(taken(*options), options)
        for offered, chosen in (("h2,http/1.1", "h2"), ("http/1.1", "http/1.1")):
            self.assertIn(f"ALPN protocol: {chosen}\n",
                          self.handshake("-alpn", offered).stdout)


class Clients(Placed):
    """One machine, as the file is without any variable."""

    def setUp(self):
        super().setUp()
        self.one = OneMachine(self)
        self.proxy = self.one.proxy
        self.token = self.one.token

    def test_rest_over_both_versions_of_http(self):
        for option, version in (("--http2", "http/2 200"), ("--http1.1", "http/1.1 200 ok")):
            with self.subTest(version):
                head, body = self.proxy.curl(option, "-H", f"Authorization: Bearer {self.token}",
                                             "-H", "X-Request-Id: mine:1", "/v1/whoami")
                self.assertEqual(version, head[0].strip())
                self.assertIn("x-request-id: mine:1", head)
                self.assertIn("strict-transport-security: max-age=63072000", head)
                self.assertEqual("mine:1", json.loads(body)["requestId"])
        head, body = self.proxy.curl("-H", "X-Request-Id: no good", "/v1/whoami")
        self.assertRegex(json.loads(body)["requestId"], "^[0-9a-f-]{36}$")
        self.assertEqual("TOKEN_MISSING", json.loads(body)["error"]["reason"])

    def test_who_asks_is_what_the_proxy_says(self):
        caller = Caller(self, self.proxy, self.token)
        caller.create("grpc", more=(("x-forwarded-for", FORGED), ("forwarded", f"for={FORGED}"),
                                    ("x-request-id", "create-grpc")))
        reply = self.proxy.request(
            "POST", "/v1/runs", self.token, {**RUN, "id": "rest"},
            {"X-Forwarded-For": FORGED, "X-Real-Ip": FORGED, "Forwarded": f"for={FORGED}"},
            source="127.0.0.9")
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual([("127.0.0.1", "create-grpc")],
                         [(e.remote_address, e.request_id) for e in caller.events("grpc")])
        self.assertEqual(["127.0.0.9"], [e.remote_address for e in caller.events("rest")])

    def test_an_error_is_the_servers_own(self):
        caller = Caller(self, self.proxy, self.token)
        caller.create("one")
        caller.cancel("one")
        with self.assertRaises(grpc.RpcError) as caught:
            caller.cancel("one")
        self.assertEqual("RUN_ALREADY_FINISHED",
                         stubs.details(caught.exception)["ErrorInfo"].reason)
        reply = self.proxy.request("POST", "/v1/runs/one/cancel", self.token)
        self.assertEqual((409, "RUN_ALREADY_FINISHED"), (reply.status, reply.error["reason"]))

    def test_large_bodies_are_bounded_by_the_servers(self):
        caller = Caller(self, self.proxy, self.token)
        large = caller.create("large", text="x" * 3_000_000)
        self.assertEqual(large.workflow_definition, caller.get("large").workflow_definition)
        with self.assertRaises(grpc.RpcError) as caught:
            caller.create("larger", text="x" * 4_500_000)
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.code())
        nodes = {"root": {"type": "manual", "text": "x" * 1_000_000}}
        run = {"id": "body", "workflowDefinition": {"nodes": nodes}}
        reply = self.proxy.request("POST", "/v1/runs", self.token, run)
        self.assertEqual(200, reply.status, reply.body[:300])
        self.assertEqual(nodes, self.proxy.request("GET", "/v1/runs/body", self.token)
                         .json()["data"]["workflowDefinition"]["nodes"])
        nodes["root"]["text"] = "x" * 1_100_000
        reply = self.proxy.request("POST", "/v1/runs", self.token, {**run, "id": "more"})
        self.assertEqual((413, "BODY_TOO_LARGE"), (reply.status, reply.error["reason"]))

    def test_runsd_sees_the_deadline_and_the_end_of_a_client(self):
        caller = Caller(self, self.proxy, self.token)
        # A poll ends by itself before the deadline that it was told: see AcquireRuns.
        self.assertEqual(grpc.StatusCode.OK, caller.acquire(60, timeout=5).code())
        self.assertLess(self.one.call("AcquireRuns")["durationUs"], 5_000_000)
        watch = caller.watch()
        next(watch)
        watch.cancel()
        self.assertEqual("CANCELLED", self.one.call("WatchRuns")["code"])
        gone = Caller(self, self.proxy, self.token)
        next(gone.watch())
        gone.channel.close()
        wait_until(lambda: len(self.one.calls("WatchRuns")) == 2, "the second call")
        self.assertEqual("CANCELLED", self.one.calls("WatchRuns")[1]["code"])
        stream = self.proxy.connection()
        stream.request("GET", "/v1/runs:watch", headers={
            "Authorization": f"Bearer {self.token}", "Accept": "text/event-stream"})
        stream.getresponse().readline()
        stream.close()
        wait_until(lambda: len(self.one.calls("WatchRuns")) == 3, "the third call")

    def test_a_token_in_a_path_is_not_logged(self):
        self.proxy.request("GET", f"/v1/runs/{self.token}", self.token)
        line = self.proxy.wait_for_log(lambda l: l.get("path", "").startswith("/v1/runs/"), "a line")
        self.assertEqual("/v1/runs/rst_***", line["path"])
        self.assertNotIn(self.token[4:], self.proxy.text())

    def test_node_over_tls(self):
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        script = """
            const grpc = require('@grpc/grpc-js');
            const loader = require('@grpc/proto-loader');
            const fs = require('fs');
            const [address, folder, ca] = process.argv.slice(1);
            const { RunsService } = grpc.loadPackageDefinition(loader.loadSync(
              'runs/v1/runs_service.proto', { includeDirs: [folder], enums: String })).runs.v1;
            const client = new RunsService(address, grpc.credentials.createSsl(fs.readFileSync(ca)));
            const metadata = new grpc.Metadata();
            metadata.set('authorization', `Bearer ${process.env.TOKEN}`);
            client.CancelRun({ id: 'node' }, metadata, { deadline: Date.now() + 30000 },
              (error, run) => { console.log(error ? error.message : run.status); client.close(); });
        """
        Caller(self, self.proxy, self.token).create("node")
        done = subprocess.run(
            ["node", "-e", script, f"localhost:{self.proxy.port}", stubs.PROTOS_FOLDER,
             str(self.place.path / "runs.crt")], capture_output=True, text=True,
            timeout=DEADLINE_S, check=False,
            env={**os.environ, "NODE_PATH": modules, "TOKEN": self.token})
        self.assertEqual("RUN_STATUS_CANCELLED\n", done.stdout, done.stderr)


class Upstream:
    """A gRPC server that notes what reaches it: metadata, and from which connection."""

    def __init__(self, test, folder=None):
        self.seen = []
        self.entered = threading.Event()
        self.left = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "runs.v1.Echo", {"Say": grpc.unary_unary_rpc_method_handler(self.say),
                             "Wait": grpc.unary_unary_rpc_method_handler(self.wait)}),))
        if folder is None:
            port = self.server.add_insecure_port("127.0.0.1:0")
        else:
            pair = certificate(folder, "upstream")
            port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials(
                [(pair.key.read_bytes(), pair.cert.read_bytes())]))
        self.address = f"127.0.0.1:{port}"
        self.server.start()
        test.addCleanup(lambda: self.server.stop(None).wait(DEADLINE_S))

    def say(self, request, context):
        self.seen.append((dict(context.invocation_metadata()), context.peer(),
                          context.time_remaining()))
        return request

    def wait(self, request, context):
        """Until the client is gone."""
        gone = threading.Event()
        context.add_callback(gone.set)
        self.entered.set()
        if gone.wait(DEADLINE_S):
            self.left.set()
        return request


class ToTheServer(Placed):
    """What reaches the gRPC port."""

    def start(self, folder=None, **variables):
        self.upstream = Upstream(self, folder)
        # Ready is what any HTTP server says; that of one without gRPC is enough.
        ready = OneMachine(self)
        ready.proxy.end()
        self.proxy = Proxy(self.place.path, **{
            "RUNS_GRPC": self.upstream.address,
            "RUNS_GRPC_READY_PORT": str(ready.http_port), **variables})
        self.addCleanup(self.proxy.end)

    def say(self, *metadata, method="/runs.v1.Echo/Say", channel=None, timeout=DEADLINE_S,
            message=b"hello"):
        if channel is None:
            channel = self.proxy.channel()
            self.addCleanup(channel.close)
        return channel.unary_unary(method)(message, metadata=metadata, timeout=timeout)

    def refusal(self, *metadata, **more):
        with self.assertRaises(grpc.RpcError) as caught:
            self.say(*metadata, **more)
        return caught.exception.code(), caught.exception.details()

    def test_metadata_is_what_it_may_be(self):
        self.start()
        self.say(("x-forwarded-for", FORGED), ("forwarded", f"for={FORGED}"),
                 ("x-runsd-client-name", "dns:forged.example"), ("x-runsd-other", "1"),
                 ("some-bin", b"\x00\x01"), ("idempotency-key", "kept"),
                 ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"), timeout=7)
        metadata, _, left = self.upstream.seen[0]
        self.assertEqual("127.0.0.1", metadata["x-forwarded-for"])
        self.assertEqual("kept", metadata["idempotency-key"])
        self.assertIn("traceparent", metadata)
        self.assertRegex(metadata["x-request-id"], "^[0-9a-f-]{36}$")
        self.assertFalse({"forwarded", "some-bin", "x-runsd-client-name", "x-runsd-other"} &
                         set(metadata), metadata)
        self.assertLess(left, 7)

    def test_a_call_that_is_cancelled_or_late_is_so_at_the_server(self):
        self.start()
        channel = self.proxy.channel()
        self.addCleanup(channel.close)
        for timeout in (DEADLINE_S, 1):
            self.upstream.entered.clear()
            self.upstream.left.clear()
            call = channel.unary_unary("/runs.v1.Echo/Wait").future(b"", timeout=timeout)
            self.assertTrue(self.upstream.entered.wait(DEADLINE_S))
            if timeout == DEADLINE_S:
                call.cancel()
            else:
                self.assertEqual(grpc.StatusCode.DEADLINE_EXCEEDED, call.code())
            self.assertTrue(self.upstream.left.wait(DEADLINE_S / 2), timeout)

    def test_clients_can_be_kept_from_asking_for_traces(self):
        self.start(RUNS_DROP_TRACEPARENT="1")
        self.say(("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"), ("tracestate", "a=b"))
        self.assertFalse({"traceparent", "tracestate"} & set(self.upstream.seen[0][0]))

    def test_heads_are_bounded(self):
        self.start()
        self.say(("key", "x" * 6_000))
        self.assertEqual((grpc.StatusCode.RESOURCE_EXHAUSTED,
                          "The metadata is larger than 8,000 bytes."),
                         self.refusal(("key", "x" * 8_000)))
        for metadata in ((("key", "x" * 30_000),), tuple((f"key-{n}", "x") for n in range(100))):
            with self.assertRaises(grpc.RpcError):
                self.say(*metadata)
        self.assertEqual(1, len(self.upstream.seen))
        self.say()

    def test_methods_that_are_not_the_worlds_are_refused(self):
        self.start()
        for method in ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                       "/other.v1.Service/Method"):
            self.assertEqual((grpc.StatusCode.UNIMPLEMENTED,
                              "The proxy does not pass this method on."),
                             self.refusal(method=method))
        self.assertEqual([], self.upstream.seen)

    def test_clients_share_no_connection(self):
        self.start()
        channels = [self.proxy.channel() for _ in range(5)]
        for channel in channels * 3:
            self.addCleanup(channel.close)
            self.say(channel=channel)
        self.assertEqual(5, len({peer for _, peer, _ in self.upstream.seen}))

    def test_grpc_by_a_name_of_its_own(self):
        self.start(RUNS_GRPC_NAME="localhost")
        channel = grpc.secure_channel(
            f"localhost:{self.proxy.port}",
            grpc.ssl_channel_credentials((self.place.path / "runs.crt").read_bytes()))
        self.addCleanup(channel.close)
        self.say(channel=channel)
        with self.assertRaises(grpc.RpcError):
            self.say()
        self.assertEqual(1, len(self.upstream.seen))

    def test_grpc_over_tls_to_another_machine(self):
        self.start(self.place.path, RUNS_GRPC_OPTIONS=(
            f"ssl verify required ca-file {self.place.path}/upstream.crt verifyhost localhost "
            "sni str(localhost) alpn h2"))
        self.assertEqual(b"hello", self.say())
        self.proxy.end()
        # Another's certificate is not taken.
        certificate(self.place.path, "other")
        self.proxy = Proxy(self.place.path, RUNS_GRPC=self.upstream.address,
                           RUNS_GRPC_READY_PORT=self.proxy.variables["RUNS_GRPC_READY_PORT"],
                           RUNS_GRPC_OPTIONS=(
            f"ssl verify required ca-file {self.place.path}/other.crt verifyhost localhost "
            "sni str(localhost) alpn h2"))
        self.addCleanup(self.proxy.end)
        code, _ = self.refusal()
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, code)


class OnOtherMachines(Placed):
    """As the file's second example: all that leaves this machine is TLS."""

    def test_runsd_and_its_gateway_speak_tls(self):
        self.serve_and_stop()

    def test_a_certificate_that_they_ask_for_is_shown_by_checks_too(self):
        authority = Authority(self.place.path)
        shown = authority.issue("client", ("DNS:proxy.example",), use="clientAuth")
        both = self.place.path / "both.pem"
        both.write_bytes(shown.cert.read_bytes() + shown.key.read_bytes())
        self.serve_and_stop(
            ("--tls-client-ca", str(authority.cert), "--tls-client-auth", "require"),
            ("--upstream-cert", str(shown.cert), "--upstream-key", str(shown.key)),
            f" crt {both}")

    def serve_and_stop(self, asks=(), shows=(), more=""):
        """asks: of the servers' listeners, for a certificate; shows: of the gateway's upstream;
        more: HAProxy's options of servers."""
        folder = self.place.path
        pair = certificate(folder, "upstream")
        tls = ("--tls-cert", str(pair.cert), "--tls-key", str(pair.key), *asks)
        token = create_token(self.place.store)
        grpc_port = free_port()
        runsd = Process(program("runsd"), "--store", self.place.store, "--listen",
                        f"127.0.0.1:{grpc_port}", *tls)
        self.addCleanup(runsd.kill)
        runsd.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        gateway = Process(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                          f"tls:localhost:{grpc_port}", "--upstream-ca", f"{folder}/upstream.crt",
                          "--trust-forwarded-for", "127.0.0.1", *shows, *tls)
        self.addCleanup(gateway.kill)
        port = gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")["port"]
        options = f"ssl verify required ca-file {folder}/upstream.crt verifyhost localhost " \
                  f"sni str(localhost){more}"
        proxy = Proxy(folder, RUNS_REST_1=f"127.0.0.1:{port}", RUNS_REST_OPTIONS=options,
                      RUNS_GRPC=f"127.0.0.1:{grpc_port}", RUNS_GRPC_OPTIONS=f"{options} alpn h2",
                      RUNS_GRPC_READY_PORT=str(port), RUNS_GRPC_READY_OPTIONS="check-ssl check-alpn http/1.1")
        self.addCleanup(proxy.end)
        Caller(self, proxy, token).create("one")
        self.assertEqual(200, proxy.request("POST", "/v1/runs/one/cancel", token).status)
        proxy.wait_up("rest", "rest1")
        proxy.wait_up("grpc", "grpc1")
        self.assertEqual(0, gateway.stop())
        proxy.wait_down("rest", "rest1")
        proxy.wait_down("grpc", "grpc1")


class Strangers(Placed):
    def test_too_many_requests_of_one_address(self):
        one = OneMachine(self, RUNS_CLIENT_REQUESTS="20")
        caller = Caller(self, one.proxy, one.token)
        caller.create("one")
        replies = [one.proxy.request("GET", "/v1/runs/one", one.token) for _ in range(25)]
        self.assertEqual(200, replies[0].status)
        last = replies[-1]
        self.assertEqual((429, "PROXY_RATE_LIMITED", "10"), (
            last.status, last.error["reason"], last.headers["Retry-After"]))
        self.assertEqual(last.headers["X-Request-Id"], last.json()["requestId"])
        with self.assertRaises(grpc.RpcError) as caught:
            caller.get("one")
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.code())
        other = one.proxy.request("GET", "/v1/runs/one", one.token, source="127.0.0.8")
        self.assertEqual(200, other.status)

    def test_too_many_connections_of_one_address(self):
        for name, limit in (("RUNS_CLIENT_CONNECTIONS", 5), ("RUNS_CLIENT_NEW_CONNECTIONS", 5)):
            with self.subTest(name):
                self.setUp()
                one = OneMachine(self, **{name: str(limit)})
                held, refused = [], 0
                for _ in range(limit + 3):
                    connection = one.proxy.connection("127.0.0.7")
                    self.addCleanup(connection.close)
                    try:
                        connection.connect()
                        held.append(connection)
                    except OSError:
                        refused += 1
                self.assertEqual(limit, len(held))
                self.assertEqual(3, refused)
                self.assertEqual(200, one.proxy.request("GET", "/healthz",
                                                        source="127.0.0.8").status)
                one.proxy.end()
                one.server.kill()

    def test_who_says_nothing_is_sent_away_and_who_waits_is_not(self):
        one = OneMachine(self, RUNS_CLIENT_TIMEOUT="2s")
        watch = Reader(Caller(self, one.proxy, one.token).watch()).begun()
        waiting = Caller(self, one.proxy, one.token).acquire(6)
        stream = one.proxy.connection()
        stream.request("GET", "/v1/runs:watch", headers={
            "Authorization": f"Bearer {one.token}", "Accept": "text/event-stream"})
        reply = stream.getresponse()
        hello = b"\x16\x03\x01\x02\x00\x01\x00"  # the beginning of a handshake
        for sent in (b"", hello):
            with socket.create_connection(("127.0.0.1", one.proxy.port), DEADLINE_S) as silent:
                silent.sendall(sent)
                self.assertEqual(b"", silent.recv(1))
        self.assertEqual(grpc.StatusCode.OK, waiting.code())
        one.proxy.request("POST", "/v1/runs", one.token, {**RUN, "id": "late"})
        watch.wait_for_changes(1)
        self.assertIsNone(watch.error)
        for line in reply:
            if b'"late"' in line:
                break
        else:
            self.fail("the feed has ended")
        stream.close()

    def test_what_is_no_request_is_refused(self):
        one = OneMachine(self)
        for method in ("CONNECT", "TRACE"):
            reply = one.proxy.request(method, "/v1/runs")
            self.assertIn(reply.status, (400, 403), method)
            if reply.status == 403:
                self.assertEqual("PROXY_REQUEST_REFUSED", reply.error["reason"])
        reply = one.proxy.request("POST", "/runs.v1.RunsService/CancelRun",
                                  headers={"Content-Type": "application/grpc"})
        self.assertEqual((400, "PROXY_REQUEST_INVALID"), (reply.status, reply.error["reason"]))
        for headers in ({"A": "x" * 20_000}, {f"A-{n}": "x" for n in range(80)}):
            self.assertEqual(400, one.proxy.request("GET", "/healthz", headers=headers).status)


class NobodyIsUp(Placed):
    def test_the_proxys_errors_are_as_the_gateways(self):
        one = OneMachine(self)
        caller = Caller(self, one.proxy, one.token)
        caller.create("one")
        self.assertEqual(0, one.server.stop())
        one.proxy.wait_down("rest", "rest1")
        one.proxy.wait_down("grpc", "grpc1")
        reply = one.proxy.request("GET", "/v1/runs/one", one.token, headers={"X-Request-Id": "me"})
        self.assertEqual({"code": 503, "message": "No server is up. Nothing was changed by this "
                          "request.", "requestId": "me",
                          "error": {"status": "UNAVAILABLE", "reason": "PROXY_NO_SERVER",
                                    "metadata": {}}}, reply.json())
        self.assertEqual(("1", "application/json", "me"), tuple(
            reply.headers[name] for name in ("Retry-After", "Content-Type", "X-Request-Id")))
        with self.assertRaises(grpc.RpcError) as caught:
            caller.get("one")
        self.assertEqual((grpc.StatusCode.UNAVAILABLE, "No server is up."),
                         (caught.exception.code(), caught.exception.details()))
        one.server = one.start()
        one.proxy.wait_up("rest", "rest1")
        one.proxy.wait_up("grpc", "grpc1")
        self.assertEqual(200, one.proxy.request("GET", "/v1/runs/one", one.token).status)
        self.assertEqual("one", caller.get("one").id)


if __name__ == "__main__":
    unittest.main()
