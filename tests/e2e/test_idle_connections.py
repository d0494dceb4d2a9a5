"""10,000 idle connections: held, answered again, and what each of them costs."""

import resource
import socket
import unittest

from harness import DEADLINE_S, serve_for, wait_until

COUNT = 10_000  # as many as are accepted by default
FILES = COUNT + 1024 + 200  # with those of gRPC
# The largest head that is allowed, its list of headers and the reply's (24 KiB), and
# what else libmicrohttpd, malloc and the gateway keep of a connection.
MOST_BYTES_EACH = 28 << 10
MOST_BYTES_KEPT = 16 << 20


class IdleConnections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < FILES:
            raise unittest.SkipTest(f"{FILES} open files are needed, the hard limit is {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        serve_for(cls, "--idle-timeout-ms", "600000")

    def resident_bytes(self):
        with open(f"/proc/{self.server.popen.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()

    def ask(self, connection, number):
        connection.sendall(f"GET /v1/runs/none HTTP/1.1\r\nHost: h\r\nX-Request-Id: n{number}\r\n"
                           f"Authorization: Bearer {self.token}\r\n\r\n".encode())
        reply = b""
        while f'"requestId":"n{number}"'.encode() not in reply:
            received = connection.recv(65536)
            self.assertTrue(received, f"connection {number} was closed: {reply}")
            reply += received

    def open(self, connections, count):
        while len(connections) < count:
            connection = socket.create_connection(("127.0.0.1", self.server.http_port),
                                                  timeout=DEADLINE_S)
            connections.append(connection)
            self.ask(connection, len(connections))

    def test_ten_thousand_are_held_and_given_back(self):
        connections = []
        self.addCleanup(lambda: [c.close() for c in connections])
        self.open(connections, 1)
        before = self.resident_bytes()
        self.open(connections, COUNT)
        each = (self.resident_bytes() - before) / (COUNT - 1)
        print(f"an idle connection: {each / 1024:.1f} KiB, of {before >> 20} MiB without any")
        for number, connection in enumerate(connections):
            self.ask(connection, number)
        self.assertLess(each, MOST_BYTES_EACH)
        self.assertLess((self.resident_bytes() - before) / (COUNT - 1), MOST_BYTES_EACH)
        for connection in connections:
            connection.close()
        wait_until(lambda: self.resident_bytes() - before < MOST_BYTES_KEPT,
                   "the memory of closed connections")
