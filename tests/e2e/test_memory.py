"""Memory is bounded, whoever asks: hostile connections against a small budget."""

import resource
import selectors
import socket
import time
import unittest

import grpc

import h2_flood
import rest
import stubs
from harness import DEADLINE_S, serve_for, wait_until

MIB = 1 << 20
BUDGET = 16 * MIB
CONNECTIONS = 300
# A connection without its bodies: libmicrohttpd's pool (24 KiB), the exchange and its first
# block, and what the allocator adds.
BYTES_EACH = 40 << 10
# What is made of one request at a time, beside what waits: a page as message and as JSON,
# and the server's work on it; what the allocator keeps.
BYTES_AT_WORK = 24 * MIB
KEPT_BYTES = 12 * MIB  # caches, code and heaps that only a load fills
GRPC_CONNECTIONS = 10
BYTES_A_CALL = 16 << 10  # gRPC core's objects of a call, before its message


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class Attack:
    """Many connections that send what they are told to and read nothing."""

    own_bytes = CONNECTIONS * BYTES_EACH

    def __init__(self, port, count, data):
        self.sockets = []
        self.selector = selectors.DefaultSelector()
        for _ in range(count):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.settimeout(DEADLINE_S)
            s.connect(("127.0.0.1", port))
            s.setblocking(False)
            self.sockets.append(s)
            self.selector.register(s, selectors.EVENT_WRITE, [data])

    def send(self, seconds, watch):
        """Sends as much as is taken, until nothing was for a while."""
        end = time.monotonic() + seconds
        while self.selector.get_map() and time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                try:
                    sent = key.fileobj.send(key.data[0][:65536])
                except OSError:
                    self.selector.unregister(key.fileobj)
                    continue
                key.data[0] = key.data[0][sent:]
                if not key.data[0]:
                    self.selector.unregister(key.fileobj)
            watch()

    def close(self):
        self.selector.close()
        for s in self.sockets:
            s.close()


