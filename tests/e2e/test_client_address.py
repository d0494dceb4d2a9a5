"""Who is said to have asked: the upstream learns the client's address from the gateway, and no
client can choose it."""

import concurrent.futures
import contextlib
import http.client
import socket
import sqlite3
import subprocess
import unittest

import grpc

import contract
import gateways
import rest
import stubs
from harness import DEADLINE_S, Place, Process, Serve, create_token, program
from test_stream_proxies import haproxy, nginx

ADDRESS = "x-forwarded-for"
FORGED = "192.0.2.66"

# What a client may send to be taken for another.
FORGERIES = (
    (),
    (("X-Forwarded-For", FORGED),),
    (("x-forwarded-for", FORGED), ("X-Forwarded-For", FORGED)),
    (("X-Forwarded-For", "unix"),),
    (("X-Forwarded-For", ""),),
    (("X-Real-Ip", FORGED), ("True-Client-Ip", FORGED), ("X-Client-Ip", FORGED)),
    (("Forwarded", f"for={FORGED}"),),
    (("Grpc-Metadata-X-Forwarded-For", FORGED),),
    (("X_Forwarded_For", FORGED),),
    (("Connection", "close, X-Forwarded-For"), ("X-Forwarded-For", FORGED)),
)


def heads(path="/v1/say/one"):
    """Each forgery as the bytes of a request."""
    for headers in FORGERIES:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        yield f"GET {path} HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode()


