"""What the programs tell systemd of themselves, and the sockets that it opens for them."""

import http.client
import socket
import threading
import time
import unittest

import rest
from harness import Place, create_token, program, runsctl, wait_until
from service_manager import Manager
from slow_disk import SlowDisk

WATCHDOG_S = 1.0


class Managed(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def manager(self, **options):
        manager = Manager(self.place.path, **options)
        self.addCleanup(manager.close)
        return manager

    def start(self, manager, *command):
        process = manager.start(*command)
        self.addCleanup(process.kill)
        return process

    def serve(self, *options, http="127.0.0.1:0"):
        return [program("runsctl"), "serve", "--store", self.place.store, "--http", http,
                "--grpc", "127.0.0.1:0", *options]

    def commands(self):
        runsd = [program("runsd"), "--store", self.place.store, "--listen", "127.0.0.1:0"]
        gateway = [program("runs-gateway"), "--listen", "127.0.0.1:0",
                   "--upstream", f"unix:{self.place.path}/none"]
        return {"runsctl serve": self.serve(), "runsd": runsd, "runs-gateway": gateway}


class Notices(Managed):
    """sd_notify(3)."""

    def test_each_program_says_when_it_serves_reloads_lives_and_stops(self):
        for name, command in self.commands().items():
            with self.subTest(program=name):
                place = Place()
                self.addCleanup(place.remove)
                manager = Manager(place.path, watchdog_s=WATCHDOG_S)
                self.addCleanup(manager.close)
                process = self.start(manager, *command, "--drain-ms", "3000")
                ready, message = manager.wait_for("READY", "1")
                self.assertEqual("serving", message["STATUS"])
                # Within its time, again and again.
                beats = []
                after = ready
                while len(beats) < 8:
                    after, _ = manager.wait_for("WATCHDOG", "1", after)
                    beats.append(after)
                process.popen.send_signal(1)
                reloading, message = manager.wait_for("RELOADING", "1")
                self.assertGreater(int(message["MONOTONIC_USEC"]), 0)
                again, _ = manager.wait_for("READY", "1", reloading)
                self.assertEqual(0, process.stop())
                _, message = manager.wait_for("STOPPING", "1", again)
                self.assertGreaterEqual(int(message["EXTEND_TIMEOUT_USEC"]), 3_000_000)

    def test_ready_comes_once_calls_are_served(self):
        manager = self.manager()
        port = manager.listen("http")
        self.start(manager, *self.serve(http="systemd:http"))
        manager.wait_for("READY", "1")
        self.assertEqual(200, get(port, "/readyz"))

    def test_nothing_is_said_where_nobody_asks_whether_it_lives(self):
        manager = self.manager()
        process = self.start(manager, *self.serve())
        manager.wait_for("READY", "1")
        self.assertEqual(0, process.stop())
        manager.wait_for("STOPPING", "1")
        self.assertEqual([], manager.said("WATCHDOG"))

    def test_a_start_that_fails_is_never_ready(self):
        manager = self.manager()
        process = self.start(manager, *self.serve(http="192.0.2.1:1"))
        self.assertNotEqual(0, process.popen.wait(60))
        self.assertEqual([], manager.said("READY"))

    def test_a_disk_that_hangs_is_no_reason_to_be_killed(self):
        token = create_token(self.place.store)
        disk = SlowDisk(self.place.path)
        manager = self.manager(watchdog_s=WATCHDOG_S)
        port = manager.listen("http")
        process = self.start(manager, *disk.prefix(), *self.serve(http="systemd:http"))
        manager.wait_for("READY", "1")
        disk.stop()
        self.addCleanup(disk.go_on)
        body = {"id": "one", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        answers = []
        change = threading.Thread(target=lambda: answers.append(
            rest.request(port, "POST", "/v1/runs", token, body)))
        change.start()
        disk.await_held()
        after = time.monotonic()
        end = after + 3 * WATCHDOG_S
        while after < end:
            last, after = after, manager.wait_for("WATCHDOG", "1", after)[0]
            self.assertLess(after - last, 2 * WATCHDOG_S)
        self.assertEqual([], answers)
        disk.go_on()
        change.join(60)
        self.assertEqual([200], [answer.status for answer in answers], answers)
        self.assertEqual(0, process.stop())


def send(port, method, path, body=None, headers=None):
    """The status of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        reply.read()
        return reply.status
    finally:
        connection.close()


def get(port, path):
    return send(port, "GET", path)


class Sockets(Managed):
    """Socket activation."""

    def test_every_listener_may_be_one_of_systemds(self):
        token = create_token(self.place.store)
        manager = self.manager()
        http_port = manager.listen("web")
        admin_port = manager.listen("admin")
        grpc_port = manager.listen("grpc")
        path = self.place.path / "grpc.sock"
        manager.listen("local", path)
        command = [program("runsctl"), "serve", "--store", self.place.store,
                   "--http", "systemd:web", "--admin", "systemd:admin",
                   "--grpc", "systemd:grpc", "--grpc", "systemd:local"]
        process = self.start(manager, *command)
        manager.wait_for("READY", "1")
        self.assertEqual(200, get(http_port, "/readyz"))
        self.assertEqual(200, get(admin_port, "/readyz"))
        for server in (f"127.0.0.1:{grpc_port}", f"unix:{path}"):
            done = runsctl("whoami", "--server", server, env={"RUNSCTL_TOKEN": token})
            self.assertEqual(0, done.returncode, done.stderr)
        self.assertEqual(0, process.stop())
        self.assertTrue(path.exists(), "the file is systemd's, not ours")

    def test_a_gateway_and_a_server_take_them_too(self):
        token = create_token(self.place.store)
        manager = self.manager()
        path = self.place.path / "grpc.sock"
        manager.listen("grpc", path)
        self.start(manager, program("runsd"), "--store", self.place.store,
                   "--listen", "systemd:grpc")
        manager.wait_for("READY", "1")
        folder = self.place.path / "front"
        folder.mkdir()
        front = Manager(folder)
        self.addCleanup(front.close)
        port = front.listen("http")
        self.start(front, program("runs-gateway"), "--listen", "systemd:http",
                   "--upstream", f"unix:{path}")
        front.wait_for("READY", "1")
        self.assertEqual(200, send(port, "GET", "/v1/runs", None,
                                   {"authorization": f"Bearer {token}"}))

    def test_no_connection_is_refused_over_restarts(self):
        manager = self.manager()
        http_port = manager.listen("http")
        grpc_port = manager.listen("grpc")
        command = [program("runsctl"), "serve", "--store", self.place.store,
                   "--http", "systemd:http", "--grpc", "systemd:grpc"]
        token = create_token(self.place.store)
        ends = threading.Event()
        failures = []
        counts = [0, 0]

        def ask():
            while not ends.is_set():
                try:
                    status = send(http_port, "GET", "/v1/runs", None,
                                  {"authorization": f"Bearer {token}"})
                    if status != 200:
                        failures.append(status)
                except OSError as error:
                    failures.append(repr(error))
                counts[0] += 1

        def connect():
            while not ends.is_set():
                try:
                    socket.create_connection(("127.0.0.1", grpc_port), 60).close()
                except OSError as error:
                    failures.append(repr(error))
                counts[1] += 1
                time.sleep(0.001)

        threads = [threading.Thread(target=f) for f in (ask, ask, connect)]
        process = self.start(manager, *command)
        ready, _ = manager.wait_for("READY", "1")
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                before = list(counts)
                wait_until(lambda b=before: counts[0] > b[0] + 20 and counts[1] > b[1] + 20,
                           "requests between restarts")
                self.assertEqual(0, process.stop())
                process = self.start(manager, *command)
                ready, _ = manager.wait_for("READY", "1", ready)
        finally:
            ends.set()
            for thread in threads:
                thread.join(60)
        self.assertEqual([], failures)
        self.assertEqual(0, process.stop())

    def test_a_socket_that_is_not_there_is_named_with_those_that_are(self):
        manager = self.manager()
        manager.listen("web")
        manager.listen("grpc")
        process = self.start(manager, *self.serve(http="systemd:http"))
        self.assertEqual(2, process.popen.wait(60))
        process.reader.join(60)
        self.assertIn('--http: cannot listen on "systemd:http": systemd handed over no socket of '
                      'this name, but "web", "grpc"', process.text())

    def test_without_systemd_it_is_said_that_there_is_none(self):
        for options in (("--http", "systemd:http"), ("--admin", "systemd:admin"),
                        ("--grpc", "systemd:grpc")):
            with self.subTest(option=options[0]):
                done = runsctl("serve", "--store", self.place.store, *options)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(f'{options[0]}: cannot listen on "{options[1]}": systemd handed over '
                              "no socket", done.stderr)

    def test_one_socket_is_not_taken_twice(self):
        manager = self.manager()
        manager.listen("http")
        process = self.start(manager, *self.serve("--admin", "systemd:http",
                                                  http="systemd:http"))
        self.assertEqual(2, process.popen.wait(60))
        process.reader.join(60)
        self.assertIn("is given twice", process.text())


if __name__ == "__main__":
    unittest.main()
