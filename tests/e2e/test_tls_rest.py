"""REST over TLS, as clients that are not ours see it: openssl s_client, curl, Python, Node."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

import certificates
from harness import (DEADLINE_S, Place, Process, Serve, create_token, program, wait_until)

LOCAL = ("DNS:localhost", "IP:127.0.0.1")


def context_of(authority, client=None):
    context = ssl.create_default_context(cafile=str(authority.cert))
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    return context


def connect(port, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S),
                               server_hostname="localhost")


def ask(port, context, path="/healthz", method="GET", body=None, headers=None):
    """A request on a connection of its own; returns (status, parsed body)."""
    connection = http.client.HTTPSConnection("localhost", port, timeout=DEADLINE_S,
                                             context=context)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    finally:
        connection.close()


def receive_all(connection):
    """To the end of the connection; a reset and an end without "close notify" are no ends."""
    text = b""
    while block := connection.recv(65536):
        text += block
    return text


def s_client(port, *options, send=b""):
    """Returns all that openssl s_client says of a connection to the port."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername",
                           "localhost", *map(str, options)], input=send, capture_output=True,
                          timeout=DEADLINE_S, check=False)
    return (done.stdout + done.stderr).decode(errors="replace")


class Tls(unittest.TestCase):
    """A place with an authority and a server's certificate, and what serves with it."""

    OPTIONS = ()
    SERVER_KEY = "ec"

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.authority = certificates.Authority(cls.place.path)
        cls.pair = cls.authority.issue("server", LOCAL, key=cls.SERVER_KEY)
        cls.token = create_token(cls.place.store, name="tester")
        cls.server = cls.serve()
        cls.addClassCleanup(cls.stop_well)
        cls.port = cls.server.http_port
        cls.context = context_of(cls.authority)

    @classmethod
    def serve(cls):
        return Serve(cls.place.store, "--tls-cert", str(cls.pair.cert), "--tls-key",
                     str(cls.pair.key), *cls.OPTIONS, grpc=(f"unix:{cls.place.path}/grpc.sock",))

    @classmethod
    def stop_well(cls):
        status = cls.server.stop()
        if status != 0:
            raise AssertionError(f"the server ended with status {status}\n{cls.server.tail()}")

    def message(self, predicate, what):
        return self.server.wait_for_log(predicate, what)


# Versions and ciphers as docs/TLS.md has them: what a client offers, and what is agreed on; None:
# nothing. Suites of 1.2 that need the other kind of key are not agreed on.
VERSIONS = (
    (("-tls1",), None),
    (("-tls1_1",), None),
    (("-tls1_2",), "TLSv1.2"),
    (("-tls1_3",), "TLSv1.3"),
    ((), "TLSv1.3"),
)
SUITES_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
SUITES_1_2 = ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
REFUSED_1_2 = ("{key}-AES128-SHA256", "{key}-AES128-SHA", "{key}-AES256-SHA384", "AES128-SHA",
               "AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256", "NULL-SHA256")
GROUPS = (("X25519", "X25519"), ("P-256", "ECDH, prime256v1"), ("P-384", "ECDH, secp384r1"),
          ("P-521", None))


