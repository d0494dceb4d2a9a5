"""gRPC over TLS: who is let in, which versions and ciphers, and how certificates are replaced."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import grpc
from google.protobuf import json_format

import contract
import rest
import stubs
from gateways import Gateway
from harness import DEADLINE_S, Serve, program, runsctl, wait_until
from tls_grpc import (CLIENT_URI, Runsd, cipher_of, credentials_of, go, node, python, s_client,
                      tls_for)

TLS_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
TLS_1_2 = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
USAGE, UNAVAILABLE = 2, 6  # exit statuses


class Protocol(unittest.TestCase):
    """Mozilla's intermediate configuration, by openssl s_client."""

    @classmethod
    def setUpClass(cls):
        tls_for(cls)

    def said(self, *options, send=b""):
        return s_client(self.runsd.port, *options, send=send)

    def test_tls_1_3(self):
        for suite in TLS_1_3:
            with self.subTest(suite):
                said = self.said("-tls1_3", "-ciphersuites", suite)
                self.assertEqual(("TLSv1.3", suite), cipher_of(said), said)

    def test_tls_1_2(self):
        rsa = self.files.ours.issue("rsa", ("DNS:localhost",), key="rsa")
        other = Runsd(f"sqlite:{self.place.path}/rsa.db", *self.files.options(rsa))
        self.addCleanup(other.stop)
        for port, kind in ((self.runsd.port, "ECDSA"), (other.port, "RSA")):
            for cipher in TLS_1_2:
                cipher = f"ECDHE-{kind}-{cipher}"
                with self.subTest(cipher):
                    said = s_client(port, "-tls1_2", "-cipher", cipher)
                    self.assertEqual(("TLSv1.2", cipher), cipher_of(said), said)
            for cipher in (f"ECDHE-{kind}-AES128-SHA", f"ECDHE-{kind}-AES128-SHA256",
                           "AES128-GCM-SHA256", "DES-CBC3-SHA", "ADH-AES128-GCM-SHA256"):
                with self.subTest(cipher):
                    said = s_client(port, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
                    self.assertIsNone(cipher_of(said), said)

    def test_older_versions_are_refused(self):
        for version in ("-tls1", "-tls1_1"):
            with self.subTest(version):
                said = self.said(version, "-cipher", "ALL:@SECLEVEL=0")
                self.assertIsNone(cipher_of(said), said)
                self.assertIn("CONNECTED", said)
        self.runsd.wait_for_log(lambda l: l.get("reason") == "unsupported protocol", "a refusal")

    def test_the_protocol_is_h2_without_compression_and_renegotiation(self):
        said = self.said("-tls1_2", send=b"R\n")
        self.assertIn("ALPN protocol: h2", said)
        self.assertIn("Compression: NONE", said)
        # Refused by an alert, which the server's first bytes of HTTP/2 may come before.
        _, began, rest_of_it = said.partition("RENEGOTIATING")
        self.assertEqual("RENEGOTIATING", began, said)
        self.assertRegex(rest_of_it, "no renegotiation|unexpected record")
        self.assertNotIn("verify return", rest_of_it)  # of a second handshake

    def test_groups(self):
        said = self.said("-groups", "X25519:P-256")
        self.assertIn("Server Temp Key: ECDH, prime256v1, 256 bits", said)
        for group in ("X25519", "P-384"):
            self.assertIsNone(cipher_of(self.said("-groups", group)), group)

    def test_another_protocol_than_h2_is_closed(self):
        for alpn in ("http/1.1", "h3"):
            self.assertIn("No ALPN negotiated", self.said("-alpn", alpn, "-ign_eof"))

    def test_the_environment_makes_no_other_ciphers(self):
        os.environ["GRPC_SSL_CIPHER_SUITES"] = "ALL"
        self.addCleanup(os.environ.pop, "GRPC_SSL_CIPHER_SUITES")
        weak = Runsd(f"sqlite:{self.place.path}/weak.db", *self.files.options())
        self.addCleanup(weak.stop)
        said = s_client(weak.port, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA")
        self.assertIsNone(cipher_of(said), said)


class Clients(unittest.TestCase):
    """Python, Node.js and Go, each with every kind of certificate."""

    def setUp(self):
        self.clients = {"python": python, "node": node,
                        "go": lambda *more, **named: go(self.place.path, *more, **named)}

    def check(self, expected, ca, pair=None, server_name=None):
        for name, ask in self.clients.items():
            with self.subTest(name):
                said = ask(f"localhost:{self.runsd.port}", ca, pair, server_name)
                self.assertEqual(expected, said == "SERVING", said)

    def test_without_certificates_of_clients(self):
        tls_for(self)
        self.check(True, self.files.ours.cert)
        self.check(True, self.files.ours.cert, self.files.client)
        self.check(False, self.files.foreign.cert)
        self.check(False, self.files.ours.cert, server_name="other.example")

    def test_with_certificates_of_clients(self):
        tls_for(self, client_auth="require")
        self.check(True, self.files.ours.cert, self.files.client)
        self.check(False, self.files.ours.cert)
        self.check(False, self.files.ours.cert, self.files.stranger)
        self.check(False, self.files.foreign.cert, self.files.client)
        line = self.runsd.wait_for_log(
            lambda l: l.get("reason") == "peer did not return a certificate", "a refusal")
        self.assertEqual(("info", "a TLS handshake failed"), (line["level"], line["text"]))

    def test_with_certificates_of_those_that_have_one(self):
        tls_for(self, client_auth="optional")
        self.check(True, self.files.ours.cert)
        self.check(True, self.files.ours.cert, self.files.client)
        self.check(False, self.files.ours.cert, self.files.stranger)


class Calls(unittest.TestCase):
    def setUp(self):
        tls_for(self)
        self.channel = grpc.secure_channel(self.runsd.address,
                                           credentials_of(self.files.ours.cert, None))
        self.addCleanup(self.channel.close)
        self.runs = stubs.service_grpc.RunsServiceStub(self.channel)
        self.named = {"metadata": stubs.bearer(self.token), "timeout": DEADLINE_S}

    def create(self, run_id, **changes):
        run = json_format.ParseDict(contract.new_run(id=run_id, **changes), stubs.run_pb2.Run())
        return self.runs.CreateRun(stubs.service_pb2.CreateRunRequest(run=run), **self.named)

    def test_a_watch_goes_on_while_certificates_change_and_ends_with_a_drain(self):
        watch = self.runs.WatchRuns(stubs.feed_pb2.WatchRunsRequest(snapshot=True),
                                    metadata=stubs.bearer(self.token))
        self.assertEqual("snapshot_end", next(watch).WhichOneof("item"))
        changes = (m.change for m in watch if m.WhichOneof("item") == "change")
        self.create("before")
        self.assertEqual("before", next(changes).run_id)
        self.files.ours.issue("next", ("DNS:localhost", "IP:127.0.0.1")).put_at(self.files.server)
        self.runsd.popen.send_signal(signal.SIGHUP)
        self.runsd.loaded(2)
        self.create("behind")
        self.assertEqual("behind", next(changes).run_id)
        stop = threading.Thread(target=self.runsd.stop)
        stop.start()
        with self.assertRaises(grpc.RpcError) as caught:
            while True:
                next(changes)
        stop.join(DEADLINE_S)
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, caught.exception.code())
        self.assertEqual("SERVER_STOPPING",
                         stubs.details(caught.exception)["ErrorInfo"].reason)

    def test_a_name_in_metadata_is_nobodys(self):
        self.create("mine")
        with self.assertRaises(grpc.RpcError) as caught:
            self.runs.GetRun(stubs.service_pb2.GetRunRequest(id="mine"), timeout=DEADLINE_S,
                             metadata=(("x-runsd-client-name", f"uri:{CLIENT_URI}"),))
        self.assertEqual(grpc.StatusCode.UNAUTHENTICATED, caught.exception.code())

    def test_large_messages(self):
        made = self.create("large", executionState={"text": "x" * 900_000})
        self.assertEqual(900_000, len(made.execution_state["text"]))


class Replaced(unittest.TestCase):
    """Certificates that are replaced on the disk."""

    def serial(self):
        said = s_client(self.runsd.port, "-showcerts")
        return said[said.index("-----BEGIN"):said.index("-----END")]

    def test_they_are_for_new_connections(self):
        tls_for(self)
        first = self.serial()
        self.files.ours.issue("second", ("DNS:localhost",)).put_at(self.files.server)
        wait_until(lambda: self.serial() != first, "the second certificate")  # by itself
        second = self.serial()
        # One that does not belong to its key.
        third = self.files.ours.issue("third", ("DNS:localhost",))
        shutil.copy(third.cert, self.files.server.cert)
        self.runsd.popen.send_signal(signal.SIGHUP)
        line = self.runsd.wait_for_log(
            lambda l: l.get("message") == "certificate not loaded, the old one stays", "a refusal")
        self.assertIn("--tls-cert", line["error"])
        self.assertEqual(second, self.serial())
        third.put_at(self.files.server)
        self.runsd.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: self.serial() not in (first, second), "the third certificate")


    def test_sessions_are_resumed_until_then(self):
        tls_for(self, client_auth="require")
        session = self.place.path / "session"
        known = ("-tls1_2", "-cert", self.files.client.cert, "-key", self.files.client.key)
        s_client(self.runsd.port, *known, "-sess_out", session)
        resumed = re.compile("^Reused, TLSv1.2", re.M)
        self.assertRegex(s_client(self.runsd.port, *known, "-sess_in", session), resumed)
        self.files.ours.issue("second", ("DNS:localhost",)).put_at(self.files.server)
        self.runsd.popen.send_signal(signal.SIGHUP)
        self.runsd.loaded(2)
        self.assertNotRegex(s_client(self.runsd.port, *known, "-sess_in", session), resumed)


