"""Clients' certificates that stand for tokens: REST in process and through runs-gateway, gRPC, as
curl, Python, Node and Go send them; and that nobody becomes somebody else by saying so."""

import http.client
import json
import os
import pathlib
import ssl
import subprocess
import time
import unittest

import grpc

import certificates
import rest
import stubs
from gateways import Gateway
from harness import DEADLINE_S, Place, Process, Serve, create_token, program, runsctl, wait_until

LOCAL = ("DNS:localhost", "IP:127.0.0.1")
SPIFFE = "uri:spiffe://acme/worker"
NAME_HEADER = "X-Runsd-Client-Name"
TOKENS = stubs.tokens_pb2

NODE = """
const https = require('https'), fs = require('fs');
const [url, ca, cert, key] = process.argv.slice(1);
https.get(url, {ca: fs.readFileSync(ca), cert: fs.readFileSync(cert), key: fs.readFileSync(key)},
  reply => {
    let text = '';
    reply.on('data', piece => text += piece);
    reply.on('end', () => console.log(reply.statusCode + ' ' + JSON.parse(text).data.name));
  });
"""

GO = """
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
)

func main() {
	pem, _ := os.ReadFile(os.Args[2])
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	pair, err := tls.LoadX509KeyPair(os.Args[3], os.Args[4])
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: pool, Certificates: []tls.Certificate{pair}}}}
	reply, err := client.Get(os.Args[1])
	if err != nil {
		panic(err)
	}
	var body struct{ Data struct{ Name string } }
	if err := json.NewDecoder(reply.Body).Decode(&body); err != nil {
		panic(err)
	}
	fmt.Println(reply.StatusCode, body.Data.Name)
}
"""


class Certified(unittest.TestCase):
    """A store, an authority, and a server of REST and gRPC over TLS that asks for certificates."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        cls.authority = certificates.Authority(cls.place.path)
        cls.pair = cls.authority.issue("server", LOCAL)
        cls.worker = cls.authority.issue(
            "worker", ("URI:spiffe://acme/worker", "DNS:Worker.example"), use="clientAuth")
        cls.stranger = cls.authority.issue("stranger", ("DNS:stranger.example",),
                                           use="clientAuth")
        # Its token is made by each test that needs one.
        cls.other = cls.authority.issue("other", ("DNS:other.example",), use="clientAuth")
        cls.both = cls.authority.issue("both", ("URI:spiffe://acme/worker", "DNS:second.example"),
                                       use="clientAuth")
        cls.admin = create_token(cls.place.store, scopes="tokens.admin,runs.read", name="admin")
        cls.tls = ("--tls-cert", str(cls.pair.cert), "--tls-key", str(cls.pair.key),
                   "--tls-client-ca", str(cls.authority.cert), "--tls-client-auth", "optional")
        cls.make(SPIFFE, "worker", "--scopes", "runs.read")
        cls.make("dns:second.example", "second", "--scopes", "runs.read")
        cls.serve()

    @classmethod
    def serve(cls):
        # The socket is for runsctl tokens, which comes with no certificate.
        cls.server = Serve(cls.place.store, *cls.tls,
                           grpc=("127.0.0.1:0", f"unix:{cls.place.path}/grpc.sock"))
        cls.addClassCleanup(cls.stop_well, cls.server)
        cls.front = cls.server
        cls.port = cls.server.http_port

    @staticmethod
    def stop_well(server):
        status = server.stop()
        if status != 0:
            raise AssertionError(f"the server ended with status {status}\n{server.tail()}")

    @classmethod
    def tokens(cls, *arguments):
        done = runsctl("tokens", *arguments, "--store", cls.place.store)
        if done.returncode != 0:
            raise AssertionError(f"tokens {arguments}: {done.stderr}")
        return done.stdout

    @classmethod
    def make(cls, client, name, *more):
        return cls.tokens("create", "--org", "acme", "--name", name, "--client-san", client, *more)

    def listed(self, name):
        return next(t for t in json.loads(self.tokens("list", "--json"))["tokens"]
                    if t["name"] == name)

    def context(self, pair=None):
        context = ssl.create_default_context(cafile=str(self.authority.cert))
        if pair is not None:
            context.load_cert_chain(pair.cert, pair.key)
        return context

    def ask(self, pair, path="/v1/whoami", token=None, method="GET", body=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=DEADLINE_S,
                                                 context=self.context(pair))
        try:
            return rest.request_on(connection, method, path, token, body, headers)
        finally:
            connection.close()

    def refusal(self, *arguments, **more):
        reply = self.ask(*arguments, **more)
        return reply.status, reply.error.get("reason")

    def channel(self, pair=None):
        credentials = grpc.ssl_channel_credentials(
            self.authority.cert.read_bytes(),
            *((pair.key.read_bytes(), pair.cert.read_bytes()) if pair else (None, None)))
        channel = grpc.secure_channel(self.server.grpc, credentials,
                                      (("grpc.ssl_target_name_override", "localhost"),))
        self.addCleanup(channel.close)
        return stubs.tokens_grpc.TokensServiceStub(channel)

    def who(self, pair=None, metadata=()):
        """The caller's name over gRPC, or the reason."""
        try:
            return self.channel(pair).GetCaller(TOKENS.GetCallerRequest(), timeout=DEADLINE_S,
                                                metadata=metadata).name
        except grpc.RpcError as error:
            return stubs.details(error)["ErrorInfo"].reason


