"""runs-gateway apart asks its upstream who calls before it keeps a large body."""

import concurrent.futures
import http.client
import json
import socket
import threading
import unittest

import grpc

import contract
import gateways
import rest
from harness import DEADLINE_S, Place, Process, create_token, program, runsctl, wait_until
from test_memory import (Attack, BUDGET, BYTES_AT_WORK, BYTES_EACH, CONNECTIONS, KEPT_BYTES, MIB,
                         large_run, resident_bytes)

KIB = 1 << 10


def head(token, *lines, path="/v1/runs"):
    authorization = [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: h", "Content-Type: application/json",
                        *authorization, *lines, "", ""]).encode()


def chunks(body, size=32 * KIB):
    parts = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=rest.TIMEOUT_S)


def send(s, data):
    try:
        s.sendall(data)
    except OSError:
        pass  # the reply may be there all the same


def read_reply(s):
    """The reply's status and headers; None if the connection ended without."""
    response = http.client.HTTPResponse(s)
    try:
        response.begin()
        return rest.Reply(response.status, response.headers, response.read())
    except (http.client.BadStatusLine, ConnectionResetError):
        return None
    finally:
        response.close()


class Apart(unittest.TestCase):
    options = ()

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.socket = f"unix:{self.place.path}/runsd.sock"
        self.server = self.start_server()
        self.gateway = gateways.Gateway(self.socket, *self.options)
        self.addCleanup(self.gateway.kill)
        self.port = self.gateway.port

    def start_server(self):
        server = Process(program("runsd"), "--listen", self.socket, "--store", self.place.store)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        return server

    def calls(self, method, request_id=None):
        with self.server.changed:
            return sum(l.get("method") == f"/runs.v1.{method}" and
                       request_id in (None, l.get("requestId")) for l in self.server.lines)

    def await_create(self, request_id):
        """Waits for the log line of a create: what it asked before has one by then."""
        wait_until(lambda: self.calls("RunsService/CreateRun", request_id) == 1, "the create")

    def create(self, run, token=None, **headers):
        return rest.request(self.port, "POST", "/v1/runs", token or self.token, run, headers)

    def revoke(self, name):
        done = runsctl("tokens", "revoke", "--store", self.place.store, "--org", "acme", name)
        self.assertEqual(0, done.returncode, done.stderr)