class Strangers(unittest.TestCase):
    """Who speaks no TLS to the port, or stops in the middle."""

    def setUp(self):
        tls_for(self)

    def closes(self, sent):
        with socket.create_connection(("127.0.0.1", self.runsd.port), timeout=DEADLINE_S) as s:
            s.sendall(sent)
            try:
                while s.recv(65536):
                    pass
            except ConnectionResetError:
                pass

    def test_http_and_nonsense_are_closed(self):
        for sent in (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\x00" * 600,
                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
                     b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"):
            with self.subTest(sent[:10]):
                self.closes(sent)
        done = subprocess.run(["curl", "-sS", "--http1.1", "--cacert", self.files.ours.cert,
                               f"https://localhost:{self.runsd.port}/"], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        self.assertNotEqual(0, done.returncode, done.stdout)
        self.assertEqual("SERVING", python(self.runsd.address, self.files.ours.cert))

    def test_who_stops_amid_the_handshake_holds_no_descriptor(self):
        before = self.runsd.descriptors()
        hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"  # and no more
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.runsd.port)) as silent:
            sockets = [silent]
            for i in range(40):
                one = socket.create_connection(("127.0.0.1", self.runsd.port))
                self.addCleanup(one.close)
                sockets.append(one)
                if i % 2 == 0:
                    one.sendall(hello)
            wait_until(lambda: self.runsd.descriptors() >= before + len(sockets), "connections")
            wait_until(lambda: self.runsd.descriptors() <= before + 2, "their end")
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual("SERVING", python(self.runsd.address, self.files.ours.cert))


