"""Whom the log names of those who were refused, and what it leaves out of what machines ask."""

import http.client
import json
import unittest

import grpc

import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, serve_for

GUESS = "rst_" + "A" * 43
SOURCE = "127.0.0.9"
CHECK = "/grpc.health.v1.Health/Check"


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--max-streams", "1", "--limit-reads", "1", "--trust-forwarded-for",
                  "127.0.0.7")

    def connect(self, source=SOURCE):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port,
                                                timeout=rest.TIMEOUT_S, source_address=(source, 0))
        self.addCleanup(connection.close)
        return connection

    def ask(self, name, path="/v1/runs", token=None, source=SOURCE, headers=None, method="GET"):
        """One request whose id is name, from an address of its own."""
        return rest.request_on(self.connect(source), method, path, token,
                               headers={"X-Request-Id": name, **(headers or {})})

    def lines(self, name, *messages):
        return [self.server.wait_for_log(
            lambda l, m=message: l.get("requestId") == name and l["message"] == m,
            f"{message} of {name}") for message in messages]

    def assert_names(self, name, reason, address, *messages):
        for line in self.lines(name, *messages):
            with self.subTest(line=line):
                self.assertEqual((reason, address), (line.get("reason"), line.get("clientAddress")))

    def test_whoever_guesses_tokens_can_be_found(self):
        self.assertEqual(401, self.ask("guessed", token=GUESS).status)
        self.assert_names("guessed", "TOKEN_INVALID", SOURCE, "call", "request")
        self.assertEqual(401, self.ask("none").status)
        self.assert_names("none", "TOKEN_MISSING", SOURCE, "call", "request")
        with grpc.insecure_channel(self.server.grpc) as channel:
            with self.assertRaises(grpc.RpcError):
                stubs.service_grpc.RunsServiceStub(channel).ListRuns(
                    stubs.service_pb2.ListRunsRequest(), timeout=DEADLINE_S,
                    metadata=(*stubs.bearer(GUESS), ("x-request-id", "by-grpc"),
                              ("x-forwarded-for", "192.0.2.66")))
        self.assert_names("by-grpc", "TOKEN_INVALID", "127.0.0.1", "call")

    def test_whoever_lacks_a_scope_or_is_over_a_limit_too(self):
        token = create_token(self.place.store, org="limited", name="reader", scopes="runs.read")
        self.assertEqual(403, self.ask("denied", "/v1/runs/x/cancel", token,
                                       method="POST").status)
        self.assert_names("denied", "SCOPE_MISSING", SOURCE, "call", "request")
        for i in range(1000):
            if self.ask(f"read-{i}", token=token).status == 429:
                break
        self.assert_names(f"read-{i}", "RATE_LIMITED", SOURCE, "call", "request")
        self.assertEqual("reader", self.lines(f"read-{i}", "call")[0]["actor"])

    def test_who_is_served_is_a_name_and_no_address(self):
        token = create_token(self.place.store, org="served", name="reader", scopes="runs.read")
        self.assertEqual(200, self.ask("served", token=token).status)
        for line in self.lines("served", "call", "request"):
            self.assertLessEqual({"clientAddress", "reason"} & set(line), set(), line)

    def test_what_the_gateway_refuses_by_itself(self):
        token = create_token(self.place.store, org="watcher", name="watcher", scopes="runs.read")
        watching = self.connect()
        watching.request("GET", "/v1/runs:watch", headers={"Authorization": f"Bearer {token}"})
        self.assertEqual(200, watching.getresponse().status)
        self.assertEqual(429, self.ask("too-many", "/v1/runs:watch", token).status)
        self.assert_names("too-many", "OVERLOADED", SOURCE, "request")
        self.assertEqual(404, self.ask("nowhere", "/v1/nowhere").status)
        self.assert_names("nowhere", "ROUTE_NOT_FOUND", SOURCE, "request")

    def test_behind_a_proxy_it_is_the_proxys_client(self):
        for client in ("192.0.2.7", "2001:db8:1f2e:3d4c:5b6a:7988:a7b6:c5d4"):
            with self.subTest(client=client):
                name = f"via-{client.replace(':', '.')}"
                self.ask(name, token=GUESS, source="127.0.0.7",
                         headers={"X-Forwarded-For": f"192.0.2.66, {client}"})
                self.assert_names(name, "TOKEN_INVALID", client, "call", "request")
                # From nobody who is trusted it is not believed.
                self.ask(name + "-forged", token=GUESS, headers={"X-Forwarded-For": client})
                self.assert_names(name + "-forged", "TOKEN_INVALID", SOURCE, "call", "request")


class Probes(unittest.TestCase):
    """Health checks come each second from each balancer and gateway."""

    def of(self, level):
        """The lines of probes and of one call at that level."""
        place = Place()
        self.addCleanup(place.remove)
        server = Serve(place.store, "--log-level", level)
        self.addCleanup(server.kill)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(200, rest.request(server.http_port, "GET", path).status)
        rest.request(server.http_port, "DELETE", "/readyz")
        with grpc.insecure_channel(server.grpc) as channel:
            check = channel.unary_unary(CHECK)
            check(b"")
            with self.assertRaises(grpc.RpcError):
                check(b"\n\x05ghost")
        rest.request(server.http_port, "GET", "/v1/runs")
        self.assertEqual(0, server.stop())
        return [(l["level"], l.get("path", l["method"]), l.get("status", l["code"]))
                for l in map(json.loads, server.raw) if l["message"] in ("request", "call")]

    def test_those_that_end_well_are_logged_at_debug(self):
        told = [("info", "/readyz", 405), ("info", CHECK, "NOT_FOUND"),
                ("info", "/runs.v1.RunsService/ListRuns", "UNAUTHENTICATED"),
                ("info", "/v1/runs", 401)]
        self.assertEqual(told, self.of("info"))
        self.assertEqual([("debug", "/healthz", 200), ("debug", "/readyz", 200), told[0],
                          ("debug", CHECK, "OK"), *told[1:]], self.of("debug"))


if __name__ == "__main__":
    unittest.main()
