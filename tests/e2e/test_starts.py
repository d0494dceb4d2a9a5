"""Starts that fail: one error with option and address, nothing said to be ready, no store made."""

import contextlib
import pathlib
import os
import re
import socket
import sqlite3
import stat
import subprocess
import unittest

from harness import DEADLINE_S, ROOT, Place, Process, program, runsctl, wait_until
from tables import cases

FAILED, USAGE, UNAVAILABLE = 1, 2, 6
IN_USE = "in use by another program"


def start(*command, input=None):
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                          stdin=subprocess.DEVNULL)


class Taken:
    """What the addresses of the rows below are: {port}, {socket} are taken by another program."""

    def __init__(self):
        self.place = Place()
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.unix = socket.socket(socket.AF_UNIX)
        self.path = str(self.place.path / "taken.sock")
        self.unix.bind(self.path)
        self.unix.listen(1)
        (self.place.path / "file").write_text("no socket")
        self.words = {
            "tcp": f"127.0.0.1:{self.tcp.getsockname()[1]}",
            "unix": f"unix:{self.path}",
            "file": f"unix:{self.place.path}/file",
            "nowhere": f"unix:{self.place.path}/no/such/folder/s",
            "long": f"unix:{self.place.path}/{'x' * 120}",
            "store": self.place.store,
            "free": f"unix:{self.place.path}/free.sock",
        }

    def close(self):
        self.tcp.close()
        self.unix.close()
        self.place.remove()


def rows():
    """Each kind of address, at each option of each program."""
    kinds = [("tcp", IN_USE, False), ("unix", "another program listens there", False),
             ("file", "no socket", False), ("nowhere", "No such file or directory", False),
             ("long", "at most 107", True)]
    options = [
        ("runsctl", "--http", ("serve", "--grpc", "127.0.0.1:0", "--store", "{store}")),
        ("runsctl", "--grpc", ("serve", "--http", "127.0.0.1:0", "--store", "{store}")),
        ("runsd", "--listen", ("--store", "{store}")),
        ("runs-gateway", "--listen", ()),
        # While the descriptors are asked for, nothing is known of a service either.
        ("runs-gateway", "--listen", ("--reflect", "--upstream", "{nowhere}")),
    ]
    return [(f"{name} {' '.join(more[:1])} {option} {kind}", name, option, more, kind, why, usage)
            for name, option, more in options for kind, why, usage in kinds]


@cases(rows())
class Address(unittest.TestCase):
    def check(self, name, option, more, kind, why, usage):
        taken = Taken()
        self.addCleanup(taken.close)
        words = [word.format(**taken.words) for word in more]
        done = start(program(name), *words, option, taken.words[kind])
        failed = UNAVAILABLE if name == "runsctl" else FAILED
        self.assertEqual(USAGE if usage else failed, done.returncode, done.stderr)
        self.assertEqual("", done.stdout)
        self.assertNotIn("ready", done.stderr)
        self.assertNotIn("serving", done.stderr)
        errors = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        self.assertEqual(1, len(errors), done.stderr)
        self.assertTrue(errors[0].startswith(f"{name}: {option}: "), errors[0])
        self.assertIn(taken.words[kind], errors[0])
        self.assertIn(why, errors[0])
        self.assertFalse((taken.place.path / "runs.db").exists(), "the start made a store")


