"""runs-gateway while it runs: SIGHUP, server reflection, the stop."""

import os
import signal
import threading
import unittest

import documents
import rest
from gateways import ECHO, Echo, Gateway, descriptor_set, proto, run_gateway
from harness import Place, Process, Serve, create_token, program

V2 = ECHO.replace("/v1/", "/v2/")
BAD = ECHO.replace("/v1/say/{name}", "/v1/say/{name")


class Load:
    """Threads that ask without a pause, each on a connection that it keeps; every reply
    must be 200, or the 404 of a route that comes and goes."""

    def __init__(self, port, paths):
        self.port = port
        self.ends = threading.Event()
        self.replies = [0] * len(paths)
        self.wrong = []
        self.threads = [threading.Thread(target=self._run, args=(i, path, statuses))
                        for i, (path, statuses) in enumerate(paths)]
        for thread in self.threads:
            thread.start()

    def _run(self, index, path, statuses):
        connection = rest.http.client.HTTPConnection("127.0.0.1", self.port,
                                                     timeout=rest.TIMEOUT_S)
        try:
            while not self.ends.is_set():
                status = rest.request_on(connection, "GET", path).status
                self.replies[index] += 1
                if status not in statuses:
                    self.wrong.append((path, status))
        except OSError as error:
            self.wrong.append((path, repr(error)))
        finally:
            connection.close()

    def stop(self):
        self.ends.set()
        for thread in self.threads:
            thread.join(rest.TIMEOUT_S)