class Runsctl(unittest.TestCase):
    def asked(self, address, *more, env=None):
        done = runsctl("runs", "list", "--server", address, "--timeout-ms", "5000", *more,
                       env={"RUNSCTL_TOKEN": self.token, **(env or {})})
        return done.returncode, done.stderr

    def test_its_options_and_variables(self):
        tls_for(self, client_auth="require")
        ca, client = self.files.ours.cert, self.files.client
        tls = f"tls:{self.runsd.address}"
        pair = ("--tls-cert", client.cert, "--tls-key", client.key)
        self.assertEqual((0, ""), self.asked(tls, "--tls-ca", ca, *pair))
        self.assertEqual((0, ""), self.asked(tls, env={
            "RUNSCTL_TLS_CA": str(ca), "RUNSCTL_TLS_CERT": str(client.cert),
            "RUNSCTL_TLS_KEY": str(client.key), "RUNSCTL_TLS_SERVER_NAME": "localhost"}))
        stranger = self.files.stranger
        for words, more in (
                ("is not trusted", pair),  # by the system's
                ("is not trusted", ("--tls-ca", self.files.foreign.cert, *pair)),
                ("is for another name; --tls-server-name",
                 ("--tls-ca", ca, "--tls-server-name", "other.example", *pair)),
                ("may want another certificate of the client", ("--tls-ca", ca)),
                ("may want another certificate of the client",
                 ("--tls-ca", ca, "--tls-cert", stranger.cert, "--tls-key", stranger.key))):
            with self.subTest(words):
                code, said = self.asked(tls, *more)
                self.assertEqual(UNAVAILABLE, code, said)
                self.assertIn(words, said)
                self.assertEqual(1, said.count("\n"), said)

    def test_wrong_usage(self):
        tls_for(self)
        ca, client = self.files.ours.cert, self.files.client
        for address, more, words in (
                ("localhost:1", ("--tls-ca", ca), "--tls-ca needs --server tls:HOST:PORT"),
                ("tls:localhost:1", ("--tls-cert", client.cert), "--tls-cert needs --tls-key"),
                ("tls:localhost:1", ("--tls-key", client.key), "--tls-key needs --tls-cert"),
                ("tls:localhost:1", ("--tls-ca", "/nowhere"), '--tls-ca: "/nowhere": No such file'),
                ("tls:localhost:1", ("--tls-ca", client.key), "--tls-ca"),
                ("tls:localhost:1", ("--tls-server-name", ""), "--tls-server-name: "),
                ("tls:unix:/tmp/s", (), "a unix socket is never encrypted"),
                ("tls://localhost:1", (), "it is a URL")):
            with self.subTest(words):
                code, said = self.asked(address, *more)
                self.assertEqual(USAGE, code, said)
                self.assertIn(words, said)
        # The environment's are for whatever speaks TLS.
        code, said = self.asked("127.0.0.1:1", env={"RUNSCTL_TLS_CA": str(ca)})
        self.assertEqual(UNAVAILABLE, code, said)

    def test_plain_where_tls_is_spoken_and_the_reverse(self):
        tls_for(self)
        code, said = self.asked(self.runsd.address)
        self.assertEqual(UNAVAILABLE, code)
        self.assertIn(f"speaks TLS: --server tls:{self.runsd.address} is how to reach it", said)
        plain = Serve("memory:")
        self.addCleanup(plain.stop)
        for address, words in (
                (plain.grpc, "speaks plain gRPC: leave the tls: of --server out"),
                (f"127.0.0.1:{plain.http_port}",
                 "speaks HTTP/1.1 without TLS, so it may be REST's address")):
            code, said = self.asked(f"tls:{address}")
            self.assertEqual(UNAVAILABLE, code)
            self.assertIn(words, said)