class Start(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)

    def test_one_address_for_two_listeners_is_wrong_usage(self):
        address = f"unix:{self.place.path}/s"
        done = start(program("runsctl"), "serve", "--http", address, "--grpc", address, "--store",
                     self.place.store)
        self.assertEqual(USAGE, done.returncode, done.stderr)
        self.assertIn("by --http too", done.stderr)
        done = start(program("runsd"), "--listen", "127.0.0.1:50999", "--listen",
                     "127.0.0.1:50999", "--store", self.place.store)
        self.assertEqual(USAGE, done.returncode, done.stderr)
        self.assertIn("given twice", done.stderr)

    def test_a_store_without_a_folder_is_named_itself(self):
        for name, words in (("runsctl", ("serve", "--http", f"unix:{self.place.path}/http")),
                            ("runsd", ())):
            done = start(program(name), *words, "--store", f"sqlite:{self.place.path}/no/runs.db")
            self.assertEqual("", done.stdout)
            if "50051" not in done.stderr:  # which is another program's on this machine
                self.assertIn(f'the store "{self.place.path}/no/runs.db" cannot be made',
                              done.stderr)

    def test_without_an_address_grpc_has_a_socket_beside_the_store(self):
        """What README's first command promises. The TCP port may be another program's here."""
        server = Process(program("runsctl"), "serve", "--http", f"unix:{self.place.path}/http",
                         "--store", self.place.store)
        self.addCleanup(server.kill)
        wait_until(lambda: server.closed or '"message":"serving"' in server.text(), "a start")
        if server.closed:
            self.assertIn("--grpc: cannot listen on \"127.0.0.1:50051\"", server.text())
            self.skipTest("port 50051 is taken on this machine")
        self.assertTrue(stat.S_ISSOCK(os.stat(self.place.path / "runs.db.sock").st_mode))
        self.assertEqual(0, server.stop())


@cases([
    ("runsctl serve", ("runsctl", "serve", "--http", "127.0.0.1:0", "--grpc"), "serving"),
    ("runsd", ("runsd", "--listen"), "ready"),
])
class Memory(unittest.TestCase):
    """A store in memory: its first token comes from its own server."""

    def check(self, words, message):
        name, *more = words
        place = Place()
        self.addCleanup(place.remove)
        address = f"unix:{place.path}/grpc"
        path = pathlib.Path(place.path / "token")
        path.write_text("of before, and open to all, and longer than a token by far: " * 3)
        path.chmod(0o644)
        server = Process(program(name), *more, address, "--store", "memory:", "--demo-token",
                         str(path))
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == message, message)
        self.assertRegex(path.read_text(), r"\Arst_[A-Za-z0-9_-]{43}\n\Z")
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        by = ("--server", address, "--token-file", str(path))
        self.assertIn("demo", runsctl("whoami", *by).stdout)
        made = runsctl("tokens", "create", *by, "--org", "acme", "--scopes", "runs.read", "--quiet")
        self.assertEqual((0, ""), (made.returncode, made.stderr))
        done = runsctl("runs", "list", "--server", address, "--token", made.stdout.strip())
        self.assertEqual((0, ""), (done.returncode, done.stderr))
        self.assertNotIn("nobody has a token", server.text())
        self.assertNotIn("rst_", server.text())
        self.assertEqual(0, server.stop())


