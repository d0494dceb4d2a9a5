"""The sandbox of the programs: all of their threads are in it, and what they do goes on there."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import contract
import rest
from certificates import Authority
from collectors import closed_port
from gateways import Gateway
from harness import (DEADLINE_S, ROOT, Place, Process, Serve, create_token, program,
                     wait_until)
from postgres import Postgres
from scrapes import Admin
from test_log_pipe import free_port
from test_runsd_program import Runsd


def threads(process):
    """{name of each thread: (Seccomp, NoNewPrivs)}, as the kernel says."""
    found = {}
    for task in pathlib.Path(f"/proc/{process.popen.pid}/task").iterdir():
        try:
            lines = (task / "status").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:  # it has ended meanwhile
            continue
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        found[f"{status['Name']} {task.name}"] = (status["Seccomp"], status["NoNewPrivs"])
    return found


class Sandboxed(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)

    def started(self, process):
        self.addCleanup(process.kill)
        if any(line.get("message", "").startswith("there is no sandbox") for line in process.lines):
            self.skipTest("there is no sandbox under a sanitizer, nor where the kernel has none")
        return process

    def assert_in(self, process):
        """All threads, of which there are several."""
        found = threads(process)
        self.assertGreater(len(found), 3)
        self.assertEqual({("2", "1")}, set(found.values()), found)

    def admin_detail(self, process):
        admin = Admin(process)
        self.addCleanup(admin.close)
        wait_until(lambda: b'"sandbox"' in admin.get("/readyz")[1], "the check")
        return admin.get("/readyz")[1].decode()

    def cancels(self, port, run_id, token=None):
        token = token or self.token
        made = rest.request(port, "POST", "/v1/runs", token, contract.new_run(id=run_id))
        self.assertEqual(200, made.status, made.body)
        self.assertEqual(200, rest.request(port, "POST", f"/v1/runs/{run_id}/cancel", token).status)

    def test_one_process(self):
        server = self.started(Serve(self.place.store))
        self.assert_in(server)
        self.assertIn('{"name":"sandbox","ok":true,"detail":"on"}', self.admin_detail(server))
        self.cancels(server.http_port, "one")
        server.popen.send_signal(signal.SIGHUP)
        server.wait_for_log(lambda l: l.get("message") == "there is nothing to reload", "SIGHUP")
        self.assert_in(server)
        self.assertEqual(0, server.stop())

    def test_server_and_gateway_apart(self):
        path = f"{self.place.path}/grpc.sock"
        server = self.started(Runsd("--store", self.place.store, "--listen", f"unix:{path}"))
        gateway = self.started(Gateway(f"unix:{path}", "--admin", "127.0.0.1:0"))
        for process in (server, gateway):
            self.assert_in(process)
        self.assertIn('{"name":"sandbox","ok":true,"detail":"on"}', self.admin_detail(gateway))
        self.cancels(gateway.port, "apart")
        # A file of a socket that is lost is made again, listener and all.
        os.unlink(path)
        wait_until(lambda: os.path.exists(path), "the socket's file")
        self.assertEqual((0, 0), (gateway.stop(), server.stop()))

    def test_certificates_are_replaced(self):
        authority = Authority(self.place.path)
        pair = authority.issue("server", ["DNS:localhost", "IP:127.0.0.1"])
        server = self.started(Serve(self.place.store, "--tls-cert", str(pair.cert), "--tls-key",
                                    str(pair.key)))
        authority.issue("next", ["DNS:localhost", "IP:127.0.0.1"]).put_at(pair)
        server.popen.send_signal(signal.SIGHUP)
        wait_until(lambda: sum(l.get("message") == "certificate loaded" for l in server.lines) > 1,
                   "the new certificate")
        self.assert_in(server)
        self.assertEqual(0, server.stop())

    def test_a_collector_by_name_that_is_away(self):
        # By name, so that it is looked for as a resolver does: in files, over sockets, by threads.
        server = self.started(Serve(self.place.store, "--trace-sample", "1", "--trace-endpoint",
                                    f"http://localhost:{closed_port()}"))
        self.cancels(server.http_port, "traced")
        server.wait_for_log(lambda l: l.get("message") == "traces cannot be exported", "it is away")
        self.assert_in(server)
        self.assertEqual(0, server.stop())

    def test_a_store_in_postgresql_over_tls(self):
        """By the host's name, with its certificate verified; and again after it was away."""
        database = Postgres()
        self.addCleanup(database.stop)
        authority = Authority(self.place.path)
        pair = authority.issue("database", ["DNS:localhost"])
        port = free_port()
        shutil.copy(pair.cert, database.folder / "tls.pem")
        shutil.copy(pair.key, database.folder / "tls.key")
        for name in ("tls.pem", "tls.key"):
            shutil.chown(database.folder / name, database.user)
        options = (f"-c unix_socket_directories={database.folder} -c listen_addresses=localhost "
                   f"-c port={port} -c ssl=on -c ssl_cert_file={database.folder}/tls.pem "
                   f"-c ssl_key_file={database.folder}/tls.key -c fsync=off")
        begin = ("--log", database.folder / "log", "-o", options)
        database.control(*begin, "restart")
        url = (f"postgres://{database.user}@localhost:{port}/{database.user}?sslmode=verify-full"
               f"&sslrootcert={authority.cert}")
        token = create_token(url)
        server = self.started(Serve(url))
        self.assert_in(server)
        self.cancels(server.http_port, "one", token)
        database.control("--mode=fast", *begin, "restart")
        wait_until(lambda: rest.request(server.http_port, "GET", "/v1/runs/one", token).status == 200,
                   "the store again")
        wait_until(lambda: rest.request(server.http_port, "GET", "/readyz").status == 200, "ready")
        self.cancels(server.http_port, "two", token)
        self.assert_in(server)
        self.assertEqual(0, server.stop())

    def test_who_holds_the_store_is_named(self):
        first = self.started(Serve(self.place.store))
        second = Process(program("runsctl"), "serve", "--http", "127.0.0.1:0", "--grpc",
                         "127.0.0.1:0", "--store", self.place.store)
        self.addCleanup(second.kill)
        second.popen.wait(DEADLINE_S)
        second.reader.join(DEADLINE_S)
        self.assertIn(f"in use by the process {first.popen.pid};", second.text())
        self.assertEqual(0, first.stop())

    def test_it_is_left_away(self):
        server = Serve(self.place.store, "--sandbox", "off")
        self.addCleanup(server.kill)
        self.assertEqual({("0", "0")}, set(threads(server).values()))
        self.assertIn('{"name":"sandbox","ok":true,"detail":"off, as --sandbox says"}',
                      self.admin_detail(server))
        self.assertEqual(0, server.stop())