def small_run(run_id):
    return {"id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}


def large_run(run_id):
    run = small_run(run_id)
    run["executionState"] = {"text": "x" * 250_000}
    return run


class MemoryTest(unittest.TestCase):
    options = ("--max-buffered-bytes", str(BUDGET))

    def setUp(self):
        serve_for(type(self), *self.options)
        self.addCleanup(self.doClassCleanups)
        for i in range(14):
            self.assertEqual(200, self.ask("POST", "/v1/runs", large_run(f"l{i}")).status)
        for i in range(20):
            self.assertEqual(200, self.ask("POST", "/v1/runs", small_run(f"s{i}")).status)
        self.assertEqual(200, self.ask("GET", "/v1/runs?pageSize=1000").status)
        self.start = resident_bytes(self.server.popen.pid)
        self.most = self.start
        self.cancelled = 0

    def ask(self, method, path, body=None):
        return rest.request(self.server.http_port, method, path, self.token, body)

    def watch(self):
        self.most = max(self.most, resident_bytes(self.server.popen.pid))

    def cancel_some(self, count):
        for _ in range(count):
            reply = self.ask("POST", f"/v1/runs/s{self.cancelled}/cancel", {"reason": "beside"})
            self.assertEqual(200, reply.status, reply.body)
            self.cancelled += 1
            self.watch()

    def check(self, attack, seconds=4, until=None):
        """until: what must come of the attack, however slow the machine is."""
        attack.send(seconds, self.watch)
        end = time.monotonic() + DEADLINE_S
        while until is not None and not until() and time.monotonic() < end:
            attack.send(1, self.watch)
        self.cancel_some(10)
        attack.send(1, self.watch)
        print(f"{self.id()}: {self.start >> 20} to {self.most >> 20} MiB")
        attack.close()
        self.assertLess(self.most, self.start + BUDGET + attack.own_bytes + BYTES_AT_WORK)
        wait_until(lambda: resident_bytes(self.server.popen.pid) < self.start + KEPT_BYTES,
                   "the memory of what is over")
        self.cancel_some(10)

class Http(MemoryTest):
    def post(self, token, length):
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        return (f"POST /v1/runs HTTP/1.1\r\nHost: h\r\n{authorization}"
                f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n").encode()

    def test_bodies_without_a_token(self):
        self.check(Attack(self.server.http_port, CONNECTIONS,
                          self.post(None, MIB) + b" " * (MIB - 1000)))

    def test_strangers_are_told_before_their_body_is_kept(self):
        small = self.ask("POST", "/v1/runs", {"id": "x"})
        self.assertEqual(400, small.status)
        for authorization in ({}, {"Authorization": "Bearer rst_" + "x" * 43},
                              {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
            replies = []
            for body in (b"{}", b"{" + b" " * 50_000 + b"}"):
                reply = rest.request(self.server.http_port, "POST", "/v1/runs", None, body,
                                     {"Content-Type": "application/json", "X-Request-Id": "r",
                                      **authorization})
                replies.append((reply.status, reply.headers["WWW-Authenticate"], reply.json()))
            # The one is the server's answer, the other the gateway's.
            self.assertEqual(*replies)
            self.assertEqual((401, "Bearer"), replies[0][:2])
        # From the head alone, and when the body is on its way.
        for body in (b"", b" " * MIB):
            reply = rest.raw(self.server.http_port, self.post("wrong", MIB) + body)
            self.assertEqual((401, "close"), (reply.status, reply.headers["Connection"]))
        self.assertEqual(401, rest.raw(self.server.http_port, self.post(None, MIB)).status)
        # It says that it waits for leave to send it.
        head = self.post("wrong", MIB)[:-2] + b"Expect: 100-continue\r\n\r\n"
        self.assertEqual(401, rest.raw(self.server.http_port, head).status)

    def test_bodies_with_a_token(self):
        self.check(Attack(self.server.http_port, CONNECTIONS,
                          self.post(self.token, MIB) + b" " * (MIB - 1000)))

    def test_bodies_in_chunks(self):
        head = (f"POST /v1/runs HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
        self.check(Attack(self.server.http_port, CONNECTIONS,
                          head + (b"8000\r\n" + b" " * 32768 + b"\r\n") * 31))

    def test_bodies_that_become_longer(self):
        body = b'{"propValues":{"a":[' + b"0," * (MIB // 2 - 100) + b"0]}}"
        self.check(Attack(self.server.http_port, CONNECTIONS,
                          self.post(self.token, len(body)) + body))

    def test_pages_that_nobody_reads(self):
        self.check(Attack(self.server.http_port, CONNECTIONS, (
            f"GET /v1/runs?pageSize=1000 HTTP/1.1\r\nHost: h\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n").encode()))


class GrpcAttack:
    """The same over gRPC."""

    own_bytes = CONNECTIONS * BYTES_A_CALL

    def __init__(self, *arguments, **more):
        self.connections = [h2_flood.Connection(*arguments, calls=CONNECTIONS // GRPC_CONNECTIONS,
                                                **more) for _ in range(GRPC_CONNECTIONS)]

    def send(self, seconds, watch):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not any([c.pump() for c in self.connections]):
                time.sleep(0.01)
            watch()

    def close(self):
        for connection in self.connections:
            connection.close()


class Grpc(MemoryTest):
    def test_messages_that_do_not_end(self):
        # gRPC core holds them: no call is there to be refused yet.
        attack = GrpcAttack(self.server.grpc_ports[0], "/runs.v1.RunsService/CreateRun",
                            message=b"x" * (4 * MIB - 2000), message_bytes=4 * MIB - 1000)

        def refused():
            return sum(c.reset + c.ended for c in attack.connections)
        self.check(attack, seconds=8, until=refused)
        self.assertGreater(refused(), 0)

    def test_pages_that_nobody_reads(self):
        self.check(GrpcAttack(self.server.grpc_ports[0], "/runs.v1.RunsService/ListRuns",
                              message=b"\x08\xe8\x07", token=self.token, window=0))

    def test_who_reads_is_served_again(self):
        attack = GrpcAttack(self.server.grpc_ports[0], "/runs.v1.RunsService/ListRuns",
                            message=b"\x08\xe8\x07", token=self.token, window=0)
        attack.send(3, self.watch)
        attack.close()

        def lists():
            with grpc.insecure_channel(self.server.grpc) as channel:
                stub = stubs.service_grpc.RunsServiceStub(channel)
                return len(stub.ListRuns(stubs.service_pb2.ListRunsRequest(page_size=3),
                                         metadata=stubs.bearer(self.token),
                                         timeout=DEADLINE_S).runs) == 3

        def served():
            try:
                return lists()
            except grpc.RpcError as error:
                self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, error.code())
                self.assertEqual("QUEUE_FULL", stubs.details(error)["ErrorInfo"].reason)
                return False
        wait_until(served, "a list after the attack")


if __name__ == "__main__":
    unittest.main()