class Agreed(Tls):
    """What is agreed on, with a key of EC."""

    KEY = "ECDHE-ECDSA"

    def agreed(self, *options):
        return s_client(self.port, "-CAfile", self.authority.cert, *options)

    def test_versions(self):
        for options, version in VERSIONS:
            with self.subTest(options):
                text = self.agreed(*options, "-cipher", "ALL:@SECLEVEL=0")
                if version is None:
                    self.assertIn("Cipher is (NONE)", text)
                    self.assertIn("alert protocol version", text)
                else:
                    self.assertIn(f"New, {version}, Cipher is", text)
                    self.assertIn("Verify return code: 0 (ok)", text)

    def test_suites_of_1_3(self):
        for suite in SUITES_1_3:
            with self.subTest(suite):
                self.assertIn(f"New, TLSv1.3, Cipher is {suite}",
                              self.agreed("-tls1_3", "-ciphersuites", suite))
        self.assertIn("Cipher is (NONE)",
                      self.agreed("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"))

    def test_suites_of_1_2(self):
        for suite in SUITES_1_2:
            with self.subTest(suite):
                self.assertIn(f"New, TLSv1.2, Cipher is {self.KEY}-{suite}",
                              self.agreed("-tls1_2", "-cipher", f"{self.KEY}-{suite}"))
        for suite in REFUSED_1_2:
            with self.subTest(suite):
                text = self.agreed("-tls1_2", "-cipher",
                                   suite.format(key=self.KEY) + ":@SECLEVEL=0")
                self.assertIn("Cipher is (NONE)", text)
                self.assertIn("alert handshake failure", text)

    def test_groups(self):
        for group, name in GROUPS:
            with self.subTest(group):
                text = self.agreed("-groups", group)
                self.assertIn(f"Server Temp Key: {name}" if name else "Cipher is (NONE)", text)

    def test_the_protocol_is_http_1_1_and_whoever_speaks_others_alone_is_told_so(self):
        self.assertIn("ALPN protocol: http/1.1", self.agreed("-alpn", "h2,http/1.1"))
        self.assertIn("No ALPN negotiated", self.agreed())
        text = self.agreed("-alpn", "h2")
        self.assertIn("Cipher is (NONE)", text)
        self.assertIn("no application protocol", text)
        self.message(lambda l: l.get("message") == "TLS refused" and "http/1.1" in l["why"],
                     "the refusal")

    def test_there_is_no_renegotiation_and_no_compression_and_no_ticket(self):
        text = self.agreed("-tls1_2")
        self.assertIn("Secure Renegotiation IS supported", text)  # the signal, as RFC 5746 asks
        self.assertIn("Compression: NONE", text)
        self.assertNotIn("TLS session ticket:", text)
        # "R" has s_client ask for it.
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}",
                               "-tls1_2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as client:
            client.stdin.write(b"R\n")
            client.stdin.flush()
            out = client.stdout.read().decode(errors="replace")
        self.assertIn("RENEGOTIATING", out)
        self.assertNotIn("HTTP/1.1 ", out)
        self.assertEqual((200, {"status": "ok"}), ask(self.port, self.context))


class AgreedByRsa(Agreed):
    """The same with a key of RSA."""

    SERVER_KEY = "rsa"
    KEY = "ECDHE-RSA"


