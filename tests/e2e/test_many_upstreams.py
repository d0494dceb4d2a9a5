"""runs-gateway before several servers: who gets the calls, and that no client sees one go."""

import concurrent.futures
import json
import os
import shutil
import signal
import subprocess
import threading
import unittest

from google.protobuf import descriptor_pb2

import certificates
import contract
import rest
import stubs
from gateways import Echo, Gateway, descriptor_set, run_gateway
from harness import DEADLINE_S, Place, create_token, wait_until
from scrapes import Admin
from test_rest_watch import Watch
from test_runsd_program import Runsd

WATCHERS = 3
CLIENTS = 4
WAIT = {"lease": {"holder": "h", "duration": "30s"}, "wait": "3s"}


class Case(unittest.TestCase):
    """Two servers, each with a store of its own in which the token is the same."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        folder = self.place.path / "a"
        folder.mkdir()
        self.token = create_token(f"sqlite:{folder}/runs.db", name="many")
        shutil.copytree(folder, self.place.path / "b")
        self.servers = {}

    def address(self, name):
        return f"unix:{self.place.path}/{name}.sock"

    def start(self, name, *options):
        server = Runsd("--store", f"sqlite:{self.place.path}/{name}/runs.db", "--listen",
                       self.address(name), *options)
        self.addCleanup(server.kill)
        self.servers[name] = server

    def start_both(self):
        self.start("a")
        self.start("b")

    def gateway(self, *options, upstreams=("a", "b")):
        first, *others = map(self.address, upstreams)
        more = [option for other in others for option in ("--upstream", other)]
        gateway = Gateway(first, *more, "--admin", "127.0.0.1:0", *options)
        self.addCleanup(gateway.kill)
        self.admin = Admin(gateway)
        self.addCleanup(self.admin.close)
        return gateway

    def await_serving(self, **wanted):
        for name, is_serving in wanted.items():
            self.admin.wait("runsd_upstream_serving", 1 if is_serving else 0,
                            upstream=self.address(name))

    def get(self, gateway, path="/v1/runs/ghost"):
        return rest.request(gateway.port, "GET", path, self.token)

    def detail(self):
        """The status of /readyz, and what it says of the upstreams."""
        status, body = self.admin.get("/readyz", "*/*")
        check, = [c for c in json.loads(body)["checks"] if c["name"] == "upstream"]
        return status, check["ok"], check["detail"]


class Life(Case):
    def test_both_get_calls_and_each_is_named(self):
        self.start_both()
        gateway = self.gateway()
        self.await_serving(a=True, b=True)
        for _ in range(20):
            self.assertEqual(404, self.get(gateway).status)
        scrape = self.admin.scrape()
        counts = [scrape.get("runsd_upstream_calls_total", upstream=self.address(name))
                  for name in "ab"]
        self.assertEqual([10, 10], counts)
        self.assertEqual((200, True, f"2 of 2 serve; {self.address('a')} serves; "
                                     f"{self.address('b')} serves"), self.detail())
        self.assertEqual(200, rest.request(gateway.port, "GET", "/readyz").status)
        self.assertEqual(0, gateway.stop(), gateway.tail())

    def test_one_that_is_killed_gets_no_calls_and_comes_back(self):
        self.start_both()
        gateway = self.gateway()
        self.await_serving(a=True, b=True)
        self.servers["a"].kill()
        for _ in range(50):  # also those that are there before it is noticed
            self.assertEqual(404, self.get(gateway).status)
        self.await_serving(a=False, b=True)
        line = gateway.wait_for_log(
            lambda l: l.get("upstream") == self.address("a") and l["level"] == "warn", "the loss")
        self.assertIn("it gets no calls", line["message"])
        self.assertEqual((200, True, f"1 of 2 serve; {self.address('a')} does not serve: it cannot "
                                     f"be reached; {self.address('b')} serves"), self.detail())
        self.assertEqual(200, rest.request(gateway.port, "GET", "/readyz").status)
        self.start("a")
        self.await_serving(a=True)
        gateway.wait_for_log(lambda l: l.get("upstream") == self.address("a")
                             and l["message"] == "an upstream serves", "the return")

    def test_one_that_stands_still_gets_no_calls(self):
        self.start_both()
        gateway = self.gateway()
        self.await_serving(a=True, b=True)
        pid = self.servers["a"].popen.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            self.await_serving(a=False)
            self.assertIn("does not serve: it does not answer", self.detail()[2])
            for _ in range(20):
                self.assertEqual(404, self.get(gateway).status)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.await_serving(a=True)

    def test_none_is_not_ready(self):
        gateway = self.gateway()
        self.await_serving(a=False, b=False)
        self.assertEqual((503, False), self.detail()[:2])
        wait_until(lambda: rest.request(gateway.port, "GET", "/readyz").status == 503, "the answer")
        reply = self.get(gateway)
        contract.check_error(self, reply, 503, None, "UNAVAILABLE")
        self.assertEqual("UPSTREAM_UNREACHABLE", reply.error["reason"])
        self.start("b")
        wait_until(lambda: self.get(gateway).status == 404, "a server")
        wait_until(lambda: rest.request(gateway.port, "GET", "/readyz").status == 200, "ready")

    def test_a_call_that_waits_at_a_server_that_stops_waits_on_at_another(self):
        self.start_both()
        gateway = self.gateway("--unbound-methods")
        self.await_serving(a=True, b=True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            waits = [pool.submit(rest.request, gateway.port, "POST",
                                 "/runs.v1.RunsService/AcquireRuns", self.token, WAIT)
                     for _ in range(2)]
            wait_until(lambda: self.admin.scrape().total("runsd_upstream_calls_in_flight",
                                                         kind="call") == 2, "both wait")
            self.servers["a"].stop()  # its wait ends, and goes on at the other one
            for wait in waits:
                reply = wait.result(DEADLINE_S)
                self.assertEqual((200, {}), (reply.status, reply.json()["data"]))


class Rolling(Case):
    """Servers are restarted one by one under load."""

    def load(self, gateway, number, over, errors):
        connection = rest.http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=DEADLINE_S)
        count = 0
        while not over.is_set():
            count += 1
            reply = rest.request_on(connection, "GET", "/v1/runs/ghost", self.token)
            if reply.status != 404:
                errors.append((reply.status, reply.body))
            run = contract.new_run(id=f"run-{number}-{count}")
            reply = rest.request_on(connection, "POST", "/v1/runs", self.token, run)
            if reply.status != 200:
                errors.append((reply.status, reply.body))
        connection.close()
        return count

    def watch(self, gateway, number, over, errors):
        """Opens a watch again and again, as the contract has it; returns how often."""
        opened = 0
        while not over.is_set():
            watch = Watch(self, gateway.port, self.token, events=number % 2 == 0)
            opened += 1
            if watch.status != 200:
                errors.append(("watch", watch.status, watch.refusal()))
                continue
            while not over.is_set() and (message := watch.next()) is not None:
                if message.data.get("error", {}).get("reason", "SERVER_STOPPING") != "SERVER_STOPPING":
                    errors.append(("watch", message.data))
            watch.connection.close()
        return opened

    def test_no_client_sees_an_error(self):
        self.start_both()
        gateway = self.gateway("--stream-heartbeat-ms", "200")
        self.await_serving(a=True, b=True)
        over, errors = threading.Event(), []
        with concurrent.futures.ThreadPoolExecutor(CLIENTS + WATCHERS) as pool:
            clients = [pool.submit(self.load, gateway, n, over, errors) for n in range(CLIENTS)]
            watchers = [pool.submit(self.watch, gateway, n, over, errors)
                        for n in range(WATCHERS)]
            try:
                for name in "abab":
                    self.assertEqual(0, self.servers[name].stop(), self.servers[name].tail())
                    self.start(name)
                    self.await_serving(**{name: True})
            finally:
                over.set()
            counts = [client.result(DEADLINE_S) for client in clients]
            opened = [watcher.result(DEADLINE_S) for watcher in watchers]
        self.assertEqual([], errors[:5])
        self.assertTrue(all(counts), counts)
        self.assertGreater(sum(opened), WATCHERS, "no watch was opened again")
        self.await_serving(a=True, b=True)
        self.assertEqual(0, gateway.stop(), gateway.tail())


class Versions(Case):
    """Gateways and servers that are not of one release."""

    def test_a_method_that_one_server_does_not_have_is_asked_of_another(self):
        old, new = Echo(self.place.path, methods=("Say", "Fail")), Echo(self.place.path)
        self.addCleanup(old.stop)
        self.addCleanup(new.stop)
        gateway = Gateway(old.address, "--upstream", new.address, "--unbound-methods",
                          "--descriptors", new.set, "--envelope=none")
        self.addCleanup(gateway.kill)
        for _ in range(10):
            reply = rest.request(gateway.port, "POST", "/echo.v1.Echo/Unbound", body='{"name": "n"}')
            self.assertEqual((200, "n 0"), (reply.status, reply.json()["text"]))
            self.assertEqual(200, rest.request(gateway.port, "GET", "/v1/say/you").status)
        new.stop()
        wait_until(lambda: rest.request(gateway.port, "POST", "/echo.v1.Echo/Unbound",
                                        body="{}").status == 501, "nobody has it")

    def older_descriptors(self):
        """What a release back did not know: a service, and a field of runs."""
        path = self.place.path / "now.binpb"
        subprocess.run(["protoc", *(f"-I{i}" for i in stubs.INCLUDES), "--include_imports", "-o",
                        str(path), *(name for name in stubs.PROTOS if name.startswith("runs/"))],
                       check=True)
        full = descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes())
        services = fields = 0
        for file in full.file:
            for i, service in reversed(list(enumerate(file.service))):
                if service.name == "BulkCancelsService":
                    del file.service[i]
                    services += 1
            for message in file.message_type:
                for i, field in reversed(list(enumerate(message.field))):
                    if message.name == "Run" and field.name == "parent_run_id":
                        del message.field[i]
                        fields += 1
        self.assertEqual((1, 1), (services, fields))
        return descriptor_set(self.place.path, "older", full.SerializeToString())

    def test_a_gateway_of_older_descriptors_serves_newer_servers(self):
        self.start_both()
        older = self.gateway("--descriptors", self.older_descriptors())
        newer = self.gateway()
        self.await_serving(a=True, b=True)

        def create_and_look(gateway, name, **more):
            reply = rest.request(gateway.port, "POST", "/v1/runs", self.token,
                                 contract.new_run(id=name, **more))
            self.assertEqual(200, reply.status, reply.body)
            return reply.json()["data"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made = [pool.submit(create_and_look, gateway, f"{name}-{n}")
                    for n in range(100) for name, gateway in (("older", older), ("newer", newer))]
            runs = [one.result(DEADLINE_S) for one in made]
        self.assertEqual(200, len({run["id"] for run in runs}))
        # Stores are apart here: ask until the one that has it is asked.
        create_and_look(newer, "parent")

        def child(gateway):
            reply = rest.request(gateway.port, "GET", "/v1/runs/child", self.token)
            return reply.json()["data"] if reply.status == 200 else None
        reply = rest.request(older.port, "POST", "/v1/runs", self.token,
                             contract.new_run(id="child", parentRunId="parent"))
        contract.check_error(self, reply, 400, "BODY_INVALID", "INVALID_ARGUMENT")
        wait_until(lambda: rest.request(newer.port, "POST", "/v1/runs", self.token, contract.new_run(
            id="child", parentRunId="parent")).status == 200, "the server with the parent")
        wait_until(lambda: (child(newer) or {}).get("parentRunId") == "parent", "by the newer")
        wait_until(lambda: "parentRunId" not in (child(older) or {"parentRunId": ""}),
                   "by the older")
        reply = rest.request(older.port, "GET", "/v1/bulkCancels/none", self.token)
        self.assertEqual("ROUTE_NOT_FOUND", reply.error["reason"])


class Names(Case):
    def test_a_name_is_all_its_addresses(self):
        self.start("a", "--listen", "127.0.0.1:0")
        port = self.servers["a"].ports[-1]
        gateway = Gateway(f"dns:localhost:{port}", "--admin", "127.0.0.1:0")
        self.addCleanup(gateway.kill)
        self.admin = Admin(gateway)
        self.addCleanup(self.admin.close)
        self.assertEqual(404, self.get(gateway).status)
        self.admin.wait("runsd_upstream_serving", 1, upstream=f"127.0.0.1:{port}")
        self.assertEqual(0, gateway.stop(), gateway.tail())

    def test_a_name_that_nobody_knows_is_said(self):
        gateway = Gateway("dns:nobody.invalid:1", "--admin", "127.0.0.1:0")
        self.addCleanup(gateway.kill)
        line = gateway.message("a name has no address: its servers stay as they are until it has")
        self.assertEqual("dns:nobody.invalid:1", line["upstream"])
        reply = self.get(gateway)
        self.assertEqual((503, "UPSTREAM_UNREACHABLE"), (reply.status, reply.error["reason"]))
        self.assertEqual(0, gateway.stop(), gateway.tail())


class Start(Case):
    def refused(self, *arguments):
        done = run_gateway("--listen", "127.0.0.1:0", *arguments)
        self.assertEqual(2, done.returncode, done.stderr)
        return done.stderr

    def test_what_makes_no_sense_is_refused(self):
        self.assertIn('--upstream: "h:1" is given twice ("tls:h:1")',
                      self.refused("--upstream", "tls:h:1", "--upstream", "h:1"))
        many = [option for n in range(1, 66) for option in ("--upstream", f"h:{n}")]
        self.assertIn("64 times", self.refused(*many))
        self.assertIn("a unix socket has no name", self.refused("--upstream", "dns:unix:a"))
        self.assertIn("--upstream-ca needs --upstream tls:HOST:PORT",
                      self.refused("--upstream", "h:1", "--upstream", "h:2", "--upstream-ca", "x"))

    def test_descriptors_come_from_whichever_answers(self):
        self.start("b")
        gateway = self.gateway("--reflect")
        self.assertGreater(gateway.routes, 10)
        self.assertEqual(404, self.get(gateway).status)

    def test_servers_that_speak_tls_share_the_files(self):
        authority = certificates.Authority(self.place.path)
        pair = authority.issue("server", ("DNS:localhost", "IP:127.0.0.1"))
        for name in "ab":
            self.start(name, "--listen", "127.0.0.1:0", "--tls-cert", str(pair.cert), "--tls-key",
                       str(pair.key))
        a, b = (self.servers[name].ports[-1] for name in "ab")
        gateway = Gateway(f"tls:127.0.0.1:{a}", "--upstream", f"dns:tls:localhost:{b}",
                          "--upstream-ca", str(authority.cert), "--admin", "127.0.0.1:0")
        self.addCleanup(gateway.kill)
        self.admin = Admin(gateway)
        self.addCleanup(self.admin.close)
        self.admin.wait("runsd_upstream_serving", 1, upstream=f"tls:127.0.0.1:{a}")
        self.admin.wait("runsd_upstream_serving", 1, upstream=f"127.0.0.1:{b}")
        for _ in range(4):
            self.assertEqual(404, self.get(gateway).status)
        self.assertEqual(0, gateway.stop(), gateway.tail())


if __name__ == "__main__":
    unittest.main()
