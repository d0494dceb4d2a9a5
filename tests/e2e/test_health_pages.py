"""/healthz and /readyz, as a supervisor and a load balancer ask for them."""

import importlib
import signal
import socket
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc

import rest
from gateways import Echo, Gateway
from harness import Place, Process, Serve, program, wait_until
import stubs  # noqa: F401, which makes health_pb2

health_pb2 = importlib.import_module("grpc.health.v1.health_pb2")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

OK = b'{"status":"ok"}\n'
UNAVAILABLE = b'{"status":"unavailable"}\n'
PAGES = ("/healthz", "/readyz")


class Half:
    """A request of which the end is still to be sent: its connection is there during a stop."""

    def __init__(self, port, verb, path, body=b""):
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.rest = body if body else b"\r\n"
        head = f"{verb} {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n{length}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=rest.TIMEOUT_S)
        self.socket.sendall(head.encode() + (b"\r\n" if body else b""))

    def finish(self):
        with self.socket:
            self.socket.sendall(self.rest)
            data = b""
            while chunk := self.socket.recv(65536):  # the gateway closes behind the reply
                data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        return int(head.split()[1]), body


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=rest.TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    return False


class Pages(unittest.TestCase):
    def check_page(self, reply, status, body=None):
        self.assertEqual(status, reply.status, reply.body)
        self.assertEqual(body or (OK if status == 200 else UNAVAILABLE), reply.body)
        self.assertEqual("application/json", reply.headers["Content-Type"])
        self.assertEqual("no-store", reply.headers["Cache-Control"])
        self.assertEqual("1" if status == 503 else None, reply.headers["Retry-After"])
        self.assertTrue(reply.headers["X-Request-Id"])

    def check_ready(self, port, status):
        self.check_page(rest.request(port, "GET", "/readyz"), status)
        self.check_page(rest.request(port, "GET", "/healthz"), 200)

    def await_ready(self, port, status):
        wait_until(lambda: rest.request(port, "GET", "/readyz").status == status,
                   f"/readyz: {status}")
        self.check_ready(port, status)

    def check_stop(self, process, port, call, end_call, status_of_call):
        """call, a Half or a future, is in flight until end_call."""
        ready, alive = Half(port, "GET", "/readyz"), Half(port, "GET", "/healthz")
        self.check_ready(port, 200)
        process.popen.send_signal(signal.SIGTERM)
        wait_until(lambda: is_refused(port), "the stop")
        self.assertEqual((503, UNAVAILABLE), ready.finish())
        self.assertEqual((200, OK), alive.finish())
        self.assertIsNone(process.popen.poll())
        self.assertEqual(status_of_call, end_call(call))
        self.assertEqual(0, process.stop(), process.tail())


class ServeHealth(Pages):
    def setUp(self):
        self.server = Serve("memory:", "--drain-ms", "60000")
        self.addCleanup(self.server.kill)
        self.port = self.server.http_port

    def test_pages_and_what_is_no_page(self):
        self.check_ready(self.port, 200)
        for path in PAGES:
            head = rest.request(self.port, "HEAD", path)
            self.assertEqual((200, str(len(OK)), b""),
                             (head.status, head.headers["Content-Length"], head.body))
            for verb in ("POST", "DELETE"):
                refused = rest.request(self.port, verb, path, body="{}")
                self.assertEqual((405, "METHOD_NOT_ALLOWED", "GET, HEAD, OPTIONS"),
                                 (refused.status, refused.error["reason"], refused.headers["Allow"]))
            options = rest.request(self.port, "OPTIONS", path)
            self.assertEqual((204, "GET, HEAD, OPTIONS"), (options.status, options.headers["Allow"]))
        for path in ("/healthz/", "/readyz/x", "/Readyz", "/%72eadyz", "/metrics"):
            reply = rest.request(self.port, "GET", path)
            self.assertEqual((404, "ROUTE_NOT_FOUND"), (reply.status, reply.error["reason"]), path)

    def test_a_page_needs_no_token_and_looks_at_none(self):
        self.check_page(rest.request(self.port, "GET", "/readyz", token="nonsense"), 200)
        self.assertEqual(401, rest.request(self.port, "GET", "/v1/runs/x").status)

    def test_not_ready_while_it_stops(self):
        call = Half(self.port, "POST", "/v1/runs", b"{}")
        self.check_stop(self.server, self.port, call, lambda c: c.finish()[0], 401)


