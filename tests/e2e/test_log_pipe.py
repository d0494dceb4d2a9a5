"""A log that nobody reads stops nobody; what was lost is told."""

import fcntl
import http.client
import json
import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

import grpc

import rest
import stubs
from harness import DEADLINE_S, Place, create_token, program, wait_until

DRAIN_MS = 2000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read_all(fd):
    """What the pipe holds until its writers have closed it."""
    text = b""
    while piece := os.read(fd, 65536):
        text += piece
    return text


class LogPipe(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.http, self.grpc = free_port(), free_port()

    def start(self, stderr, *options):
        popen = subprocess.Popen(
            [program("runsctl"), "serve", "--store", self.place.store, "--drain-ms", str(DRAIN_MS),
             "--http", f"127.0.0.1:{self.http}", "--grpc", f"127.0.0.1:{self.grpc}",
             "--log-level", "debug", *options], stderr=stderr, stdout=subprocess.DEVNULL)
        self.addCleanup(self.kill, popen)
        wait_until(lambda: self.answers() or popen.poll() is not None, "REST")
        return popen

    def kill(self, popen):
        if popen.poll() is None:
            popen.kill()
        popen.wait(DEADLINE_S)

    def answers(self):
        try:
            return rest.request(self.http, "GET", "/v1/runs", self.token).status == 200
        except OSError:
            return False

    def load(self, requests=4000, calls=1000):
        """Over REST and gRPC; every one is answered as it should be."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=DEADLINE_S)
        for i in range(requests):
            reply = rest.request_on(connection, "GET", f"/v1/runs/{'ghost-' * 20}{i}", self.token)
            self.assertEqual(404, reply.status)
        connection.close()
        with grpc.insecure_channel(f"127.0.0.1:{self.grpc}") as channel:
            runs = stubs.service_grpc.RunsServiceStub(channel)
            for _ in range(calls):
                runs.ListRuns(stubs.service_pb2.ListRunsRequest(), timeout=DEADLINE_S,
                              metadata=stubs.bearer(self.token))

    def stop(self, popen):
        """SIGTERM; the program must end within its drain and what ends a log."""
        begin = time.monotonic()
        popen.send_signal(signal.SIGTERM)
        status = popen.wait(DEADLINE_S)
        self.assertEqual(0, status)
        # The drain has nothing to wait for; the rest is for a loaded machine.
        self.assertLess(time.monotonic() - begin, DRAIN_MS / 1000 + 10)

    def pipe(self):
        ends = os.pipe()
        for end in ends:
            self.addCleanup(self.close, end)
        return ends

    @staticmethod
    def close(fd):
        try:
            os.close(fd)
        except OSError:
            pass

    def whole_lines(self, text):
        self.assertTrue(text.endswith(b"\n"), text[-200:])
        lines = [json.loads(line) for line in text.splitlines()]
        for line in text.splitlines(keepends=True):
            self.assertLessEqual(len(line), 4096)
        return lines

    def test_a_full_pipe_stops_neither_rest_nor_grpc_nor_sigterm(self):
        reader, writer = self.pipe()
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"#" * 4095 + b"\n"):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        popen = self.start(writer)
        self.load()
        self.stop(popen)
        os.close(writer)
        # What was in it before, and nothing torn.
        text = read_all(reader)
        self.whole_lines(b"".join(l for l in text.splitlines(keepends=True)
                                  if not l.startswith(b"#")) or b"{}\n")

    def test_lines_that_were_dropped_are_told(self):
        reader, writer = self.pipe()
        popen = self.start(writer)
        os.close(writer)
        self.load()
        # The reader is there again: all that waited comes, then how much is missing.
        taken = []
        thread = threading.Thread(target=lambda: taken.append(read_all(reader)), daemon=True)
        thread.start()
        wait_until(self.answers, "REST")
        self.stop(popen)
        thread.join(DEADLINE_S)
        lines = self.whole_lines(taken[0])
        counts = [l["count"] for l in lines if l["message"] == "log lines dropped"]
        self.assertTrue(counts)
        # A line of the gateway and one of the server for each request, one for each call.
        served = [l for l in lines if l["message"] in ("request", "call")]
        self.assertGreaterEqual(len(served) + sum(counts), 2 * 4000 + 1000)
        self.assertIn("stopped", [l["message"] for l in lines])

    def test_lines_of_two_processes_never_mix(self):
        reader, writer = self.pipe()
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)  # so that they meet
        taken = []
        thread = threading.Thread(target=lambda: taken.append(read_all(reader)), daemon=True)
        thread.start()
        sock = f"unix:{self.place.path}/d.sock"
        server = subprocess.Popen([program("runsd"), "--store", self.place.store, "--log-level",
                                   "debug", "--listen", sock], stderr=writer)
        self.addCleanup(self.kill, server)
        gateway = subprocess.Popen([program("runs-gateway"), "--upstream", sock, "--log-level",
                                    "debug", "--listen", f"127.0.0.1:{self.http}"], stderr=writer)
        self.addCleanup(self.kill, gateway)
        os.close(writer)
        wait_until(self.answers, "REST")
        for i in range(600):
            long = "x/" * (i % 7 * 300)
            rest.request(self.http, "GET", f"/v1/runs/{i}?q={long}", self.token)
            rest.request(self.http, "GET", f"/{long}{i}", self.token)
        self.stop(gateway)
        self.stop(server)
        thread.join(DEADLINE_S)
        lines = self.whole_lines(taken[0])
        self.assertEqual({"runsd", "runs-gateway"}, {l["program"] for l in lines})
        self.assertEqual(2, sum(l["message"] == "stopped" for l in lines))
        self.assertTrue(any(l.get("path", "").endswith("[cut]") for l in lines))

    def test_a_reader_that_left_ends_nothing(self):
        reader, writer = self.pipe()
        popen = self.start(writer)
        os.close(writer)
        os.close(reader)
        self.load(500, 100)
        self.stop(popen)

    def test_a_full_disk_ends_nothing(self):
        with open("/dev/full", "wb", buffering=0) as full:
            popen = self.start(full)
            self.load(500, 100)
            self.stop(popen)

    def test_a_file_takes_whole_lines_and_is_appended_to(self):
        path = pathlib.Path(self.place.path, "log")
        path.write_bytes(b'{"message":"before"}\n')
        with path.open("ab") as log:
            popen = self.start(log)
        self.load(50, 10)
        self.stop(popen)
        lines = self.whole_lines(path.read_bytes())
        self.assertEqual("before", lines[0]["message"])
        self.assertEqual("stopped", lines[-1]["message"])

    def test_a_program_that_cannot_start_ends_though_nobody_reads(self):
        reader, writer = self.pipe()
        os.set_blocking(writer, False)
        try:
            while os.write(writer, b"#" * 4096):
                pass
        except BlockingIOError:
            os.set_blocking(writer, True)
        for command in (["runsd", "--store", "memory:", "--listen", "192.0.2.1:1"],
                        ["runsd", "--store", "nonsense:"], ["runsd", "--nonsense"],
                        ["runs-gateway", "--descriptors", "/nonsense"],
                        ["runsctl", "serve", "--store", "nonsense:"], ["runsctl", "nonsense"],
                        ["runsctl", "runs", "list", "--server", "127.0.0.1:1"]):
            with self.subTest(command):
                done = subprocess.run([program(command[0]), *command[1:]], stderr=writer,
                                      stdout=subprocess.DEVNULL, timeout=DEADLINE_S, check=False)
                self.assertNotIn(done.returncode, (0, -signal.SIGKILL))

    def test_a_crash_loses_no_line_that_was_logged(self):
        reader, writer = self.pipe()
        popen = self.start(writer)
        os.close(writer)
        reply = rest.request(self.http, "GET", "/v1/runs/ghost", self.token,
                             headers={"X-Request-Id": "the-last"})
        self.assertEqual(404, reply.status)
        popen.send_signal(signal.SIGABRT)
        self.assertEqual(-signal.SIGABRT, popen.wait(DEADLINE_S))
        lines = self.whole_lines(read_all(reader))
        self.assertIn("the-last", [l.get("requestId") for l in lines])


def setUpModule():
    # Of the crash no core file is left.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