def sets_of_calls():
    """{"@name": the calls of systemd's set}, sets within it resolved."""
    done = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True,
                          text=True, timeout=60, check=True)
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("@"):
            members = found[line.strip()] = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())

    def resolve(name):
        inner = found.get(name)
        return {name} if inner is None else set().union(*map(resolve, inner))
    return resolve


def allowed_by(unit):
    """The calls that a unit's SystemCallFilter= lets through; None if it has none."""
    resolve, allowed = sets_of_calls(), None
    for words in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        calls = set().union(*map(resolve, words.lstrip("~").split()))
        if words.startswith("~"):
            allowed = (resolve("@known") if allowed is None else allowed) - calls
        else:
            allowed = (allowed or set()) | calls
    return allowed


def listed():
    """The calls that the sandbox lets through, from its source."""
    text = (ROOT / "base/process/sandbox_calls.c").read_text(encoding="utf-8")
    found = set(re.findall(r'^    \{"(\w+)", "[^"]+", \d', text, re.M))
    for name, calls in re.findall(r"const char \*const (\w+)\[\] = \{(.*?)\};", text, re.S):
        if name not in ("sandbox_fatal", "sandbox_quiet"):
            found |= set(re.findall(r'"([^"]+)"', calls))
    return found


class Units(unittest.TestCase):
    # SQLite gives the files beside a store its owner, where it is root: the units' user is not.
    AS_ROOT = {"fchown"}

    def test_none_is_narrower_than_the_sandbox(self):
        units = [path for path in sorted((ROOT / "deploy/systemd").glob("*.service"))
                 if "backup" not in path.name]
        self.assertGreater(len(units), 2)
        calls = listed()
        self.assertGreater(len(calls), 150)
        for path in units:
            with self.subTest(path.name):
                allowed = allowed_by(path.read_text(encoding="utf-8"))
                # The filter itself is a call, too.
                self.assertEqual(set(), (calls | {"seccomp"}) - self.AS_ROOT - allowed)


if __name__ == "__main__":
    unittest.main()
