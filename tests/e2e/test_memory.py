"""Memory is bounded, whoever asks: hostile connections against a small budget."""

import resource
import selectors
import socket
import time
import unittest

import rest
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
KEPT_BYTES = 8 * MIB


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


class Attack:
    """Many connections that send what they are told to and read nothing."""

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


class Memory(unittest.TestCase):
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

    def check(self, attack, seconds=4):
        attack.send(seconds, self.watch)
        self.cancel_some(10)
        attack.send(1, self.watch)
        print(f"{self.id()}: {self.start >> 20} to {self.most >> 20} MiB")
        attack.close()
        bound = self.start + BUDGET + CONNECTIONS * BYTES_EACH + BYTES_AT_WORK
        self.assertLess(self.most, bound)
        wait_until(lambda: resident_bytes(self.server.popen.pid) < self.start + KEPT_BYTES,
                   "the memory of what is over")
        self.cancel_some(10)

    def post(self, token, length):
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        return (f"POST /v1/runs HTTP/1.1\r\nHost: h\r\n{authorization}"
                f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n").encode()

    def test_bodies_without_a_token(self):
        self.check(Attack(self.server.http_port, CONNECTIONS,
                          self.post(None, MIB) + b" " * (MIB - 1000)))

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


if __name__ == "__main__":
    unittest.main()
