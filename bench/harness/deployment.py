"""runsd as it is run: in one process, or server and gateway apart."""

import itertools
import json
import os
import socket

from harness import processes, wal_index

SCOPES = "runs.read,runs.cancel,runs.create,runs.report"
SEED_OUTSTANDING = 256
DATABASE = "runs.db"
LOAD_TIMEOUT_SECONDS = 900


class Deployment:
    """Servers over a fresh SQLite store in a folder of their own.

    All paths given to the programs are relative to that folder, so that a
    socket's path is short however deep the checkout is.
    """

    def __init__(self, name, programs, folder):
        self.name = name
        self.programs = programs
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.store = "sqlite:" + DATABASE
        self.token = processes.run(
            [programs["runsctl"], "tokens", "create", "--store", self.store, "--org", "bench",
             "--scopes", SCOPES, "--quiet"], self.folder, 60).strip()
        self.http = f"127.0.0.1:{processes.free_port()}"
        self.grpc = "unix:grpc.sock"
        self.servers = {}
        self._serial = itertools.count(1)

    def _start(self, name, command):
        server = processes.Process(name, command, self.folder)
        self.servers[name] = server
        return server

    def _wait_for_http(self, server):
        host, port = self.http.split(":")
        processes.wait_until_listening(server, socket.AF_INET, (host, int(port)))

    def _wait_for_grpc(self, server):
        path = os.path.relpath(os.path.join(self.folder, "grpc.sock"))
        processes.wait_until_listening(server, socket.AF_UNIX, path)

    def start_in_one_process(self):
        server = self._start("runsctl", [
            self.programs["runsctl"], "serve", "--http", self.http, "--grpc", self.grpc,
            "--store", self.store, "--log-level", "warn"])
        self._wait_for_http(server)
        self._wait_for_grpc(server)

    def start_apart(self):
        server = self._start("runsd", [
            self.programs["runsd"], "--listen", self.grpc, "--store", self.store,
            "--log-level", "warn"])
        self._wait_for_grpc(server)
        gateway = self._start("runs-gateway", [
            self.programs["runs-gateway"], "--listen", self.http, "--upstream", self.grpc,
            "--log-level", "warn"])
        self._wait_for_http(gateway)

    def stop(self):
        for server in reversed(list(self.servers.values())):
            server.stop()

    def pids(self, names=None):
        return [s.pid for n, s in self.servers.items() if names is None or n in names]

    def check_alive(self):
        for server in self.servers.values():
            if not server.alive():
                raise processes.BenchError(f"{server.name} ended: {server.log_tail()}")

    def commits(self):
        """How often the store has committed; only differences mean something."""
        return wal_index.commits(os.path.join(self.folder, DATABASE))

    # --- runs ---

    def write_list(self, name, lines):
        """Writes a list of targets and returns its path."""
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)
        return name

    def new_ids(self, count):
        """Ids that no run has, ascending and of one length."""
        return [f"run-{n:016d}" for n in itertools.islice(self._serial, count)]

    def create_runs(self, ids):
        path = self.write_list("seed", ids)
        report = self.load_grpc("CreateRun", path, ["--once", "--outstanding",
                                                    str(SEED_OUTSTANDING)])
        expect_all(report, "OK", "CreateRun")

    def cancel_runs(self, ids):
        path = self.write_list("seed", ids)
        expect_all(self.load_grpc("CancelRun", path, ["--once"]), "OK", "CancelRun")

    # --- load ---

    def load_grpc(self, method, targets, options):
        return json.loads(processes.run(
            [self.programs["grpc_load"], "--connect", self.grpc, "--method", method, "--targets",
             targets, "--token", self.token] + options, self.folder, LOAD_TIMEOUT_SECONDS))

    def load_http(self, method, targets, options):
        return json.loads(processes.run(
            [self.programs["http_load"], "--connect", self.http, "--method", method, "--targets",
             targets, "--header", f"Authorization: Bearer {self.token}"] + options,
            self.folder, LOAD_TIMEOUT_SECONDS))


def unexpected(report, answer):
    """How many requests of a load report ended otherwise than they should."""
    return report["requests"] + report["unanswered"] - report["answers"].get(answer, 0)


def expect_all(report, answer, what):
    wrong = unexpected(report, answer)
    if wrong > 0:
        raise processes.BenchError(f"{what}: {wrong} of {report['requests']} calls did not end "
                                   f"with {answer}: {report['answers']} {report['failures']}")