class GatewayHealth(Pages):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def start(self, upstream, *options):
        gateway = Gateway(upstream, *options)
        self.addCleanup(gateway.kill)
        return gateway

    def start_runsd(self, listen):
        server = Process(program("runsd"), "--listen", listen, "--store", self.place.store)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        return server

    def test_ready_while_runsd_is_there(self):
        listen = f"unix:{self.place.path}/runsd.sock"
        gateway = self.start(listen)
        self.check_ready(gateway.port, 503)
        line = gateway.message("the upstream does not serve")
        self.assertEqual(("WARN", "UNAVAILABLE"), (line["level"].upper(), line["code"]))
        server = self.start_runsd(listen)
        self.await_ready(gateway.port, 200)
        gateway.message("the upstream serves")
        self.assertEqual(0, server.stop(), server.tail())
        self.await_ready(gateway.port, 503)
        server = self.start_runsd(listen)
        self.await_ready(gateway.port, 200)
        server.kill()
        self.await_ready(gateway.port, 503)

    def test_an_upstream_that_hangs_is_not_ready(self):
        listen = f"unix:{self.place.path}/runsd.sock"
        server = self.start_runsd(listen)
        gateway = self.start(listen)
        self.await_ready(gateway.port, 200)
        server.popen.send_signal(signal.SIGSTOP)
        self.await_ready(gateway.port, 503)
        server.popen.send_signal(signal.SIGCONT)
        self.await_ready(gateway.port, 200)

    def test_what_a_foreign_health_service_says(self):
        server = grpc.server(ThreadPoolExecutor(4))
        answers = [SERVING]

        def check(request, context):
            self.assertEqual("", request.service)
            if not isinstance(answers[-1], int):
                context.abort(answers[-1], "by the test")
            return health_pb2.HealthCheckResponse(status=answers[-1])

        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "grpc.health.v1.Health", {"Check": grpc.unary_unary_rpc_method_handler(
                check, request_deserializer=health_pb2.HealthCheckRequest.FromString,
                response_serializer=health_pb2.HealthCheckResponse.SerializeToString)}),))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        gateway = self.start(f"127.0.0.1:{port}")
        self.check_ready(gateway.port, 200)
        code = grpc.StatusCode
        for answer, status in ((NOT_SERVING, 503), (code.UNAUTHENTICATED, 200), (code.INTERNAL, 503),
                               (code.NOT_FOUND, 200), (code.UNAVAILABLE, 503), (SERVING, 200),
                               (code.RESOURCE_EXHAUSTED, 503), (code.PERMISSION_DENIED, 200)):
            with self.subTest(answer):
                answers.append(answer)
                self.await_ready(gateway.port, status)

    def test_without_a_health_service_the_connection_counts_and_a_stop_does(self):
        echo = Echo(self.place.path)
        self.addCleanup(echo.stop)
        gateway = self.start(echo.address, "--descriptors", echo.set, "--drain-ms", "60000")
        self.check_ready(gateway.port, 200)
        echo.gate = threading.Event()
        self.addCleanup(echo.gate.set)
        pool = ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        call = pool.submit(rest.request, gateway.port, "GET", "/v1/say/you")
        self.assertTrue(echo.entered.wait(rest.TIMEOUT_S))

        def end_call(future):
            echo.gate.set()
            return future.result(rest.TIMEOUT_S).status

        self.check_stop(gateway, gateway.port, call, end_call, 200)


if __name__ == "__main__":
    unittest.main()