class Callers(Apart):
    def test_a_large_body_is_asked_for_once_and_a_small_one_never(self):
        self.assertEqual(200, self.create(contract.new_run(id="small"),
                                          **{"X-Request-Id": "small"}).status)
        reply = self.create(large_run("large"), **{"X-Request-Id": "large"})
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(200, rest.request(self.port, "GET", "/v1/runs/large", self.token).status)
        self.await_create("large")
        self.assertEqual((0, 1), (self.calls("TokensService/GetCaller", "small"),
                                  self.calls("TokensService/GetCaller", "large")))

    def test_the_connection_stays_for_who_is_known(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                     timeout=rest.TIMEOUT_S)
        self.addCleanup(connection.close)
        connection.connect()
        before = connection.sock
        for i in range(3):
            reply = rest.request_on(connection, "POST", "/v1/runs", self.token, large_run(f"k{i}"))
            self.assertEqual(200, reply.status, reply.body)
            self.assertIs(before, connection.sock)

    def test_chunked_bodies_on_both_sides_of_the_bound(self):
        for size in (100, 5 * KIB, 60 * KIB, 70 * KIB, 250 * KIB, 900 * KIB):
            for by in (1000, 32 * KIB):
                run = contract.new_run(id=f"c{size}-{by}")
                run["executionState"] = {"text": "x" * size}
                data = head(self.token, "Transfer-Encoding: chunked",
                            f"X-Request-Id: c{size}-{by}") + chunks(json.dumps(run).encode(), by)
                reply = rest.raw(self.port, data)
                self.assertEqual(200, reply.status,
                                 (size, by, reply.body[:300]))
                self.await_create(f"c{size}-{by}")
                self.assertEqual(int(size > 64 * KIB),
                                 self.calls("TokensService/GetCaller", f"c{size}-{by}"), size)
                for token in (None, "rst_" + "x" * 43):
                    data = head(token, "Transfer-Encoding: chunked") + \
                        chunks(json.dumps(run).encode(), by)
                    contract.check_error(self, rest.raw(self.port, data), 401, None,
                                         "UNAUTHENTICATED")

    def test_leave_to_send_is_given_once_the_caller_is_known(self):
        body = json.dumps(large_run("expects")).encode()
        for framing, data in ((f"Content-Length: {len(body)}", body),
                              ("Transfer-Encoding: chunked", chunks(body))):
            with self.subTest(framing), connect(self.port) as s:
                send(s, head("wrong", framing, "Expect: 100-continue"))
                reply = read_reply(s)  # http.client would pass over a 100
                contract.check_error(self, reply, 401, "TOKEN_INVALID", "UNAUTHENTICATED")
                self.assertEqual("close", reply.headers["Connection"])
                with connect(self.port) as t:
                    send(t, head(self.token, framing, "Expect: 100-continue"))
                    self.assertTrue(t.recv(25, socket.MSG_WAITALL).startswith(b"HTTP/1.1 100 "))
                    send(t, data)
                    self.assertIn(read_reply(t).status, (200, 409))
        self.assertEqual(0, self.server.stop())
        with connect(self.port) as s:
            send(s, head(self.token, f"Content-Length: {len(body)}", "Expect: 100-continue"))
            self.assertTrue(s.recv(12, socket.MSG_WAITALL).startswith(b"HTTP/1.1 503"))

    def test_strangers_hear_what_the_server_says(self):
        self.revoke("tester")
        for authorization in ({}, {"Authorization": "Bearer rst_" + "x" * 43},
                              {"Authorization": f"Bearer {self.token}"},
                              {"Authorization": f"Basic {self.token}"}):
            replies = []
            for run in (contract.new_run(), large_run("x")):
                reply = rest.request(self.port, "POST", "/v1/runs", None, run,
                                     {"X-Request-Id": "r", **authorization})
                replies.append((reply.status, reply.headers["WWW-Authenticate"], reply.json()))
            self.assertEqual(*replies)
            self.assertEqual((401, "Bearer"), replies[0][:2])
        # From the head alone, and the connection ends.
        reply = rest.raw(self.port, head("wrong", f"Content-Length: {MIB}"))
        self.assertEqual((401, "close"), (reply.status, reply.headers["Connection"]))

    def test_a_token_that_is_revoked_while_the_body_is_sent(self):
        body = json.dumps(large_run("midway")).encode()
        with connect(self.port) as s:
            send(s, head(self.token, f"Content-Length: {len(body)}") + body[:100_000])
            wait_until(lambda: self.calls("TokensService/GetCaller") == 1, "the question")
            self.revoke("tester")
            send(s, body[100_000:])
            contract.check_error(self, read_reply(s), 401, "TOKEN_INVALID", "UNAUTHENTICATED")

    def test_an_upstream_that_is_away_is_503_and_changes_nothing(self):
        self.assertEqual(0, self.server.stop(), self.server.tail())
        body = json.dumps(large_run("away")).encode()
        for data in (head(self.token, f"Content-Length: {len(body)}"),
                     head(self.token, f"Content-Length: {len(body)}") + body,
                     head(self.token, "Transfer-Encoding: chunked") + chunks(body)):
            reply = rest.raw(self.port, data)
            contract.check_error(self, reply, 503, "UPSTREAM_UNREACHABLE", "UNAVAILABLE",
                                 "nothing was changed")
            self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
            self.assertEqual("close", reply.headers["Connection"])
        self.server = self.start_server()
        wait_until(lambda: self.create(large_run("away")).status in (200, 409), "the return")