class Clients(Tls):
    def test_curl(self):
        for version in ("--tlsv1.3", "--tlsv1.2"):
            for more in ((), ("--http2",), ("--http1.1",)):
                done = subprocess.run(
                    ["curl", "-sS", "--cacert", self.authority.cert, version, *more,
                     f"https://localhost:{self.port}/healthz"], capture_output=True, text=True,
                    timeout=DEADLINE_S, check=False)
                self.assertEqual(('{"status":"ok"}', ""), (done.stdout.strip(), done.stderr))

    @unittest.skipUnless(shutil.which("node"), "there is no Node.js")
    def test_node(self):
        script = """
            const https = require('https'), fs = require('fs');
            const agent = new https.Agent({keepAlive: true, ca: fs.readFileSync(process.argv[1])});
            let left = 5;
            function ask() {
                https.get({host: 'localhost', port: process.argv[2], path: '/healthz', agent,
                           family: 4}, reply => {
                    const protocol = reply.socket.getProtocol();
                    reply.resume();
                    reply.on('end', () => {
                        console.log(reply.statusCode, protocol, reply.req.reusedSocket);
                        // Its connection is free again a moment later.
                        if (--left) setImmediate(ask); else agent.destroy();
                    });
                });
            }
            ask();"""
        done = subprocess.run(["node", "-e", script, self.authority.cert, str(self.port)],
                              capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(["200 TLSv1.3 false"] + 4 * ["200 TLSv1.3 true"],
                         done.stdout.splitlines(), done.stderr)

    def test_python_creates_and_cancels_a_run(self):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = (pathlib.Path(__file__).resolve().parents[2] /
                "script/lib/demo_run.json").read_text(encoding="utf-8")
        status, reply = ask(self.port, self.context, "/v1/runs", "POST", body, headers)
        self.assertEqual(200, status, reply)
        run_id = reply["data"]["id"]
        status, reply = ask(self.port, self.context, f"/v1/runs/{run_id}/cancel", "POST", "{}",
                            headers)
        self.assertEqual(200, status, reply)

    def test_plain_http_at_the_tls_port_is_closed_and_nothing_else_happens(self):
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01", b"\x00" * 3000,
                     b"\x16\x03\x01\xff\xff" + b"\x01" * 70000):
            with self.subTest(data[:10]), \
                 socket.create_connection(("127.0.0.1", self.port), DEADLINE_S) as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                try:
                    self.assertNotIn(b"HTTP/1.1", receive_all(s))
                except ConnectionResetError:
                    pass
        self.assertEqual((200, {"status": "ok"}), ask(self.port, self.context))

    def test_clients_that_leave_amid_the_handshake_leave_nothing(self):
        hello = client_hello()
        for cut in (1, 5, 6, 100, len(hello)):
            for _ in range(5):
                with socket.create_connection(("127.0.0.1", self.port), DEADLINE_S) as s:
                    s.sendall(hello[:cut])
        self.assertEqual((200, {"status": "ok"}), ask(self.port, self.context))

    def test_a_socket_of_unix_stays_plain(self):
        # The gRPC socket beside it: the gateway reaches it without TLS.
        gateway = Process(program("runs-gateway"), "--listen", f"unix:{self.place.path}/rest.sock",
                          "--upstream", f"unix:{self.place.path}/grpc.sock", "--tls-cert",
                          str(self.pair.cert), "--tls-key", str(self.pair.key))
        gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(DEADLINE_S)
            s.connect(f"{self.place.path}/rest.sock")
            s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(receive_all(s).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(0, gateway.stop())


def client_hello():
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


class Plain(unittest.TestCase):
    def test_a_client_hello_at_the_plain_port_is_a_bad_request(self):
        place = Place()
        self.addCleanup(place.remove)
        server = Serve(place.store, grpc=(f"unix:{place.path}/grpc.sock",))
        with socket.create_connection(("127.0.0.1", server.http_port), DEADLINE_S) as s:
            s.sendall(client_hello())
            # Of its random bytes, a line feed may come so early that there is no request at all.
            self.assertRegex(s.recv(4096), rb"\A(HTTP/1\.1 400 |\Z)")
        self.assertEqual(0, server.stop())


class ClientCertificates(Tls):
    @classmethod
    def setUpClass(cls):
        cls.clients_place = Place()
        cls.addClassCleanup(cls.clients_place.remove)
        cls.clients = certificates.Authority(cls.clients_place.path, "clients")
        cls.OPTIONS = ("--tls-client-ca", str(cls.clients.cert))
        cls.good = cls.clients.issue("good", ("URI:spiffe://a/b", "DNS:x.example"), "clientAuth")
        super().setUpClass()

    def refused(self, pair, version):
        """Whether the server refuses; the reason in its log."""
        context = context_of(self.authority, pair)
        context.minimum_version = context.maximum_version = version
        before = len(self.server.lines)
        with self.assertRaises((ssl.SSLError, ConnectionResetError)) as raised:
            with connect(self.port, context) as s:
                s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                s.recv(100)
        line = self.message(lambda l: l in self.server.lines[before:] and
                            l.get("message") == "TLS refused", "the refusal")
        self.assertEqual("info", line["level"])
        self.assertEqual("127.0.0.1", line["clientAddress"])
        return line["why"], str(raised.exception).lower()

    def test_a_good_one_is_served(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = context_of(self.authority, self.good)
            context.minimum_version = context.maximum_version = version
            self.assertEqual((200, {"status": "ok"}), ask(self.port, context))

    def test_others_are_refused_and_told_why(self):
        foreign = certificates.Authority(self.place.path, "foreign")
        rows = (
            (None, "the client showed no certificate", ("certificate required", "handshake failure")),
            (foreign, "no authority of --tls-client-ca signed it", ("unknown ca",)),
            (self.authority.issue("other", ("DNS:x",), "clientAuth"),
             "no authority of --tls-client-ca signed it", ("unknown ca",)),
            (self.clients.issue("expired", ("DNS:x",), "clientAuth", days=-1), "it has expired",
             ("certificate expired", "certificate_expired")),
            (self.clients.issue("of-server", ("DNS:x",), "serverAuth"), "it is not for clients",
             ("unsupported certificate",)),
        )
        for pair, why, alerts in rows:
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(why, version=version):
                    logged, told = self.refused(pair, version)
                    self.assertEqual(why, logged)
                    self.assertTrue(any(alert.replace(" ", "_") in told.replace(" ", "_")
                                        for alert in alerts), told)


class OptionalClientCertificates(Tls):
    @classmethod
    def setUpClass(cls):
        cls.clients_place = Place()
        cls.addClassCleanup(cls.clients_place.remove)
        cls.clients = certificates.Authority(cls.clients_place.path, "clients")
        cls.OPTIONS = ("--tls-client-ca", str(cls.clients.cert), "--tls-client-auth", "optional")
        super().setUpClass()

    def test_none_is_served_and_a_bad_one_is_not(self):
        self.assertEqual((200, {"status": "ok"}), ask(self.port, self.context))
        good = self.clients.issue("good", ("DNS:x",), "clientAuth")
        self.assertEqual((200, {"status": "ok"}), ask(self.port, context_of(self.authority, good)))
        foreign = certificates.Authority(self.place.path, "foreign")
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            ask(self.port, context_of(self.authority, foreign))


class Replaced(Tls):
    def setUp(self):
        self.live = certificates.Pair(self.place.path, "server")

    def names(self):
        with connect(self.port, self.context) as s:
            return [name for kind, name in s.getpeercert()["subjectAltName"] if kind == "DNS"]

    def count(self, message):
        with self.server.changed:
            return sum(l.get("message") == message for l in self.server.lines)

    def test_new_connections_get_what_is_new_and_a_bad_pair_keeps_the_old(self):
        with connect(self.port, self.context) as old:
            for number in range(2):
                new = self.authority.issue(f"new{number}", LOCAL + (f"DNS:new{number}",))
                new.put_at(self.live)
                wait_until(lambda n=number: f"new{n}" in self.names(), "the new certificate")
            bad = self.authority.issue("bad", LOCAL + ("DNS:bad",))
            failures = self.count("certificate not loaded, the old one stays")
            self.live.cert.write_bytes(bad.cert.read_bytes())
            self.server.popen.send_signal(signal.SIGHUP)
            wait_until(lambda: self.count("certificate not loaded, the old one stays") > failures,
                       "the refusal")
            self.assertIn("new1", self.names())
            bad.put_at(self.live)
            self.server.popen.send_signal(signal.SIGHUP)
            wait_until(lambda: "bad" in self.names(), "the whole pair")
            expired = self.authority.issue("expired", LOCAL + ("DNS:expired",), days=-1)
            expired.put_at(self.live)
            self.server.popen.send_signal(signal.SIGHUP)
            self.server.wait_for_log(lambda l: "has expired" in l.get("error", ""), "the refusal")
            self.assertIn("bad", self.names())
            # What began with the first certificate goes on.
            old.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(receive_all(old).startswith(b"HTTP/1.1 200 "))


class Programs(unittest.TestCase):
    """Options, and what is said of bad ones."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.authority = certificates.Authority(cls.place.path)
        cls.pair = cls.authority.issue("server", LOCAL)
        cls.programs = {
            "runsd": (program("runsd"), "--listen", "127.0.0.1:0", "--store", "memory:"),
            "runs-gateway": (program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                             f"unix:{cls.place.path}/none.sock"),
            "runsctl": (program("runsctl"), "serve", "--http", "127.0.0.1:0", "--grpc",
                        "127.0.0.1:0", "--store", "memory:"),
        }

    def end_of(self, name, *options):
        return subprocess.run([*self.programs[name], *map(str, options)], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)

    def test_options_that_need_others_say_so(self):
        rows = ((("--tls-cert", "c"), ("--tls-cert", "--tls-key")),
                (("--tls-key", "k"), ("--tls-key", "--tls-cert")),
                (("--tls-client-ca", "k"), ("--tls-client-ca", "--tls-cert")),
                (("--tls-client-auth", "optional"), ("--tls-client-auth", "--tls-client-ca")),
                (("--tls-client-auth", "perhaps"), ("--tls-client-auth", "perhaps")))
        for name in self.programs:
            for options, named in rows:
                with self.subTest(name, options=options):
                    done = self.end_of(name, *options)
                    self.assertEqual(2, done.returncode, done.stderr)
                    for text in named:
                        self.assertIn(text, done.stderr)

    def test_a_bad_pair_does_not_start(self):
        other = self.authority.issue("other", LOCAL)
        for name in self.programs:
            with self.subTest(name):
                done = self.end_of(name, "--tls-cert", self.pair.cert, "--tls-key", other.key)
                self.assertIn(done.returncode, (1, 2))
                self.assertIn("is not the private key of the certificate", done.stderr)
                self.assertIn(str(other.key), done.stderr)

    def test_sighup_loads_the_certificates_of_each_program(self):
        for name, command in self.programs.items():
            with self.subTest(name):
                process = Process(*command, "--tls-cert", str(self.pair.cert), "--tls-key",
                                  str(self.pair.key))
                process.wait_for_log(lambda l: l.get("message") == "ready", "ready")
                process.popen.send_signal(signal.SIGHUP)
                wait_until(lambda p=process: sum(l.get("message") == "certificate loaded"
                                                 for l in p.lines) == 2, "the second load")
                line = process.wait_for_log(lambda l: l.get("message") == "certificate loaded",
                                            "loaded")
                self.assertEqual("dns:localhost, ip:127.0.0.1", line["names"])
                self.assertEqual(str(self.pair.cert), line["file"])
                self.assertEqual(0, process.stop())


class Stalled(Tls):
    """Many clients that stop amid the handshake."""

    OPTIONS = ("--request-timeout-ms", "3000")

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.server.popen.pid}/stat").read_text().rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def test_they_cost_no_cpu_keep_nobody_waiting_and_are_ended(self):
        hello = client_hello()
        stalled = []
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
            self.addCleanup(s.close)
            s.sendall(hello[:60])
            stalled.append(s)
        ask(self.port, self.context)
        before = self.cpu_s()
        began = time.monotonic()
        while time.monotonic() < began + 1:
            self.assertEqual((200, {"status": "ok"}), ask(self.port, self.context))
            time.sleep(0.05)
        # A loop that turns without a pause would use all of the second.
        self.assertLess(self.cpu_s() - before, 0.5)
        for s in stalled:
            self.assertEqual(b"", s.recv(1))


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE_S).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


class Stop(unittest.TestCase):
    def test_a_stop_waits_for_replies_and_ends_handshakes(self):
        place = Place()
        self.addCleanup(place.remove)
        authority = certificates.Authority(place.path)
        pair = authority.issue("server", LOCAL)
        server = Serve(place.store, "--tls-cert", str(pair.cert), "--tls-key", str(pair.key),
                       grpc=(f"unix:{place.path}/grpc.sock",))
        context = context_of(authority)
        with connect(server.http_port, context) as idle, \
             connect(server.http_port, context) as begun, \
             socket.create_connection(("127.0.0.1", server.http_port), DEADLINE_S) as amid:
            amid.sendall(client_hello()[:50])
            begun.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            ask(server.http_port, context)
            results = []
            stop = threading.Thread(target=lambda: results.append(server.stop()))
            stop.start()
            server.wait_for_log(lambda l: l.get("message") == "stopping", "stopping")
            # From when nobody is let in any more replies close their connections.
            wait_until(lambda: is_refused(server.http_port), "the end of the listener")
            begun.sendall(b"\r\n")
            reply = receive_all(begun)
            self.assertTrue(reply.startswith(b"HTTP/1.1 200 "), reply)
            self.assertIn(b"Connection: close", reply)
            self.assertEqual(b"", receive_all(idle))  # with "close notify": else it raises
            try:
                self.assertEqual(b"", receive_all(amid))
            except ConnectionResetError:
                pass
            stop.join()
            self.assertEqual([0], results)


if __name__ == "__main__":
    unittest.main()
