"""The program runsd: its options, its errors at the start, its signals, what it tells
the other programs of its machine."""

import os
import pathlib
import signal
import socket
import subprocess
import unittest

import grpc

import stubs
from harness import DEADLINE_S, Place, Process, create_token, program, runsctl
from tables import cases


def run_runsd(*arguments, cwd=None):
    """Runs runsd to its end, which must come by itself."""
    return subprocess.run([program("runsd"), *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, check=False, cwd=cwd)


class Runsd(Process):
    """runsd, ready."""

    def __init__(self, *arguments):
        super().__init__(program("runsd"), *arguments)
        self.ready = self.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.ports = [l["port"] for l in self.lines if l.get("message") == "listening"]


@cases([
    ("unknown option", ("--nonsense",), ("--nonsense",)),
    ("abbreviated option", ("--sto", "memory:"), ("--sto",)),
    ("operand", ("memory:",), ('"memory:"', "too many")),
    ("option without value", ("--store",), ("--store", "URL")),
    ("option twice", ("--store", "memory:", "--store", "memory:"), ("--store", "twice")),
    ("listen without port", ("--listen", "here"), ("--listen", '"here"', "no port")),
    ("listen with a port that is no number", ("--listen", "h:x"), ("--listen", '"h:x"', "65535")),
    ("listen at an IPv6 host without brackets", ("--listen", "::1:1"), ("--listen", "brackets")),
    ("listen at a path that is too long", ("--listen", "unix:/" + "x" * 107),
     ("--listen", "108 bytes", "at most 107")),
    ("too many listeners", ("--listen=h:1",) * 17, ("--listen", '"h:1"', "16 times")),
    ("request bytes too few", ("--max-message-bytes", "1023"),
     ("--max-message-bytes", '"1023"', "from 1024 to 1073741824")),
    ("request bytes with a unit", ("--max-request-bytes", "4M"), ("--max-request-bytes", '"4M"')),
    ("queue limit of 0", ("--queue-limit", "0"), ("--queue-limit", '"0"', "from 1 to 10000000")),
    ("cache too small", ("--cache-bytes", "1048575"),
     ("--cache-bytes", '"1048575"', "from 1048576 to 1099511627776")),
    ("cache with a unit", ("--cache-bytes", "64M"), ("--cache-bytes", '"64M"')),
    ("too many replicas", ("--require-replicas", "33"),
     ("--require-replicas", '"33"', "from 0 to 32")),
    ("replicas of a file", ("--store", "sqlite:x.db", "--require-replicas", "1"),
     ("--require-replicas", '"sqlite:x.db" is not on a database server')),
    ("a way past no pooler", ("--store", "sqlite:x.db", "--store-direct-url", "sqlite:x.db"),
     ("--store-direct-url", '"sqlite:x.db" is not on a database server')),
    ("drain that is negative", ("--drain-ms", "-1"), ("--drain-ms", '"-1"', "from 0 to 3600000")),
    ("drain that is huge", ("--drain-ms", "9" * 30), ("--drain-ms", "from 0 to 3600000")),
    ("log level", ("--log-level", "loud"), ("--log-level", '"loud"', "debug, info, warn, error")),
])
class WrongUsage(unittest.TestCase):
    def check(self, arguments, fragments):
        done = run_runsd(*arguments)
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertTrue(done.stderr.startswith("runsd: "), done.stderr)
        for fragment in (*fragments, "see runsd --help"):
            self.assertIn(fragment, done.stderr)


class Start(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def runsd(self, *arguments):
        server = Runsd(*arguments)
        self.addCleanup(server.kill)
        return server

    def fails(self, code, fragment, *arguments):
        done = run_runsd(*arguments)
        self.assertEqual(code, done.returncode, done.stderr)
        told = [l for l in done.stderr.splitlines() if not l.startswith("{")]
        self.assertEqual(1, len(told), done.stderr)
        self.assertTrue(told[0].startswith("runsd: "), told[0])
        self.assertIn(fragment, told[0])

    def test_help_and_version_are_answered_on_standard_output(self):
        done = run_runsd("--help")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        for text in ("usage: runsd [options]", "--store URL", "[sqlite:runsd.db]",
                     "Exit status: 0"):
            self.assertIn(text, done.stdout)
        done = run_runsd("--version")
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertRegex(done.stdout, r"\Arunsd \d+\.\d+\.\d+\ncommit \S+\ndate \S+\n")

    def test_a_store_of_an_unknown_kind_is_wrong_usage(self):
        self.fails(2, "floppy:a", "--store", "floppy:a", "--listen", "127.0.0.1:0")

    def test_a_store_in_a_folder_that_is_not_there_is_named(self):
        self.fails(1, f"{self.place.path}/none/a.db", "--store",
                   f"sqlite:{self.place.path}/none/a.db", "--listen", "127.0.0.1:0")

    def test_a_store_that_is_no_database_is_named(self):
        path = pathlib.Path(self.place.path) / "text.db"
        path.write_text("not a database, but long enough to be looked at\n" * 100)
        self.fails(1, str(path), "--store", f"sqlite:{path}", "--listen", "127.0.0.1:0")

    def test_a_store_that_another_holds_is_named(self):
        self.runsd("--store", self.place.store, "--listen", "127.0.0.1:0")
        self.fails(1, "runs.db", "--store", self.place.store, "--listen", "127.0.0.1:0")

    def test_an_address_in_use_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            self.fails(1, f'"{address}"', "--store", "memory:", "--listen", address)

    def test_all_listeners_serve(self):
        server = self.runsd("--store", "memory:", "--listen", "127.0.0.1:0", "--listen",
                            "localhost:0", "--listen", f"unix:{self.place.path}/a.sock")
        self.assertEqual(3, len(server.ports))
        for target in (f"127.0.0.1:{server.ports[0]}", f"localhost:{server.ports[1]}",
                       f"unix:{self.place.path}/a.sock"):
            with grpc.insecure_channel(target) as channel:
                with self.assertRaises(grpc.RpcError) as caught:
                    stubs.service_grpc.RunsServiceStub(channel).GetRun(
                        stubs.service_pb2.GetRunRequest(id="x"), timeout=DEADLINE_S)
                self.assertEqual(grpc.StatusCode.UNAUTHENTICATED, caught.exception.code())
        self.assertEqual(0, server.stop())
        self.assertFalse(os.path.exists(f"{self.place.path}/a.sock"))

    def test_a_request_above_the_limit_is_refused(self):
        server = self.runsd("--store", "memory:", "--listen", "127.0.0.1:0",
                            "--max-message-bytes", "1024")
        with grpc.insecure_channel(f"127.0.0.1:{server.ports[0]}") as channel:
            with self.assertRaises(grpc.RpcError) as caught:
                stubs.service_grpc.RunsServiceStub(channel).GetRun(
                    stubs.service_pb2.GetRunRequest(id="x" * 1025), timeout=DEADLINE_S)
        self.assertEqual(grpc.StatusCode.RESOURCE_EXHAUSTED, caught.exception.code())

    def test_a_relative_socket_is_told_to_others_by_its_absolute_path(self):
        here = os.getcwd()
        os.chdir(self.place.path)
        try:
            server = self.runsd("--store", "sqlite:runs.db", "--listen", "unix:grpc.sock")
        finally:
            os.chdir(here)
        held = (self.place.path / "runs.db.server").read_text(encoding="utf-8")
        self.assertIn(f"grpc_address=unix:{self.place.path}/grpc.sock\n", held)
        # From this folder, through the server that holds the store.
        self.assertTrue(create_token(self.place.store, name="from-elsewhere"))
        listed = runsctl("tokens", "list", "--store", self.place.store)
        self.assertIn("from-elsewhere", listed.stdout)
        self.assertEqual(0, server.stop())


class Signals(unittest.TestCase):
    def setUp(self):
        self.server = Runsd("--store", "memory:", "--listen", "127.0.0.1:0")
        self.addCleanup(self.server.kill)

    def ends_well(self, number):
        self.server.popen.send_signal(number)
        self.server.wait_for_log(
            lambda l: (l.get("message"), l.get("signal")) == ("stopping", number), "stopping")
        self.server.wait_for_log(lambda l: l.get("message") == "stopped", "stopped")
        self.assertEqual(0, self.server.stop())

    def test_sigterm_stops(self):
        self.ends_well(signal.SIGTERM)

    def test_sigint_stops(self):
        self.ends_well(signal.SIGINT)

    def test_sighup_does_not(self):
        self.server.popen.send_signal(signal.SIGHUP)
        self.server.wait_for_log(lambda l: l.get("message") == "there is nothing to reload",
                                 "SIGHUP")
        self.ends_well(signal.SIGTERM)


if __name__ == "__main__":
    unittest.main()