class InProcess(Certified):
    """runsctl serve."""

    def test_certificate_opens_the_token_of_its_name(self):
        reply = self.ask(self.worker)
        self.assertEqual(200, reply.status)
        who = reply.json()["data"]
        self.assertEqual(("acme", "worker", ["runs.read"], SPIFFE),
                         (who["organizationId"], who["name"], who["scopes"], who["clientSan"]))
        self.assertEqual(200, self.ask(self.worker, "/v1/runs").status)
        line = self.server.wait_for_log(lambda l: l.get("clientName") == SPIFFE, "the call")
        self.assertEqual(("acme", "worker"), (line["organization"], line["actor"]))

    def test_a_request_that_was_passed_on_is_not_of_who_passed_it_on(self):
        for headers in ({"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": ""},
                        {"forwarded": "for=192.0.2.1"}, {"Via": "1.1 proxy"}):
            self.assertEqual((401, "TOKEN_MISSING"), self.refusal(self.worker, headers=headers))

    def test_without_one_or_with_another_the_caller_is_not_known(self):
        for pair in (None, self.stranger):
            with self.subTest(pair):
                self.assertEqual((401, "TOKEN_MISSING"), self.refusal(pair))
                self.assertEqual((401, "TOKEN_MISSING"), self.refusal(
                    pair, "/v1/runs", method="POST", body={"big": "x" * 100_000}))

    def test_a_certificate_that_opens_nothing_is_told_so_and_named_in_the_log(self):
        reply = self.ask(self.stranger)
        self.assertIn("no token was sent, and the client certificate opens none",
                      reply.json()["message"])
        self.assertNotIn("certificate", self.ask(None).json()["message"])
        line = self.server.wait_for_log(lambda l: "stranger.example" in l.get("clientName", ""),
                                        "the refusal")
        self.assertEqual(("dns:stranger.example", "TOKEN_MISSING"),
                         (line["clientName"], line["reason"]))
        many = self.authority.issue("many", ["URI:spiffe://acme/wroker", *(
            f"DNS:n{i}.first.rack.of.a.site.example" for i in range(15))], use="clientAuth")
        self.assertEqual((401, "TOKEN_MISSING"), self.refusal(many))
        line = self.server.wait_for_log(lambda l: "wroker" in l.get("clientName", ""), "the typo")
        self.assertRegex(line["clientName"],
                         r"^uri:spiffe://acme/wroker, dns:n0\.first\.[a-z.]+, dns:n1\..*\[cut\]$")
        self.assertLess(len(line["clientName"]), 600)

    def test_a_scope_that_the_token_lacks_is_403(self):
        before = self.listed("worker").get("deniedCalls", 0)
        reply = self.ask(self.worker, "/v1/runs/x/cancel", method="POST", body={})
        self.assertEqual(403, reply.status)
        self.assertEqual("SCOPE_MISSING", reply.error["reason"])
        self.assertEqual(int(before) + 1, int(self.listed("worker")["deniedCalls"]))
        # A body that is looked at only once the caller is known.
        reply = self.ask(self.worker, "/v1/runs", method="POST", body={"big": "x" * 100_000})
        self.assertIn(reply.status, (400, 403))

    def test_revoked_and_expired_and_given_again(self):
        client = "dns:other.example"
        self.make(client, "first", "--scopes", "runs.read")
        self.assertEqual("first", self.ask(self.other).json()["data"]["name"])
        done = runsctl("tokens", "create", "--store", self.place.store, "--org", "rival",
                       "--scopes", "runs.read", "--client-san", "other.example")
        self.assertNotEqual(0, done.returncode)
        self.assertIn('that of the token "first" of organization "acme"', done.stderr)
        self.tokens("revoke", "first", "--org", "acme")
        self.assertEqual((401, "TOKEN_INVALID"), self.refusal(self.other))
        self.assertEqual(1, int(self.listed("first")["refusedCalls"]))
        self.make(client, "brief", "--scopes", "runs.read", "--expires-in", "2s")
        wait_until(lambda: self.refusal(self.other) == (401, "TOKEN_INVALID"), "the expiry")
        self.make("other.example", "last", "--scopes", "runs.read")
        self.assertEqual("last", self.ask(self.other).json()["data"]["name"])
        self.tokens("revoke", "last", "--org", "acme")

    def test_a_token_that_is_sent_wins(self):
        sent = create_token(self.place.store, scopes="runs.read", name=f"sent{time.time()}")
        who = self.ask(self.worker, token=sent).json()["data"]
        self.assertTrue(who["name"].startswith("sent"), who)
        self.assertNotIn("clientSan", who)
        self.assertEqual((401, "TOKEN_INVALID"), self.refusal(self.worker, token="rst_x"))
        self.assertEqual((401, "TOKEN_MISSING"), self.refusal(
            self.worker, headers={"Authorization": "Basic abc"}))

    def test_names_of_several_tokens_open_none(self):
        reply = self.ask(self.both)
        self.assertEqual(401, reply.status)
        self.assertIn("open several tokens", reply.json()["message"])

    def test_curl_node_and_go(self):
        url = f"https://localhost:{self.port}/v1/whoami"
        files = [str(f) for f in (self.authority.cert, self.worker.cert, self.worker.key)]
        done = subprocess.run(["curl", "-sS", "--cacert", files[0], "--cert", files[1], "--key",
                               files[2], url], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=True)
        self.assertEqual("worker", json.loads(done.stdout)["data"]["name"])
        source = pathlib.Path(self.place.path) / "client.go"
        source.write_text(GO, encoding="utf-8")
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        for command in (["node", "-e", NODE], ["go", "run", str(source)]):
            done = subprocess.run([*command, url, *files], capture_output=True, text=True,
                                  timeout=300, check=False,
                                  env={**os.environ, "GO111MODULE": "off",
                                       "GOCACHE": os.path.join(cache, "runsd", "go")})
            self.assertEqual(("200 worker\n", ""), (done.stdout, done.stderr))

    def test_saying_a_name_opens_nothing(self):
        for name in (NAME_HEADER, "x-runsd-client-name", "X-RUNSD-CLIENT-NAME",
                     "X_Runsd_Client_Name", "Grpc-Metadata-X-Runsd-Client-Name",
                     "X-Forwarded-Client-Cert", "X-Runsd-Client-Name-Bin"):
            for pair in (None, self.stranger):
                with self.subTest(name):
                    self.assertEqual((401, "TOKEN_MISSING"),
                                     self.refusal(pair, headers={name: SPIFFE}))
        # Beside a certificate it changes nothing.
        reply = self.ask(self.worker, headers={NAME_HEADER: "dns:second.example"})
        self.assertEqual("worker", reply.json()["data"]["name"])

    def test_a_watch_ends_soon_after_its_token_is_revoked(self):
        watched = self.authority.issue("watcher", ("DNS:watcher.example",), use="clientAuth")
        self.make("watcher.example", "watcher", "--scopes", "runs.read")
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=DEADLINE_S,
                                                 context=self.context(watched))
        self.addCleanup(connection.close)
        connection.request("GET", "/v1/runs:watch")
        reply = connection.getresponse()
        self.assertEqual(200, reply.status)
        self.tokens("revoke", "watcher", "--org", "acme")
        # The name is another token's at once, which is not whom the watch let in.
        self.make("watcher.example", "heir", "--scopes", "runs.read")
        start = time.monotonic()
        text = reply.read().decode()
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn("TOKEN_INVALID", text)
        self.assertEqual("heir", self.ask(watched).json()["data"]["name"])

    def test_a_page_of_another_origin_does_not_use_the_browsers_certificate(self):
        own = f"https://localhost:{self.port}"
        for headers, is_allowed in (({}, True), ({"Origin": own}, True),
                                    ({"Sec-Fetch-Site": "same-origin"}, True),
                                    ({"Sec-Fetch-Site": "none"}, True),
                                    ({"Origin": "https://evil.example"}, False),
                                    ({"Origin": "null"}, False),
                                    ({"Sec-Fetch-Site": "cross-site"}, False)):
            for path in ("/v1/whoami", "/v1/runs", "/v1/runs:watch"):
                if is_allowed and path == "/v1/runs:watch":
                    continue
                with self.subTest(headers=headers, path=path):
                    reply = self.ask(self.worker, path, headers=headers)
                    self.assertEqual(200 if is_allowed else 403, reply.status)
                    if not is_allowed:
                        self.assertEqual("ORIGIN_NOT_ALLOWED",
                                         reply.error["reason"])
                        # With a token it is a page that knows one.
                        self.assertNotEqual(403, self.ask(self.worker, "/v1/whoami",
                                                          token=self.admin,
                                                          headers=headers).status)
        # Nobody's certificate: as ever.
        self.assertEqual((401, "TOKEN_MISSING"),
                         self.refusal(None, headers={"Origin": "https://evil.example"}))