class Reload(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.echo = Echo(place.path)
        cls.addClassCleanup(cls.echo.stop)

    def setUp(self):
        place = Place()
        self.addCleanup(place.remove)
        self.folder = place.path
        self.file = descriptor_set(self.folder, "echo", ECHO)
        self.echo.gate = None
        self.echo.entered.clear()

    def gateway(self, *options):
        gateway = Gateway(self.echo.address, "--descriptors", self.file, *options)
        self.addCleanup(gateway.kill)
        return gateway

    def replace(self, text):
        """Replaces the file at once, as a deployment does."""
        other = self.folder / "other"
        other.mkdir(exist_ok=True)
        os.replace(descriptor_set(other, "echo", text), self.file)

    def hang_up(self, gateway, message, count=1):
        documents.forget(gateway.port)
        gateway.popen.send_signal(signal.SIGHUP)
        return gateway.wait_count(message, count)

    def status(self, gateway, path):
        return rest.request(gateway.port, "GET", path).status

    def test_a_good_set_is_taken(self):
        gateway = self.gateway()
        self.assertEqual((200, 404), (self.status(gateway, "/v1/say/x"),
                                      self.status(gateway, "/v2/say/x")))
        self.replace(V2)
        self.assertEqual(2, self.hang_up(gateway, "reloaded")["routes"])
        self.assertEqual((404, 200), (self.status(gateway, "/v1/say/x"),
                                      self.status(gateway, "/v2/say/x")))
        self.assertEqual(0, gateway.stop())

    def test_a_bad_set_keeps_the_old_routes_and_says_why(self):
        gateway = self.gateway()
        refusal = "not reloaded, the old routes stay"
        rows = [(BAD, ("echo.v1.Echo.Say", '"/v1/say/{name"', "column")),
                (b"no set", ("no serialized",)),
                (b"", ("the file is empty",)),
                ('syntax = "proto3"; package a;', ("no route",))]
        for i, (text, fragments) in enumerate(rows):
            self.replace(text)
            line = self.hang_up(gateway, refusal, i + 1)
            self.assertEqual("error", line["level"])
            # The same as a start with it says.
            done = run_gateway("--listen=127.0.0.1:0", "--descriptors", self.file)
            self.assertEqual((1, f"runs-gateway: {line['error']}\n"),
                             (done.returncode, done.stderr))
            for fragment in (f"--descriptors {self.file}: ", *fragments):
                self.assertIn(fragment, line["error"])
            self.assertEqual(200, self.status(gateway, "/v1/say/x"))
        os.remove(self.file)
        self.assertIn("No such file", self.hang_up(gateway, refusal, len(rows) + 1)["error"])
        self.assertEqual(200, self.status(gateway, "/v1/say/x"))
        self.replace(V2)
        self.hang_up(gateway, "reloaded")
        self.assertEqual(200, self.status(gateway, "/v2/say/x"))

    def test_no_request_fails_while_sets_change(self):
        gateway = self.gateway("--log-level=info")
        both = ECHO.replace('{get: "/v1/say/{name}"}', '{get: "/v1/say/{name}" '
                            'additional_bindings {get: "/v2/say/{name}"}}')
        load = Load(gateway.port, [("/v1/say/a", (200,)), ("/v1/say/b", (200,)),
                                   ("/v2/say/c", (200, 404))])
        self.addCleanup(load.stop)
        try:
            for i in range(10):
                self.replace(both if i % 2 == 0 else ECHO)
                self.hang_up(gateway, "reloaded", i + 1)
                self.replace(BAD)
                self.hang_up(gateway, "not reloaded, the old routes stay", i + 1)
        finally:
            load.stop()
        self.assertEqual([], load.wrong)
        self.assertGreater(min(load.replies), 10)
        self.assertEqual(0, gateway.stop())

    def test_a_request_in_flight_ends_with_the_routes_it_began_with(self):
        gateway = self.gateway("--envelope=none")
        self.echo.gate = threading.Event()
        self.addCleanup(self.echo.gate.set)
        replies = []
        asking = threading.Thread(
            target=lambda: replies.append(rest.request(gateway.port, "GET", "/v1/say/me")))
        asking.start()
        self.assertTrue(self.echo.entered.wait(rest.TIMEOUT_S))
        self.replace(proto("other.v1", "/v3/{name}"))
        self.hang_up(gateway, "reloaded")
        self.assertEqual(404, self.status(gateway, "/v1/say/x"))
        self.echo.gate.set()
        asking.join(rest.TIMEOUT_S)
        self.assertEqual((200, "hello me"), (replies[0].status, replies[0].json()["text"]))

    def test_the_built_in_set_is_not_reloaded(self):
        gateway = Gateway(self.echo.address)
        self.addCleanup(gateway.kill)
        self.hang_up(gateway, "there is nothing to reload: the descriptors are built in")
        self.assertEqual(501, rest.request(gateway.port, "GET", "/v1/runs/x").status)
        self.assertEqual(0, gateway.stop())


class Reflect(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.address = f"unix:{self.place.path}/grpc.sock"

    def runsd(self):
        server = Process(program("runsd"), "--store", self.place.store, "--listen", self.address)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        return server

    def test_a_gateway_serves_what_runsd_says_that_it_serves(self):
        token = create_token(self.place.store)
        server = self.runsd()
        gateway = Gateway(self.address, "--reflect")
        self.addCleanup(gateway.kill)
        reply = rest.request(gateway.port, "POST", "/v1/runs/none/cancel", token, "{}")
        self.assertEqual((404, "RUN_NOT_FOUND"), (reply.status, reply.error["reason"]))
        gateway.popen.send_signal(signal.SIGHUP)
        self.assertEqual(gateway.routes, gateway.message("reloaded")["routes"])
        # An upstream that is gone keeps the routes.
        self.assertEqual(0, server.stop())
        gateway.popen.send_signal(signal.SIGHUP)
        line = gateway.message("not reloaded, the old routes stay")
        self.assertIn("cannot be reached", line["error"])
        self.assertEqual(503, rest.request(gateway.port, "GET", "/v1/runs/x", token).status)
        self.assertEqual(0, gateway.stop())

    def test_the_start_waits_for_the_upstream(self):
        gateway = Gateway(self.address, "--reflect", wait=False)
        self.addCleanup(gateway.kill)
        line = gateway.message("the upstream's descriptors cannot be read yet: trying again")
        self.assertEqual(("warn", self.address), (line["level"], line["upstream"]))
        self.runsd()
        gateway.wait_ready()
        self.assertEqual(401, rest.request(gateway.port, "GET", "/v1/runs/x").status)
        self.assertEqual(0, gateway.stop())

    def test_a_start_that_waits_can_be_stopped(self):
        gateway = Gateway(self.address, "--reflect", wait=False)
        self.addCleanup(gateway.kill)
        gateway.message("the upstream's descriptors cannot be read yet: trying again")
        self.assertEqual(0, gateway.stop())
        self.assertEqual(0, gateway.count("ready"))

    def test_a_gateway_fronts_a_server_that_it_knows_nothing_of(self):
        echo = Echo(self.place.path, reflection=True)
        self.addCleanup(echo.stop)
        gateway = Gateway(echo.address, "--reflect", "--unbound-methods", "--envelope=none")
        self.addCleanup(gateway.kill)
        self.assertEqual(3, gateway.routes)  # none of reflection's own
        reply = rest.request(gateway.port, "GET", "/v1/say/you")
        self.assertEqual((200, "hello you"), (reply.status, reply.json()["text"]))
        reply = rest.request(gateway.port, "POST", "/echo.v1.Echo/Unbound", body='{"name": "n"}')
        self.assertEqual((200, "n 0"), (reply.status, reply.json()["text"]))
        self.assertEqual(0, gateway.stop())

    def test_an_upstream_without_reflection_ends_the_start(self):
        echo = Echo(self.place.path)
        self.addCleanup(echo.stop)
        done = run_gateway("--listen=127.0.0.1:0", "--upstream", echo.address, "--reflect")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        for fragment in ("runs-gateway: ", "has no server reflection", "--descriptors"):
            self.assertIn(fragment, done.stderr)


class Stop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        place = Place()
        cls.addClassCleanup(place.remove)
        cls.echo = Echo(place.path)
        cls.addClassCleanup(cls.echo.stop)

    def test_a_request_in_flight_is_answered(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            self.echo.entered.clear()
            self.echo.gate = threading.Event()
            gateway = Gateway(self.echo.address, "--descriptors", self.echo.set)
            self.addCleanup(gateway.kill)
            replies = []
            asking = threading.Thread(
                target=lambda: replies.append(rest.request(gateway.port, "GET", "/v1/say/me")))
            asking.start()
            self.assertTrue(self.echo.entered.wait(rest.TIMEOUT_S))
            gateway.popen.send_signal(number)
            gateway.message("stopping")
            self.echo.gate.set()
            asking.join(rest.TIMEOUT_S)
            self.assertEqual(200, replies[0].status)
            self.assertEqual(0, gateway.stop())
            gateway.message("stopped")

    def test_a_request_that_takes_too_long_is_told(self):
        self.echo.entered.clear()
        self.echo.gate = threading.Event()
        self.addCleanup(self.echo.gate.set)
        gateway = Gateway(self.echo.address, "--descriptors", self.echo.set, "--drain-ms=50")
        self.addCleanup(gateway.kill)
        replies = []
        asking = threading.Thread(
            target=lambda: replies.append(rest.request(gateway.port, "GET", "/v1/say/me")))
        asking.start()
        self.assertTrue(self.echo.entered.wait(rest.TIMEOUT_S))
        self.assertEqual(0, gateway.stop())
        asking.join(rest.TIMEOUT_S)
        self.assertEqual((503, "SERVER_STOPPING"), (replies[0].status, replies[0].error["reason"]))


class ServeSignals(unittest.TestCase):
    def test_a_hangup_does_not_end_runsctl_serve(self):
        server = Serve("memory:")
        self.addCleanup(server.kill)
        server.popen.send_signal(signal.SIGHUP)
        server.wait_for_log(lambda l: l.get("message") == "there is nothing to reload", "SIGHUP")
        self.assertEqual(401, rest.request(server.http_port, "GET", "/v1/runs/x").status)
        self.assertEqual(0, server.stop())


if __name__ == "__main__":
    unittest.main()
