"""runsd as it is run: in one process, or server and gateway apart."""

import json
import os
import random
import shutil
import socket

from harness import processes

SCOPES = "runs.read,runs.cancel,runs.create,runs.report"
ORGANIZATION = "bench"
SERVICE = "runs.v1.RunsService"
SEED_OUTSTANDING = 256
STORE_FOLDER = "store"
DATABASE = os.path.join(STORE_FOLDER, "runs.db")
LOAD_TIMEOUT_SECONDS = 900
# 2100-01-01: the ids made here sort after those that a server makes today.
FIRST_ID_MS = 4102444800000


class Target:
    """Servers that load is put on, and their files, in a folder of their own.

    All paths given to the programs are relative to that folder, so that a
    socket's path is short however deep the checkout is.
    """

    service = SERVICE
    database = None  # the path of its SQLite file
    # Whether its read and write calls are of files alone, so that they are counted.
    files_apart = True

    def __init__(self, name, programs, folder):
        self.name = name
        self.programs = programs
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder)
        self.http = f"127.0.0.1:{processes.free_port()}"
        self.tcp = f"127.0.0.1:{processes.free_port()}"
        self.grpc = "unix:grpc.sock"
        self.token = None
        self.servers = {}
        self._ids_made = 0
        self._random = random.Random(1)

    def stop(self):
        for server in reversed(list(self.servers.values())):
            server.stop()

    def pids(self, names=None):
        return [s.pid for n, s in self.servers.items() if names is None or n in names]

    def check_alive(self):
        for server in self.servers.values():
            if not server.alive():
                raise processes.BenchError(f"{server.name} ended: {server.log_tail()}")

    # --- runs ---

    def write_list(self, name, lines):
        """Writes a list of targets and returns its path."""
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)
        return name

    def new_ids(self, count):
        """Ids that no run has, ascending: UUIDs of version 7, the same in each run of the
        benchmark."""
        ids = []
        for _ in range(count):
            self._ids_made += 1
            low = self._random.getrandbits(74)
            number = (FIRST_ID_MS + self._ids_made) << 80 | 7 << 76 | (low >> 62) << 64 | 2 << 62
            text = f"{number | (low & (1 << 62) - 1):032x}"
            ids.append("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])))
        return ids

    def create_runs(self, ids):
        path = self.write_list("seed", ids)
        report = self.load_grpc("CreateRun", path, ["--once", "--outstanding",
                                                    str(SEED_OUTSTANDING)])
        expect_all(report, "OK", "CreateRun")

    def cancel_runs(self, ids):
        path = self.write_list("seed", ids)
        expect_all(self.load_grpc("CancelRun", path, ["--once"]), "OK", "CancelRun")

    # --- load ---

    def load_grpc(self, method, targets, options, tcp=False):
        return json.loads(processes.run(
            [self.programs["grpc_load"], "--connect", self.tcp if tcp else self.grpc, "--service",
             self.service, "--method", method, "--targets", targets, "--token", self.token]
            + options, self.folder, LOAD_TIMEOUT_SECONDS))

    def load_http(self, method, targets, options, token=None):
        """As the target's token, or another one, where options name none."""
        caller = [] if "--tokens" in options else [
            "--header", f"Authorization: Bearer {token or self.token}"]
        return json.loads(processes.run(
            [self.programs["http_load"], "--connect", self.http, "--method", method, "--targets",
             targets, *caller] + options, self.folder, LOAD_TIMEOUT_SECONDS))


class Deployment(Target):
    """Our servers over a SQLite store: "serve" is one process, "apart" two. The options are
    for those that have the store."""

    def __init__(self, name, programs, folder, server_options=()):
        super().__init__(name, programs, folder)
        self._server_options = list(server_options)
        self.store = "sqlite:" + DATABASE
        self.database = os.path.join(self.folder, DATABASE)
        self.make_store()

    def set_options(self, server_options):
        """For the next start."""
        self._server_options = list(server_options)

    def make_store(self):
        """Makes the store anew, empty but for a token. No server may run."""
        shutil.rmtree(os.path.join(self.folder, STORE_FOLDER), ignore_errors=True)
        os.mkdir(os.path.join(self.folder, STORE_FOLDER))
        # Older programs, which are compared with, have no --create and make the store without it.
        create = ["--create"] if "--create" in processes.run(
            [self.programs["runsctl"], "tokens", "create", "--help"], self.folder, 60) else []
        self.token = processes.run(
            [self.programs["runsctl"], "tokens", "create", "--store", self.store, *create, "--org",
             ORGANIZATION, "--scopes", SCOPES, "--quiet"], self.folder, 60).strip()

    def _start(self, name, command):
        server = processes.Process(name, command, self.folder)
        self.servers[name] = server
        return server

    def _wait_for_http(self, server):
        host, port = self.http.split(":")
        processes.wait_until_listening(server, socket.AF_INET, (host, int(port)))

    def _wait_for_grpc(self, server):
        self._wait_for_socket(server, self.grpc)

    def _wait_for_socket(self, server, address):
        """address is unix:NAME, in the target's folder."""
        path = os.path.relpath(os.path.join(self.folder, address.partition(":")[2]))
        processes.wait_until_listening(server, socket.AF_UNIX, path)

    def start(self):
        """Starts what the name says and waits until it listens."""
        if self.name == "apart":
            self.start_apart()
        else:
            self.start_in_one_process()

    def launch_one_process(self):
        """Starts the process without waiting for it."""
        return self._start("runsctl", [
            self.programs["runsctl"], "serve", "--http", self.http, "--grpc", self.grpc,
            "--grpc", self.tcp, "--store", self.store, "--log-level", "warn"]
            + self._server_options)

    def start_in_one_process(self):
        server = self.launch_one_process()
        self._wait_for_http(server)
        self._wait_for_grpc(server)

    def start_apart(self):
        server = self._start("runsd", [
            self.programs["runsd"], "--listen", self.grpc, "--store", self.store,
            "--log-level", "warn"] + self._server_options)
        self._wait_for_grpc(server)
        gateway = self._start("runs-gateway", [
            self.programs["runs-gateway"], "--listen", self.http, "--upstream", self.grpc,
            "--log-level", "warn"])
        self._wait_for_http(gateway)


def unexpected(report, answer):
    """How many requests of a load report ended otherwise than they should."""
    return report["requests"] + report["unanswered"] - report["answers"].get(answer, 0)


def expect_all(report, answer, what):
    wrong = unexpected(report, answer)
    if wrong > 0:
        raise processes.BenchError(f"{what}: {wrong} of {report['requests']} calls did not end "
                                   f"with {answer}: {report['answers']} {report['failures']}")
