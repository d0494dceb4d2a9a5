"""Another implementation of the same API, measured beside ours.

A folder whose run-peer.sh builds it (under $OUT), fills its database with $N running
runs, starts it on $HTTP and $GRPC with the bearer token $TOKEN, and leaves the ids of
the runs, in random order, in $OUT/ids.txt and its processes in $OUT/peer.pids, divided
by commas. Its database is the SQLite file $DB.
"""

import os
import signal
import subprocess
import time

from harness import deployment, processes

SCRIPT = "run-peer.sh"
CASES = ("cancel", "cancel-1", "grpc-cancel-tcp", "get", "conflict")
RUNS = 45000
# One process, commits of groups, ready JSON: the fastest that it has.
SETTINGS = {"MODE": "all", "GATEWAY": "raw", "COMMIT": "group", "GOGC": "400"}
SERVICE = "runs.v1.RunsJsonService"
BUILD_SECONDS = 900
STOP_SECONDS = 30
FINISHED = 20000  # cancelled for the 409 case


def folder_option(path):
    """Reads --peer; raises ValueError."""
    if not os.path.isfile(os.path.join(path, SCRIPT)):
        raise ValueError(f"must be a folder that holds {SCRIPT}, is '{path}'")
    return os.path.abspath(path)


class _Process:
    """A process that a script of ours left behind."""

    name = "peer"

    def __init__(self, pid):
        self.pid = pid

    def alive(self):
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as stat:
                return processes.parse_state(stat.read()) not in "ZX"
        except OSError:
            return False

    def log_tail(self):
        return "its folder has its log"

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            deadline = time.monotonic() + STOP_SECONDS
            while self.alive() and time.monotonic() < deadline:
                try:
                    os.kill(self.pid, number)
                except ProcessLookupError:
                    return
                time.sleep(0.05)


class Peer:
    """The peer and its runs; what cases.Runner measures."""

    def __init__(self, source, programs, folder, say):
        self._source = source
        self._say = say
        self.target = deployment.Target("peer", programs, folder)
        self.target.service = SERVICE
        # Watched as ours is, so that watching costs both alike.
        self.target.database = os.path.join(self.target.folder, "runs.db")
        self.target.files_apart = False  # Go reads sockets as it reads files
        self.target.token = "peer-token"
        self._ids = []
        self._taken = 0
        self._missing = self.target.new_ids(1000)
        say("building and filling the peer ...")

    def renew(self, count, ordered):
        """Starts it on a database of its own making: all are running again. Returns True, as
        it was started anew."""
        target = self.target
        target.stop()
        target.servers.clear()
        environment = {**os.environ, **SETTINGS, "OUT": target.folder, "N": str(RUNS),
                       "DB": target.database,
                       "HTTP": target.http.split(":")[1], "GRPC": target.tcp.split(":")[1],
                       "TOKEN": target.token}
        log_path = os.path.join(target.folder, "run-peer.log")
        with open(log_path, "wb") as log:
            try:
                status = subprocess.run(
                    ["bash", os.path.join(self._source, SCRIPT)], env=environment,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    timeout=BUILD_SECONDS, check=False).returncode
            except subprocess.TimeoutExpired as error:
                raise processes.BenchError(
                    f"{SCRIPT} did not end within {BUILD_SECONDS} s") from error
        self._find_processes()
        if status != 0:
            with open(log_path, encoding="utf-8", errors="replace") as log:
                said = log.read().strip().splitlines() or [f"status {status}"]
            raise processes.BenchError(f"{SCRIPT} failed: {said[-1]}")
        with open(os.path.join(target.folder, "ids.txt"), encoding="ascii") as file:
            self._ids = file.read().split()
        self._taken = 0
        return True

    def _find_processes(self):
        path = os.path.join(self.target.folder, "peer.pids")
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                pids = file.read().strip().split(",")
            os.remove(path)
            self.target.servers.update(
                {f"peer-{number}": _Process(int(pid)) for number, pid in enumerate(pids)})

    def stop(self):
        self.target.stop()

    def left(self, _ordered):
        return len(self._ids) - self._taken

    def take(self, count, _ordered):
        taken = self._ids[self._taken:self._taken + count]
        self._taken += len(taken)
        return taken

    def give_back(self, count, _ordered):
        self._taken -= count

    def existing(self):
        return list(self._ids)

    def finished(self):
        """Runs that are cancelled now."""
        self.renew(FINISHED, False)
        ids = self.take(FINISHED, False)
        path = self.target.write_list("finished", [f"/v1/runs/{i}/cancel" for i in ids])
        deployment.expect_all(self.target.load_http("POST", path, ["--once"]), "200",
                              "cancelling the peer's runs")
        return ids

    def missing(self):
        return self._missing
