"""Starts and stops the real programs for the tests.

Nothing sleeps for luck: every wait is for a condition, with a deadline that a
loaded machine keeps too.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

import documents

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE_S = 60
ALL_SCOPES = "runs.read,runs.cancel,runs.create,runs.report"


def bin_dir():
    """The folder of what Bazel built."""
    given = os.environ.get("RUNSD_BIN_DIR")
    if not given:
        raise RuntimeError("RUNSD_BIN_DIR is not set: run script/test, or set it to bazel-bin")
    return pathlib.Path(given)


def program(name):
    package = {"runsctl": "ctl", "runsd": "server", "runs-gateway": "gateway"}[name]
    return str(bin_dir() / package / name)


def wait_until(condition, what, seconds=DEADLINE_S):
    """Waits until condition() is true; asked often, because most come at once."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.01)


def runsctl(*arguments, env=None, input=None):
    """Runs runsctl to its end; returns CompletedProcess with text."""
    return subprocess.run([program("runsctl"), *arguments], capture_output=True, text=True,
                          timeout=DEADLINE_S, input=input, check=False,
                          env={**os.environ, **(env or {})})


def create_token(store, org="acme", scopes=ALL_SCOPES, name=None):
    """Makes a token by the command line, with or without a server running."""
    more = ["--name", name] if name else []
    done = runsctl("tokens", "create", "--store", store, "--create", "--org", org, "--scopes", scopes,
                   "--quiet", *more)
    if done.returncode != 0:
        raise AssertionError(f"tokens create: exit {done.returncode}: {done.stderr}")
    return done.stdout.strip()


class Process:
    """A server program; its log lines (JSON on stderr) are read as they come."""

    def __init__(self, *command):
        self.lines = []
        self.raw = []
        self.changed = threading.Condition()
        self.closed = False
        self.popen = self.spawn(command)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def spawn(self, command):
        return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def _read(self):
        for line in self.popen.stderr:
            text = line.decode("utf-8", errors="replace").rstrip("\n")
            with self.changed:
                self.raw.append(text)
                try:
                    self.lines.append(json.loads(text))
                except ValueError:
                    pass
                self.changed.notify_all()
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def wait_for_log(self, predicate, what, seconds=DEADLINE_S):
        """Returns the first log line that the predicate takes."""
        end = time.monotonic() + seconds
        seen = 0
        with self.changed:
            while True:
                for line in self.lines[seen:]:
                    if predicate(line):
                        return line
                seen = len(self.lines)
                if self.closed:
                    raise AssertionError(f"the program ended before: {what}\n" + self.tail())
                if not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no log line in {seconds} s: {what}\n" + self.tail())

    def tail(self):
        return "\n".join(self.raw[-20:])

    def text(self):
        with self.changed:
            return "\n".join(self.raw)

    def kill(self):
        """kill -9; returns when the process is gone and its log is read."""
        self.popen.kill()
        return self._reap()

    def stop(self, seconds=DEADLINE_S):
        """SIGTERM; returns the exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self._reap()
            raise AssertionError(f"SIGTERM did not end the program in {seconds} s\n" + self.tail())
        return self._reap()

    def _reap(self):
        status = self.popen.wait(DEADLINE_S)
        # Whatever has the port next is another program.
        for port in (getattr(self, "http_port", None), getattr(self, "port", None)):
            documents.forget(port)
        self.reader.join(DEADLINE_S)
        self.popen.stderr.close()
        return status


def with_files(limit, *command):
    """A command that may open at most so many files; None: as many as we may."""
    return command if limit is None else ("prlimit", f"--nofile={limit}:{limit}", *command)


class Serve(Process):
    """runsctl serve on free ports, unless others are given."""

    def __init__(self, store, *options, grpc=(), http="127.0.0.1:0", files=None, counts=True):
        listeners = [f"--grpc={address}" for address in grpc or ("127.0.0.1:0",)]
        if counts and not any(option.startswith("--admin") for option in options):
            # As operators run it: what is counted must not break what is served.
            listeners.append("--admin=127.0.0.1:0")
        super().__init__(*with_files(files, program("runsctl")), "serve", "--http", http,
                         "--store", store, *listeners, *options)
        serving = self.wait_for_log(lambda l: l.get("message") == "serving", "serving")
        self.http_port = serving["port"]
        documents.serves(self.http_port, program("runs-gateway"), options, is_gateway=False)
        self.grpc_ports = [l["port"] for l in self.lines if l.get("message") == "serving gRPC"]
        self.admin_ports = [l["port"] for l in self.lines if l.get("message") == "serving metrics"]
        self.http = f"http://127.0.0.1:{self.http_port}"
        self.grpc = f"127.0.0.1:{self.grpc_ports[0]}"

    def metric(self, name):
        """The value of a metric without labels, as it is now."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_ports[0]}/metrics") as reply:
            for line in reply.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[1])
        raise AssertionError(f"there is no metric {name}")


class Place:
    """A folder for one test's store and sockets; short, as sockets' paths must be."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="runsd-", dir="/tmp"))
        self.store = f"sqlite:{self.path}/runs.db"

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def serve_for(cls, *options, grpc=()):
    """For setUpClass: gives a test class a place, a token and a server, which end
    with it. That the server ends well is part of every test."""
    cls.place = Place()
    cls.addClassCleanup(cls.place.remove)
    cls.token = create_token(cls.place.store, name="tester")
    cls.server = Serve(cls.place.store, *options, grpc=grpc)
    cls.addClassCleanup(_stop_well, cls.server)


def _stop_well(server):
    status = server.stop()
    if status != 0:
        raise AssertionError(f"the server ended with status {status}\n{server.tail()}")