class Strangers(Apart):
    options = ("--max-buffered-bytes", str(BUDGET))

    def served(self, reply):
        self.assertIn(reply.status, (200, 429), reply.body)
        return reply.status == 200

    def attack(self, data, statuses, bound):
        pid = self.gateway.popen.pid
        self.assertEqual(200, self.create(large_run("before")).status)
        start = most = resident_bytes(pid)

        def watch():
            nonlocal most
            most = max(most, resident_bytes(pid))
        attack = Attack(self.port, CONNECTIONS, data)
        attack.send(4, watch)
        # Who is refused is told, and is served when it asks again.
        beside = contract.new_run(id="beside")
        wait_until(lambda: self.served(self.create(beside)), "a caller's turn beside the attack")
        told = []
        for s in attack.sockets:
            s.setblocking(True)
            s.settimeout(DEADLINE_S)
            reply = read_reply(s)
            told.append(reply.status if reply else 0)
            watch()
        attack.close()
        print(f"{self.id()}: {start >> 20} to {most >> 20} MiB, "
              f"{ {status: told.count(status) for status in set(told)} }")
        self.assertEqual(CONNECTIONS, len(told))
        self.assertLessEqual(set(told), statuses)
        self.assertLess(most, start + bound)
        self.assertEqual(2, self.calls("RunsService/CreateRun"))  # before and beside
        wait_until(lambda: resident_bytes(pid) < start + KEPT_BYTES, "the memory of what is over")
        self.assertEqual(200, self.create(large_run("after")).status)

    def test_bodies_without_a_token(self):
        # Of none of them anything is kept.
        bound = CONNECTIONS * BYTES_EACH + KEPT_BYTES
        self.assertLess(bound, CONNECTIONS * MIB // 10)
        self.attack(head("rst_" + "x" * 43, f"Content-Length: {MIB}") + b" " * 60 * KIB, {401},
                    bound)

    def test_bodies_in_chunks_without_a_token(self):
        data = head(None, "Transfer-Encoding: chunked") + chunks(b" " * (MIB - 10))
        self.attack(data, {401, 429}, BUDGET + CONNECTIONS * BYTES_EACH + BYTES_AT_WORK)


BIG = """
syntax = "proto3";
package big.v1;
import "runsd/gateway/v1/options.proto";
import "google/api/annotations.proto";
service Big {
  rpc Put(Words) returns (Words) { option (google.api.http) = {post: "/v1/put" body: "*"}; }
  rpc Who(Words) returns (Words) { option (runsd.gateway.v1.verifies_caller) = true; }
}
message Words { string text = 1; }
"""


class Foreign(unittest.TestCase):
    """Another API whose descriptors name the method that is asked."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.asked, self.put = [], 0
        self.gate, self.entered = None, threading.Event()
        self.answer = lambda context: b""
        same = {"request_deserializer": None, "response_serializer": None}
        self.upstream = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.upstream.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "big.v1.Big", {"Who": grpc.unary_unary_rpc_method_handler(self.who, **same),
                           "Put": grpc.unary_unary_rpc_method_handler(self.take, **same)}),))
        address = f"127.0.0.1:{self.upstream.add_insecure_port('127.0.0.1:0')}"
        self.upstream.start()
        self.addCleanup(lambda: self.upstream.stop(None).wait(DEADLINE_S))
        self.gateway = gateways.Gateway(
            address, "--descriptors", gateways.descriptor_set(self.place.path, "big", BIG),
            "--drain-ms", "0")
        self.addCleanup(self.gateway.kill)

    def who(self, request, context):
        self.asked.append((request, dict(context.invocation_metadata())))
        self.entered.set()
        if self.gate is not None:
            self.gone = threading.Event()
            context.add_callback(self.gone.set)
            self.gate.wait(DEADLINE_S)
        return self.answer(context)

    def take(self, _request, _context):
        self.put += 1
        return b""

    def ask(self, size=100 * KIB):
        return rest.request(self.gateway.port, "POST", "/v1/put", "secret",
                            {"text": "x" * size}, {"X-Request-Id": "mine"})

    def test_it_gets_an_empty_request_and_what_any_call_carries(self):
        self.assertEqual(200, self.ask().status)
        request, metadata = self.asked[0]
        self.assertEqual((b"", "Bearer secret", "mine"),
                         (request, metadata["authorization"], metadata["x-request-id"]))
        self.assertEqual(200, self.ask(60 * KIB).status)
        self.assertEqual((1, 2), (len(self.asked), self.put))

    def test_every_refusal_is_passed_on(self):
        for code, status in ((grpc.StatusCode.UNAUTHENTICATED, 401),
                             (grpc.StatusCode.PERMISSION_DENIED, 403),
                             (grpc.StatusCode.UNAVAILABLE, 503),
                             (grpc.StatusCode.RESOURCE_EXHAUSTED, 429),
                             (grpc.StatusCode.CANCELLED, None),
                             (grpc.StatusCode.INTERNAL, 500)):
            with self.subTest(code.name):
                self.answer = lambda context, code=code: context.abort(code, "my own words")
                for data in (head("t", f"Content-Length: {MIB}", path="/v1/put"),
                             head("t", "Transfer-Encoding: chunked", path="/v1/put") +
                             chunks(b'{"text":"' + b"x" * 100 * KIB + b'"}')):
                    reply = rest.raw(self.gateway.port, data)
                    self.assertEqual((code.name, "close"),
                                     (reply.error["status"], reply.headers["Connection"]))
                    self.assertIn("my own words", reply.json()["message"])
                    if status is not None:
                        self.assertEqual(status, reply.status)
        self.assertEqual(0, self.put)

    def test_an_upstream_that_has_no_such_method_is_asked_in_vain(self):
        self.answer = lambda context: context.abort(grpc.StatusCode.UNIMPLEMENTED, "what?")
        self.assertEqual(200, self.ask().status)
        self.assertEqual((1, 1), (len(self.asked), self.put))

    def test_a_client_that_goes_meanwhile_ends_the_question(self):
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        with connect(self.gateway.port) as s:
            send(s, head("t", f"Content-Length: {MIB}", path="/v1/put"))
            self.assertTrue(self.entered.wait(DEADLINE_S))
        self.assertTrue(self.gone.wait(DEADLINE_S))
        self.gateway.wait_for_log(lambda l: l.get("status") == 499, "its end")
        self.gate.set()
        self.assertEqual(200, self.ask().status)

    def test_a_stop_meanwhile_is_told(self):
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)
        with connect(self.gateway.port) as s:
            send(s, head("t", f"Content-Length: {MIB}", path="/v1/put"))
            self.assertTrue(self.entered.wait(DEADLINE_S))
            self.assertEqual(0, self.gateway.stop(), self.gateway.tail())
            contract.check_error(self, read_reply(s), 503, "SERVER_STOPPING", "UNAVAILABLE",
                                 "nothing was changed")

    def test_one_method_at_most_and_without_streams(self):
        option = "{ option (runsd.gateway.v1.verifies_caller) = true; }"
        cases = {
            "two": (BIG.replace("message", f"service More {{ rpc Two(Words) returns (Words) "
                                           f"{option} }}\nmessage"), "has it too"),
            "streams": (BIG.replace("rpc Who(Words) returns (Words)",
                                    "rpc Who(Words) returns (stream Words)"), "without streams"),
        }
        for name, (text, fragment) in cases.items():
            with self.subTest(name):
                done = gateways.run_gateway(
                    "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--descriptors",
                    gateways.descriptor_set(self.place.path, name, text))
                self.assertNotEqual(0, done.returncode)
                self.assertIn("runsd.gateway.v1.verifies_caller", done.stderr)
                self.assertIn(fragment, done.stderr)


if __name__ == "__main__":
    unittest.main()
