"""Clients that end their sending direction behind their requests, and clients that are gone."""

import concurrent.futures
import os
import signal
import socket
import struct
import threading
import time
import unittest

import grpc

import contract
import rest
from gateways import ECHO, Gateway, descriptor_set
from harness import DEADLINE_S, Place, Serve, create_token, wait_until

EACH = 50  # clients of each kind
# Two looks of the gateway for clients that are gone, of 0.5 s, and some more: what is tested is
# that nothing happens meanwhile.
LOOKS_S = 2


def head(verb, path, token, more="", version="1.1"):
    return (f"{verb} {path} HTTP/{version}\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
            f"{more}\r\n").encode()


def kinds(get, post, token):
    """Requests by name, and how many replies each has."""
    json_type = "Content-Type: application/json\r\n"
    one = head("GET", get, token)
    return {
        "GET": (one, 1),
        "HTTP/1.0": (head("GET", get, token, version="1.0"), 1),
        "pipelined": (one + one, 2),
        "no body": (head("POST", post, token, "Content-Length: 0\r\n"), 1),
        "neither": (head("POST", post, token), 1),
        "body": (head("POST", post, token, f"{json_type}Content-Length: 2\r\n") + b"{}", 1),
        "chunks": (head("POST", post, token, f"{json_type}Transfer-Encoding: chunked\r\n") +
                   b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 1),
    }


def half_closed(port, request):
    client = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
    client.sendall(request)
    client.shutdown(socket.SHUT_WR)
    return client


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def received(client):
    """All that comes until the end."""
    with client:
        data = b""
        try:
            while more := client.recv(1 << 16):
                data += more
        except ConnectionError as error:
            data += repr(error).encode()
        return data


def resident_bytes(process):
    with open(f"/proc/{process.popen.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class Replies(unittest.TestCase):
    def check(self, clients, codes):
        for name, (client, count) in clients:
            data = received(client)
            found = [data.count(f" {code} ".encode()) for code in codes]
            self.assertEqual(count, data.count(b"HTTP/1."), (name, data))
            self.assertEqual(count, sum(found), (name, data))


class OneProcess(Replies):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.server = Serve(self.place.store)
        self.addCleanup(self.server.stop)
        made = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                            contract.new_run())
        self.path = f"/v1/runs/{made.json()['data']['id']}"

    def test_requests_whose_end_comes_with_them_are_answered(self):
        of = kinds(self.path, f"{self.path}/cancel", self.token)
        # So that the gateway finds requests and ends together.
        self.server.popen.send_signal(signal.SIGSTOP)
        try:
            clients = [(name, (half_closed(self.server.http_port, request), count))
                       for _ in range(EACH) for name, (request, count) in of.items()]
        finally:
            self.server.popen.send_signal(signal.SIGCONT)
        self.check(clients, (200, 409))

    def test_one_after_the_other(self):
        of = kinds(self.path, f"{self.path}/cancel", self.token)
        for _ in range(EACH):
            self.check([(name, (half_closed(self.server.http_port, request), count))
                        for name, (request, count) in of.items()], (200, 409))


class Apart(Replies):
    """Before a server whose calls last until the gate opens."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        text = ECHO.replace('{get: "/v1/say/{name}"}',
                            '{get: "/v1/say/{name}" additional_bindings {post: "/v1/say" body: "*"}'
                            ' additional_bindings {post: "/v1/bare/{name}"}}')
        echo = descriptor_set(self.place.path, "echo", text)
        self.gate = threading.Event()
        self.calls = 0
        self.waiting = []
        self.cancelled = 0
        self.lock = threading.Lock()
        self.upstream = grpc.server(concurrent.futures.ThreadPoolExecutor(10 * EACH))
        self.upstream.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "echo.v1.Echo", {"Say": grpc.unary_unary_rpc_method_handler(self.say)}),))
        port = self.upstream.add_insecure_port("127.0.0.1:0")
        self.upstream.start()
        self.addCleanup(lambda: self.upstream.stop(None).wait())
        self.addCleanup(self.open_gate)
        self.gateway = Gateway(f"127.0.0.1:{port}", "--descriptors", echo)
        self.addCleanup(self.gateway.kill)

    def say(self, _request, context):
        done = threading.Event()

        def over():
            with self.lock:
                self.cancelled += not self.gate.is_set()
            done.set()
        context.add_callback(over)
        with self.lock:
            self.calls += 1
            self.waiting.append(done)
            if self.gate.is_set():
                done.set()
        done.wait(DEADLINE_S)
        return b""

    def open_gate(self):
        with self.lock:
            self.gate.set()
            for done in self.waiting:
                done.set()

    def test_calls_that_last_are_answered(self):
        of = kinds("/v1/say/a", "/v1/say", "t")
        clients = [(name, (half_closed(self.gateway.port, request), count))
                   for _ in range(EACH) for name, (request, count) in of.items()]
        wait_until(lambda: self.calls >= len(clients), "the calls")
        time.sleep(LOOKS_S)
        self.assertEqual(0, self.cancelled)
        self.open_gate()
        self.check(clients, (200,))

    def test_who_resets_is_gone_and_leaves_nothing(self):
        before = resident_bytes(self.gateway)
        of = kinds("/v1/say/a", "/v1/say", "t")
        for round_ in range(3):
            calls = self.calls
            clients = [half_closed(self.gateway.port, request)
                       for _ in range(EACH) for request, _ in of.values()]
            wait_until(lambda: self.calls >= calls + len(clients), "the calls")
            for client in clients:
                reset(client)
            done = (round_ + 1) * len(clients)
            wait_until(lambda: self.cancelled >= done, "the cancels")
        wait_until(lambda: resident_bytes(self.gateway) - before < 16 << 20, "the memory")
        self.open_gate()
        self.assertEqual(200, rest.request(self.gateway.port, "GET", "/v1/say/a").status)
        self.assertEqual(0, self.gateway.stop())


if __name__ == "__main__":
    unittest.main()