class Grpc(Certified):
    def test_certificate_opens_the_token_of_its_name(self):
        self.assertEqual("worker", self.who(self.worker))
        self.assertEqual("TOKEN_MISSING", self.who())
        self.assertEqual("TOKEN_MISSING", self.who(self.stranger))
        self.assertEqual("TOKEN_INVALID", self.who(self.both))
        self.assertEqual("admin", self.who(self.worker, stubs.bearer(self.admin)))

    def test_saying_a_name_opens_nothing(self):
        said = (("x-runsd-client-name", SPIFFE),)
        self.assertEqual("TOKEN_MISSING", self.who(metadata=said))
        self.assertEqual("TOKEN_MISSING", self.who(self.stranger, metadata=said))

    def test_a_proxys_certificate_is_not_its_clients(self):
        for key, value in (("x-forwarded-for", "192.0.2.1"), ("x-runsd-client-name", SPIFFE)):
            self.assertEqual("TOKEN_MISSING", self.who(self.worker, ((key, value),)))

    def test_runsctl_needs_no_token(self):
        files = ("--tls-ca", str(self.authority.cert), "--tls-cert", str(self.worker.cert),
                 "--tls-key", str(self.worker.key), "--tls-server-name", "localhost")
        done = runsctl("whoami", "--server", f"tls:{self.server.grpc}", *files)
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertRegex(done.stdout, r"certificate +" + SPIFFE)
        done = runsctl("runs", "list", "--server", f"tls:{self.server.grpc}", *files)
        self.assertEqual(0, done.returncode, done.stderr)
        done = runsctl("whoami", "--server", f"tls:{self.server.grpc}", "--tls-ca",
                       str(self.authority.cert), "--tls-cert", str(self.stranger.cert),
                       "--tls-key", str(self.stranger.key), "--tls-server-name", "localhost")
        self.assertIn("no token was sent, and the client certificate opens none; give a token",
                      done.stderr)