class Local(unittest.TestCase):
    """Programs of this machine, which find the server by what it published beside the store."""

    def tokens(self, *more):
        return runsctl("tokens", "list", "--store", self.place.store, "--org", "acme", *more)

    def test_they_use_the_socket(self):
        tls_for(self, "--listen", "unix:{place}/s")
        done = self.tokens()
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertIn("tester", done.stdout)

    def test_without_one_they_use_tls(self):
        tls_for(self, client_auth="require")
        client = self.files.client
        pair = ("--tls-cert", str(client.cert), "--tls-key", str(client.key))
        done = self.tokens("--tls-ca", str(self.files.ours.cert), *pair)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        done = self.tokens(*pair)
        self.assertEqual(UNAVAILABLE, done.returncode, done.stderr)
        self.assertIn("is not trusted", done.stderr)

    def test_the_default_listeners_are_both_there(self):
        tls_for(self)
        self.runsd.stop()
        serve = Serve(self.place.store, *self.files.options(), grpc=(
            "127.0.0.1:0", f"unix:{self.place.path}/s"))
        self.addCleanup(serve.stop)
        self.assertEqual("SERVING", python(serve.grpc, self.files.ours.cert))
        done = self.tokens()
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        done = runsctl("runs", "list", "--server", f"unix:{self.place.path}/s",
                       env={"RUNSCTL_TOKEN": self.token})
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_a_port_for_others_is_warned_of_only_in_plain_text(self):
        def warned(server):
            return any("in plain text" in l.get("message", "") and l["level"] == "warn"
                       for l in server.lines)
        tls_for(self)
        open_tls = Runsd("memory:", *self.files.options(), host="0.0.0.0")
        self.addCleanup(open_tls.stop)
        plain = Runsd("memory:", host="0.0.0.0")
        self.addCleanup(plain.stop)
        self.assertEqual((False, True), (warned(open_tls), warned(plain)))