class OfTheGateway(unittest.TestCase):
    """Before an upstream that notes all metadata of its calls."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.seen = []
        self.upstream = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        self.upstream.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
            "echo.v1.Echo", {"Say": grpc.unary_unary_rpc_method_handler(
                self.say, request_deserializer=None, response_serializer=None)}),))
        self.address = f"127.0.0.1:{self.upstream.add_insecure_port('127.0.0.1:0')}"
        self.upstream.start()
        self.addCleanup(lambda: self.upstream.stop(None).wait(DEADLINE_S))
        self.descriptors = gateways.descriptor_set(self.place.path, "echo", gateways.ECHO)

    def say(self, _request, context):
        self.seen.append([value for key, value in context.invocation_metadata()
                          if key == ADDRESS])
        return b""

    def start(self, *options, listen="127.0.0.1:0"):
        gateway = Process(program("runs-gateway"), "--listen", listen, "--upstream",
                          self.address, "--descriptors", self.descriptors, *options)
        self.addCleanup(gateway.kill)
        ready = gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.port = ready.get("port")

    def ask(self, family, address, head):
        with socket.socket(family) as connection:
            connection.settimeout(rest.TIMEOUT_S)
            connection.connect(address)
            connection.sendall(head)
            reply = http.client.HTTPResponse(connection)
            reply.begin()
            body = reply.read()
            self.assertEqual(200, reply.status, body)

    def test_it_is_the_connections_whatever_the_client_sends(self):
        self.start()
        for head in heads():
            with self.subTest(head=head):
                self.seen.clear()
                self.ask(socket.AF_INET, ("127.0.0.1", self.port), head)
                self.assertEqual([["127.0.0.1"]], self.seen)

    def test_it_is_ipv4_where_the_client_has_that(self):
        self.start(listen="[::]:0")
        for family, address in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
            with self.subTest(address=address):
                self.seen.clear()
                self.ask(family, (address, self.port), next(heads()))
                self.assertEqual([[address]], self.seen)

    def test_each_connection_has_its_own(self):
        self.start()
        sources = ("127.0.0.1", "127.0.0.2", "127.8.9.10")
        connections = [http.client.HTTPConnection("127.0.0.1", self.port,
                                                  timeout=rest.TIMEOUT_S,
                                                  source_address=(source, 0))
                       for source in sources]
        for _ in range(2):
            for connection in connections:
                connection.request("GET", "/v1/say/one")
                reply = connection.getresponse()
                self.assertEqual(200, reply.status, reply.read())
                reply.read()
        for connection in connections:
            connection.close()
        self.assertEqual([[source] for source in sources] * 2, self.seen)

    def test_a_client_of_a_unix_socket_is_said_to_be_one(self):
        path = f"{self.place.path}/http.sock"
        self.start(listen=f"unix:{path}")
        for head in heads():
            with self.subTest(head=head):
                self.seen.clear()
                self.ask(socket.AF_UNIX, path, head)
                self.assertEqual([["unix"]], self.seen)

    def test_it_is_appended_to_the_clients_chain_if_asked(self):
        self.start("--forwarded-for", "append")
        for headers, chain in (((), ""), ((("X-Forwarded-For", FORGED),), f"{FORGED}, "),
                               ((("x-forwarded-for", f"{FORGED},::1"), ("X-Forwarded-For", "")),
                                f"{FORGED}, ::1, "), ((("Forwarded", f"for={FORGED}"),), "")):
            with self.subTest(headers=headers):
                self.seen.clear()
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
                self.ask(socket.AF_INET, ("127.0.0.1", self.port),
                         f"GET /v1/say/one HTTP/1.1\r\nHost: h\r\n{lines}\r\n".encode())
                self.assertEqual([[f"{chain}127.0.0.1"]], self.seen)

    def of(self, port, chain=(), source="127.0.0.9"):
        """For whom the upstream is asked if the client at source sends these X-Forwarded-For."""
        self.seen.clear()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=rest.TIMEOUT_S,
                                                source_address=(source, 0))
        connection.putrequest("GET", "/v1/say/one")
        for one in chain:
            connection.putheader("X-Forwarded-For", one)
        connection.endheaders()
        reply = connection.getresponse()
        self.assertEqual(200, reply.status, reply.read())
        connection.close()
        return self.seen[0]

    def test_a_trusted_proxy_tells_it_and_nobody_else(self):
        self.start("--trust-forwarded-for", "127.0.0.8/30,192.0.2.7", "--trust-forwarded-for",
                   "2001:db8::/32")
        for chain, client in (
                (["198.51.100.1"], "198.51.100.1"), ([], "127.0.0.9"),
                ([f"{FORGED}, 198.51.100.1"], "198.51.100.1"),
                ([FORGED, "198.51.100.1, 192.0.2.7", "2001:db8::1"], "198.51.100.1"),
                ([f"{FORGED}, unknown"], "127.0.0.9"), (["2001:db8::1"], "2001:db8::1")):
            with self.subTest(chain=chain):
                self.assertEqual([client], self.of(self.port, chain))
                self.assertEqual(["127.0.0.7"], self.of(self.port, chain, "127.0.0.7"))
        for head in heads():
            with self.subTest(head=head):
                self.seen.clear()
                self.ask(socket.AF_INET, ("127.0.0.1", self.port), head)
                self.assertEqual([["127.0.0.1"]], self.seen)

    def test_a_proxy_of_a_unix_socket_is_trusted_by_a_word(self):
        path = f"{self.place.path}/http.sock"
        self.start("--trust-forwarded-for", "unix", listen=f"unix:{path}")
        for head, client in zip(heads(), ("unix", FORGED, FORGED, "unix")):
            with self.subTest(head=head):
                self.seen.clear()
                self.ask(socket.AF_UNIX, path, head)
                self.assertEqual([[client]], self.seen)

    def test_behind_nginx_and_haproxy(self):
        self.start("--trust-forwarded-for", "127.0.0.1")
        first = nginx(self, self.place.path, self.port,
                      "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;").port
        second = haproxy(self, self.place.path, self.port, "option forwardfor").port
        both = nginx(self, self.place.path, second,
                     "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;").port
        for port in (first, second, both):
            for chain in ((), (FORGED,), (f"{FORGED}, 127.0.0.1",), (FORGED, "unknown")):
                with self.subTest(proxy=port, chain=chain):
                    self.assertEqual(["127.0.0.9"], self.of(port, chain))

    def test_what_cannot_be_trusted_is_refused_at_the_start(self):
        for options, message in (
                (("--trust-forwarded-for", "10.0.0.1/8"),
                 '--trust-forwarded-for: "10.0.0.1/8" has bits behind its prefix: did you mean '
                 "10.0.0.0/8?"),
                (("--trust-forwarded-for", "proxy.example"),
                 '--trust-forwarded-for: "proxy.example" is no IP address'),
                (("--trust-forwarded-for", "0.0.0.0/0"), "any client could say"),
                (("--trust-forwarded-for", "::1,"), '"::1," has an empty element'),
                (("--trust-forwarded-for", "::1", "--forwarded-for", "append"),
                 "--trust-forwarded-for and --forwarded-for append exclude each other")):
            for command in ([program("runs-gateway")],
                            [program("runsctl"), "serve", "--store", "memory:"]):
                with self.subTest(options=options, command=command):
                    done = subprocess.run([*command, *options], capture_output=True, text=True,
                                          timeout=DEADLINE_S, check=False)
                    self.assertEqual(2, done.returncode, done.stderr)
                    self.assertIn(message, done.stderr)

    def test_no_option_lets_clients_choose_it(self):
        done = subprocess.run(
            [program("runs-gateway"), "--request-header", "X-Real-Ip=x-forwarded-for"],
            capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn('"x-forwarded-for"', done.stderr)
        self.start("--request-header", "X-Forwarded-For=edge-for")
        self.ask(socket.AF_INET, ("127.0.0.1", self.port), list(heads())[1])
        self.assertEqual([["127.0.0.1"]], self.seen)


class OfTheStore(unittest.TestCase):
    """What is kept with each change of a run."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)

    def kept(self):
        """Of each event: the request, the address it came from, and the key."""
        path = self.place.store.removeprefix("sqlite:")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            return store.execute("SELECT request_id, remote_address, idempotency_key FROM event"
                                 " ORDER BY event_key").fetchall()

    def create(self, port, run, request):
        reply = rest.request(port, "POST", "/v1/runs", self.token, contract.new_run(id=run),
                             {"X-Request-Id": request})
        self.assertIn(reply.status, (200, 201), reply.body)
        return (request, "127.0.0.1", "")

    def over_rest(self, port):
        """Creates runs, and cancels each with a forgery; returns what is to be kept."""
        expected = []
        for number, headers in enumerate(FORGERIES):
            expected.append(self.create(port, f"r{number}", f"create-{number}"))
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
            reply = rest.raw(port, (f"POST /v1/runs/r{number}/cancel HTTP/1.1\r\nHost: h\r\n"
                                    f"Authorization: Bearer {self.token}\r\nContent-Length: 0\r\n"
                                    f"X-Request-Id: cancel-{number}\r\n{lines}\r\n").encode())
            self.assertEqual(200, reply.status, reply.body)
            expected.append((f"cancel-{number}", "127.0.0.1", ""))
        return expected

    def over_grpc(self, address, run, request):
        with grpc.insecure_channel(address) as channel:
            stubs.service_grpc.RunsServiceStub(channel).CancelRun(
                stubs.service_pb2.CancelRunRequest(id=run), timeout=DEADLINE_S,
                metadata=(*stubs.bearer(self.token), ("x-request-id", request),
                          (ADDRESS, FORGED), ("forwarded", f"for={FORGED}")))

    def test_in_one_process(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        expected = self.over_rest(server.http_port)
        expected.append(self.create(server.http_port, "grpc", "create"))
        self.over_grpc(server.grpc, "grpc", "over-tcp")
        expected.append(("over-tcp", "127.0.0.1", ""))
        self.assertEqual(0, server.stop(), server.tail())
        self.assertEqual(expected, self.kept())

    def test_in_one_process_with_the_chain(self):
        server = Serve(self.place.store, "--forwarded-for", "append")
        self.addCleanup(server.kill)
        expected = self.over_rest(server.http_port)
        self.assertEqual(0, server.stop(), server.tail())
        self.assertEqual(expected, self.kept())

    def test_in_two_programs(self):
        self.in_two_programs()

    def test_in_two_programs_with_the_chain(self):
        self.in_two_programs("--forwarded-for", "append")

    def in_two_programs(self, *options):
        path = f"unix:{self.place.path}/runsd.sock"
        server = Process(program("runsd"), "--listen", path, "--store", self.place.store)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        gateway = Process(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream", path,
                          *options)
        self.addCleanup(gateway.kill)
        port = gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")["port"]
        expected = self.over_rest(port)
        expected.append(self.create(port, "grpc", "create"))
        # Who may open the socket may call for others.
        self.over_grpc(path, "grpc", "over-unix")
        expected.append(("over-unix", FORGED, ""))
        self.assertEqual(0, gateway.stop(), gateway.tail())
        self.assertEqual(0, server.stop(), server.tail())
        self.assertEqual(expected, self.kept())


if __name__ == "__main__":
    unittest.main()