class Apart(InProcess):
    """runs-gateway before runsd, which believes it by the unix socket."""

    @classmethod
    def serve(cls):
        socket = f"{cls.place.path}/grpc.sock"
        cls.server = Process(program("runsd"), "--store", cls.place.store, "--listen",
                             f"unix:{socket}")
        cls.addClassCleanup(cls.stop_well, cls.server)
        cls.server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        cls.front = Gateway(f"unix:{socket}", *cls.tls)
        cls.addClassCleanup(cls.stop_well, cls.front)
        cls.port = cls.front.port

    def test_no_mapping_leads_to_names(self):
        for mapping in ("x-mine=x-runsd-client-name", "x-runsd-client-name"):
            done = subprocess.run([program("runs-gateway"), "--listen", "127.0.0.1:0",
                                   "--upstream", f"unix:{self.place.path}/grpc.sock",
                                   "--request-header", mapping], capture_output=True, text=True,
                                  timeout=DEADLINE_S, check=False)
            self.assertNotEqual(0, done.returncode)
            self.assertIn("x-runsd-client-name", done.stderr)
        gateway = Gateway(f"unix:{self.place.path}/grpc.sock", "--request-header",
                          "x-mine=x_runsd_client_name", "--request-header",
                          "x-runsd-client-name=x-other")
        try:
            for header in ("X-Mine", NAME_HEADER):
                reply = rest.request(gateway.port, "GET", "/v1/whoami", headers={header: SPIFFE})
                self.assertEqual(401, reply.status)
        finally:
            self.stop_well(gateway)