class Upstream(unittest.TestCase):
    """runs-gateway --upstream tls:."""

    def gateway(self, *more, wait=True):
        gateway = Gateway(f"tls:localhost:{self.runsd.port}", *more, wait=wait)
        self.addCleanup(gateway.stop)
        return gateway

    def ask(self, gateway, path="/v1/whoami"):
        return rest.request(gateway.port, "GET", path, self.token)

    def options(self, pair):
        return ("--upstream-ca", str(self.files.ours.cert), "--upstream-cert", str(pair.cert),
                "--upstream-key", str(pair.key))

    def test_by_certificates(self):
        tls_for(self, client_auth="require")
        gateway = self.gateway(*self.options(self.files.client))
        self.assertEqual(200, self.ask(gateway).status)
        for more in (self.options(self.files.stranger), self.options(self.files.client)[:2],
                     (*self.options(self.files.client), "--upstream-server-name", "other.example")):
            with self.subTest(more):
                reply = self.ask(self.gateway(*more))
                self.assertEqual((503, "UPSTREAM_UNREACHABLE"),
                                 (reply.status, reply.error["reason"]))

    def test_a_pair_that_is_replaced_is_shown_from_then_on(self):
        tls_for(self, client_auth="require")
        expired = self.files.ours.issue("expired", ("DNS:a",), use="clientAuth", days=-1)
        gateway = self.gateway(*self.options(expired))
        self.assertEqual(503, self.ask(gateway).status)
        self.files.client.put_at(expired)
        wait_until(lambda: self.ask(gateway).status == 200, "the new pair")

    def test_wrong_usage(self):
        for more, words in ((("--upstream", "a:1", "--upstream-ca", "x"),
                             "--upstream-ca needs --upstream tls:HOST:PORT"),
                            (("--upstream", "tls:a:1", "--upstream-cert", "x"),
                             "--upstream-cert needs --upstream-key"),
                            (("--upstream", "tls:a:1", "--upstream-ca", "/nowhere"),
                             '--upstream-ca: "/nowhere": No such file')):
            with self.subTest(words):
                done = subprocess.run([program("runs-gateway"),
                                       *more], capture_output=True, text=True,
                                      timeout=DEADLINE_S, check=False)
                self.assertEqual(USAGE, done.returncode, done.stderr)
                self.assertIn(words, done.stderr)