class Codes(unittest.TestCase):
    """The exit codes of docs/RUNSCTL.md."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        page = (ROOT / "docs" / "RUNSCTL.md").read_text(encoding="utf-8")
        self.told = {why: (int(serve), int(others)) for why, serve, others in
                     re.findall(r"^\| ([^|]+) \| (\d) \| (\d) \|$", page, re.M)}
        self.seen = set()

    def check(self, why, *options, listen="s"):
        why = next(words for words in self.told if why in words)
        self.seen.add(why)
        listen = f"unix:{self.place.path}/{listen}"
        serve = start(program("runsctl"), "serve", "--http", "127.0.0.1:0", "--grpc", listen, *options)
        runsd = start(program("runsd"), "--listen", listen, *options)
        self.assertEqual(self.told[why], (serve.returncode, runsd.returncode),
                         (why, serve.stderr, runsd.stderr))

    def test_are_those_of_the_page(self):
        path = self.place.path
        (path / "text").write_text("This is a text, and no store. " * 200)
        (path / "folder").mkdir()
        self.check("no kind of store", "--store", "redis:x")
        self.check("cannot be listened on", "--store", "memory:", listen="no/folder/s")
        self.check("cannot be opened or made", "--store", f"sqlite:{path}/folder")
        self.check("cannot be opened or made", "--store", f"sqlite:{path}/no/folder/s.db")
        self.check("damaged or no store", "--store", f"sqlite:{path}/text")
        self.check("--demo-token", "--store", "memory:", "--demo-token", "/dev/full")
        server = Process(program("runsd"), "--listen", f"unix:{path}/held", "--store",
                         self.place.store)
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.check("another process has the store", "--store", self.place.store)
        self.assertEqual(0, server.stop())
        with contextlib.closing(sqlite3.connect(path / "runs.db")) as store, store:
            store.execute("PRAGMA user_version=99")
            store.execute("INSERT OR REPLACE INTO meta(name, value) VALUES('oldest_program', 99)")
        self.check("a newer program made it", "--store", self.place.store)
        # A signal and a part that failed are other tests'.
        self.assertEqual(len(self.told) - 2, len(self.seen))


class UnfitSocket(unittest.TestCase):
    def test_the_log_says_that_it_is_left_out(self):
        place = Place()
        self.addCleanup(place.remove)
        folder = place.path / ("d" * 100)
        folder.mkdir()
        store = ("--store", f"sqlite:{folder}/runs.db")
        for depth, command in ((1, ("runsctl", "serve", "--http", "127.0.0.1:0")), (1, ("runsd",)),
                               (0, ("runsd", "--listen", "127.0.0.1:0"))):
            server = Process(program(command[0]), *command[1:], *store)
            self.addCleanup(server.kill)
            wait_until(lambda: server.closed or '"message":"ready"' in server.text(), "a start")
            if server.closed:
                self.assertIn("cannot listen on \"127.0.0.1:50051\"", server.text())
                self.skipTest("port 50051 is taken on this machine")
            self.assertEqual(0, server.stop())
            # Of all that it said: REST is ready before the rest is told.
            said = [l for l in server.lines if "is left out" in l.get("message", "")]
            self.assertEqual(depth, len(said))
            for line in said:
                self.assertEqual("warn", line["level"])
                self.assertRegex(line["listen"], r"\Aunix:/.*/runs\.db\.sock\Z")


class DemoToken(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.listen = ("--listen", f"unix:{self.place.path}/grpc")

    def test_on_standard_output(self):
        with subprocess.Popen([program("runsd"), *self.listen, "--store", "memory:",
                               "--demo-token", "-"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as server:
            self.addCleanup(server.kill)
            self.assertRegex(server.stdout.readline(), r"\Arst_[A-Za-z0-9_-]{43}\n\Z")
            server.terminate()
            self.assertEqual("", server.stdout.read())
            self.assertEqual(0, server.wait(DEADLINE_S))

    def test_where_it_cannot_be_written_there_is_no_start(self):
        for path in ("/dev/full", str(self.place.path), f"{self.place.path}/no/file"):
            done = start(program("runsd"), *self.listen, "--store", "memory:", "--demo-token", path)
            self.assertEqual(FAILED, done.returncode, path)
            self.assertIn(f"runsd: --demo-token: {path}: ", done.stderr)
            self.assertNotIn("ready", done.stderr)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([program("runsd"), *self.listen, "--store", "memory:",
                                   "--demo-token", "-"], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=DEADLINE_S, check=False)
        self.assertEqual(FAILED, done.returncode)
        self.assertIn("No space left on device", done.stderr)

    def test_a_store_that_is_kept_has_other_means(self):
        done = start(program("runsd"), *self.listen, "--store", self.place.store, "--demo-token",
                     "-")
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
        self.assertIn("runsctl tokens create", done.stderr)
        self.assertFalse((self.place.path / "runs.db").exists())

    def test_without_it_the_log_says_that_nobody_can_call(self):
        server = Process(program("runsd"), *self.listen, "--store", "memory:")
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: "--demo-token" in l.get("message", ""), "the warning")
        self.assertEqual(0, server.stop())


if __name__ == "__main__":
    unittest.main()