class BehindAProxy(Certified):
    """--trust-forwarded-for names a proxy, which shows a certificate of its own."""

    @classmethod
    def serve(cls):
        cls.tls = (*cls.tls, "--trust-forwarded-for", "127.0.0.1")
        super().serve()

    def test_its_certificate_is_not_its_clients(self):
        for headers in ({}, {"X-Forwarded-For": "192.0.2.1"}):
            self.assertEqual((401, "TOKEN_MISSING"), self.refusal(self.worker, headers=headers))
        self.assertEqual(200, self.ask(self.worker, token=self.admin).status)


class Allowed(Certified):
    """--cors-origin names pages that may use a certificate."""

    @classmethod
    def serve(cls):
        cls.tls = (*cls.tls, "--cors-origin", "https://app.example", "--cors-credentials")
        super().serve()

    def test_a_named_origin_may(self):
        crossing = {"Sec-Fetch-Site": "cross-site"}
        reply = self.ask(self.worker, headers={"Origin": "https://app.example", **crossing})
        self.assertEqual((200, "https://app.example"),
                         (reply.status, reply.headers["Access-Control-Allow-Origin"]))
        for headers in ({"Origin": "https://evil.example"}, crossing):
            self.assertEqual((403, "ORIGIN_NOT_ALLOWED"),
                             self.refusal(self.worker, headers=headers))


class Administration(Certified):
    def test_runsctl_makes_lists_and_limits_them(self):
        text = self.make("spiffe://acme/batch", "batch", "--scopes", "runs.read", "--limit-reads",
                         "100", "--limit-streams", "off")
        self.assertRegex(text, r"(?m)^client name +uri:spiffe://acme/batch$")
        self.assertRegex(text, r"(?m)^limits +100 reads/s, no limit of streams$")
        self.assertNotIn("rst_", text)
        self.assertRegex(self.tokens("list"), r"(?m)^acme +batch +runs.read +100 reads/s, no limit "
                                              r"of streams +uri:spiffe://acme/ba")
        self.assertEqual({"readsPerSecond": "100", "streams": "-1"},
                         {k: v for k, v in self.listed("batch")["limits"].items() if v != "0"})
        text = self.tokens("set-limits", "batch", "--org", "acme", "--limit-changes", "7")
        self.assertEqual("Limits of batch: 7 changes/s.\n", text)
        text = self.tokens("set-limits", "batch", "--org", "acme", "--limit-reads", "server")
        self.assertEqual("Limits of batch: as the server's options say.\n", text)
        done = runsctl("tokens", "rotate", "batch", "--org", "acme", "--store", self.place.store)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("has no secret to rotate", done.stderr)

    def test_what_is_wrong_is_told(self):
        for arguments, words in (
                (("set-limits", "x", "--org", "acme"), "give at least one of --limit-reads"),
                (("set-limits", "x", "--org", "acme", "--limit-bytes", "-1"),
                 '--limit-bytes must be a number from 1 to 1000000000000000, off or server, got "-1"'),
                (("set-limits", "nobody", "--org", "acme", "--limit-bytes", "off"),
                 'there is no token "nobody" of organization "acme"'),
                (("create", "--org", "acme", "--scopes", "runs.read", "--client-san", "a:b"),
                 'clientSan must be "uri:" and a URI, or "dns:" and a host\'s name, got "a:b"'),
                (("create", "--org", "acme", "--scopes", "runs.read", "--client-san", "x",
                  "--quiet"), "--quiet prints the secret alone")):
            with self.subTest(arguments):
                done = runsctl("tokens", *arguments, "--store", self.place.store)
                self.assertNotEqual(0, done.returncode)
                self.assertIn(words, done.stderr)

    def test_limits_are_set_over_rest(self):
        self.tokens("create", "--org", "acme", "--name", "plain", "--scopes", "runs.read")
        path = "/v1/tokens/plain:setLimits"
        body = {"organizationId": "acme", "limits": {"readsPerSecond": "50", "streams": -1}}
        reply = self.ask(None, path, self.admin, "POST", body)
        self.assertEqual(200, reply.status, reply.body)
        limits = reply.json()["data"]["limits"]
        self.assertEqual(("50", "-1"), (limits["readsPerSecond"], limits["streams"]))
        self.assertEqual("50", self.listed("plain")["limits"]["readsPerSecond"])
        reply = self.ask(self.worker, path, None, "POST", body)
        self.assertEqual(403, reply.status)
        body["limits"]["bytesPerSecond"] = -7
        reply = self.ask(None, path, self.admin, "POST", body)
        self.assertEqual(400, reply.status)
        self.assertIn("limits.bytesPerSecond", reply.json()["message"])


if __name__ == "__main__":
    unittest.main()
