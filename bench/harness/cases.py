"""What is measured: the requests of each case, and one measurement of it."""

import dataclasses
import random
import time
import typing

from harness import deployment, processes, wal_index

# Cancels of a fresh server that nobody counts: until its log began anew, but no larger a share
# of those there are.
WARM_UP_STEP = 2500
WARM_UP_SHARE = 0.25
RESERVE = 1.5   # runs for a round, as a multiple of what its case's usual rate takes


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    title: str
    where: str                # "serve" (one process) or "apart"
    protocol: str             # "http" or "grpc"
    method: str
    path: str                 # of a run's id; gRPC has none
    runs: str                 # "fresh" (running), "existing", "finished" or "missing"
    answer: str               # how each request must end
    ordered: bool = False     # runs in the order of their creation; else in random order
    tcp: bool = False         # gRPC over TCP instead of unix
    one_connection: bool = False
    servers: typing.Optional[tuple] = None  # whose CPU counts; None: all
    usual_rate: int = 40000   # of a quick machine, so that there are runs enough
    fixed_rate: int = 0       # open loop at so many requests a second; 0: closed loop
    keyed: bool = False       # each request has a key of its own


CANCEL = "/v1/runs/%s/cancel"
CASES = (
    Case("cancel", "REST cancel, one process", "serve", "http", "POST", CANCEL, "fresh", "200"),
    Case("cancel-keyed", "REST cancel under a key", "serve", "http", "POST", CANCEL, "fresh", "200",
         keyed=True),
    Case("cancel-ordered", "REST cancel, in order of creation", "serve", "http", "POST", CANCEL,
         "fresh", "200", ordered=True),
    Case("cancel-1", "REST cancel, one process", "serve", "http", "POST", CANCEL, "fresh", "200",
         one_connection=True, usual_rate=5000),
    Case("cancel-steady", "REST cancel, 8,000/s due", "serve", "http", "POST", CANCEL, "fresh",
         "200", usual_rate=8000, fixed_rate=8000),
    Case("get", "REST GET, one process", "serve", "http", "GET", "/v1/runs/%s", "existing", "200"),
    Case("grpc-get-serve", "gRPC GET over unix, one process", "serve", "grpc", "GetRun", "%s",
         "existing", "OK"),
    Case("grpc-cancel-tcp", "gRPC cancel over TCP, one process", "serve", "grpc", "CancelRun", "%s",
         "fresh", "OK", tcp=True),
    Case("not-found", "REST cancel, 404", "serve", "http", "POST", CANCEL, "missing", "404"),
    Case("conflict", "REST cancel, 409", "serve", "http", "POST", CANCEL, "finished", "409"),
    Case("apart-cancel", "REST cancel, two processes", "apart", "http", "POST", CANCEL, "fresh",
         "200"),
    Case("grpc-cancel", "gRPC cancel over unix", "apart", "grpc", "CancelRun", "%s", "fresh", "OK",
         servers=("runsd",)),
    Case("grpc-get", "gRPC GET over unix", "apart", "grpc", "GetRun", "%s", "existing", "OK",
         servers=("runsd",)),
)


@dataclasses.dataclass
class Measurement:
    """One round of one case. What a store was not watched for, or has not done, is None."""

    rate: float              # replies a second
    p50_us: float
    p99_us: float
    longest_us: float
    cpu_us: float            # of the servers, for one request
    generator_cpu_us: float  # of the load generator, for one request
    others: float            # CPUs that other programs kept busy meanwhile
    requests: int
    wrong: int               # requests that did not end as they should
    short: bool = False      # ended because there were no more runs
    batch: typing.Optional[float] = None          # changes in one commit
    log_pages: typing.Optional[float] = None      # for one change
    log_bytes: typing.Optional[float] = None      # for one change, with the frames' headers
    log_unseen: int = 0      # times the log began anew before all of it had been seen
    longest_pause_us: typing.Optional[float] = None  # between two commits, at least
    read_bytes: typing.Optional[float] = None     # by read calls, for one request
    written_bytes: typing.Optional[float] = None  # by write calls, for one request


class Runner:
    """Measures cases against targets, {where: FilledTarget or what is like one}."""

    def __init__(self, targets, seconds, connections):
        self._targets = targets
        self._random = random.Random(1)
        self._seconds = seconds
        self._connections = connections
        self._rates = {}  # case -> rate measured last
        self.rss_mib = {}  # server -> (largest after a case, peak)

    def connections(self, case):
        return 1 if case.one_connection else self._connections

    def _load(self, case, target, name, ids, options):
        targets = target.write_list(name, [case.path % i for i in ids])
        at_once = str(self.connections(case))
        options = options + ["--keys"] * case.keyed
        if case.protocol == "http":
            return target.load_http(case.method, targets, options + ["--connections", at_once])
        return target.load_grpc(case.method, targets, options + ["--outstanding", at_once],
                                tcp=case.tcp)

    def _fresh_ids(self, case, runs):
        """Running runs, taken from a store whose server has had some cancelled already."""
        rate = self._rates.get(case.name, case.usual_rate)
        if runs.renew(int(rate * self._seconds), case.ordered):
            self._warm_up(case, runs)
        return runs.take(max(1000, int(case.usual_rate * self._seconds * RESERVE)), case.ordered)

    def _warm_up(self, case, runs):
        """Cancels until the log began anew: then its file has the size that it keeps, and no
        longer grows with each commit."""
        at_most = int(runs.left(case.ordered) * WARM_UP_SHARE)
        restarts = used = 0
        while restarts == 0 and used < at_most:
            ids = runs.take(min(WARM_UP_STEP, at_most - used), case.ordered)
            used += len(ids)
            watcher = wal_index.Watcher(runs.target.database)
            try:
                report = self._load(case, runs.target, "warm-up", ids, ["--once"])
            finally:
                restarts = watcher.stop().restarts
            deployment.expect_all(report, case.answer, "warming up for " + case.name)

    def measure(self, case):
        runs = self._targets[case.where]
        target = runs.target
        options = ["--seconds", str(self._seconds)]
        if case.runs == "fresh":
            ids = self._fresh_ids(case, runs)
            options.append("--once")
        else:
            ids = {"existing": runs.existing, "finished": runs.finished,
                   "missing": runs.missing}[case.runs]()
        if case.fixed_rate:
            options += ["--rate", str(case.fixed_rate)]
        processes.settle(target.pids())
        counted = target.pids(case.servers)
        before = _Reading(target, counted)
        watcher = wal_index.Watcher(target.database)
        try:
            report = self._load(case, target, case.name, ids, options)
            target.check_alive()
            others = before.others(report)
            watcher.load_ended()
            # What the servers put off (checkpoints) belongs to the requests.
            processes.settle(target.pids())
        finally:
            tally = watcher.stop()
        after = _Reading(target, counted)
        self._rates[case.name] = report["ratePerSecond"]
        self._note_memory(target)
        measured = measurement(report, case.answer, after.cpu - before.cpu, others)
        if case.runs == "fresh":
            runs.give_back(len(ids) - report["targetsUsed"], case.ordered)
            measured.short = (report["targetsUsed"] == len(ids)
                              and report["seconds"] < self._seconds * 0.95)
        changes = report["answers"].get(case.answer, 0) if case.runs == "fresh" else 0
        add_store(measured, tally, changes, not case.fixed_rate)
        if target.files_apart:
            requests = max(report["requests"], 1)
            measured.read_bytes = (after.read - before.read) / requests
            measured.written_bytes = (after.written - before.written) / requests
        return measured

    def _note_memory(self, target):
        for server in target.servers.values():
            name = f"{server.name} ({target.name})"
            now, peak = self.rss_mib.get(name, (0, 0))
            self.rss_mib[name] = (max(now, processes.rss_kib(server.pid) / 1024),
                                  max(peak, processes.peak_rss_mib(server.pid)))


class _Reading:
    """What servers and machine have used until now."""

    def __init__(self, target, counted):
        self._pids = target.pids()
        self._at = time.monotonic()
        self._machine = self._machine_cpu()
        self.cpu = sum(map(processes.cpu_seconds, counted))
        moved = list(map(processes.moved_bytes, self._pids))
        self.read = sum(read for read, _ in moved)
        self.written = sum(written for _, written in moved)

    def _machine_cpu(self):
        return processes.machine_cpu_seconds() - sum(map(processes.cpu_seconds, self._pids))

    def others(self, report):
        """CPUs that were busy since, but for the servers and the load generator."""
        used = self._machine_cpu() - self._machine
        used -= report["generatorCpuUsPerRequest"] * report["requests"] / 1e6
        return max(used / (time.monotonic() - self._at), 0)


def measurement(report, answer, cpu_seconds, others):
    """Makes a Measurement of a load report, the CPU that the servers used and the
    CPUs that other programs kept busy."""
    requests = report["requests"]
    latency = report["latencyUs"]
    return Measurement(
        rate=report["ratePerSecond"], p50_us=latency["p50"], p99_us=latency["p99"],
        longest_us=latency["max"], cpu_us=cpu_seconds * 1e6 / max(requests, 1),
        generator_cpu_us=report["generatorCpuUsPerRequest"], others=others, requests=requests,
        wrong=deployment.unexpected(report, answer))


def add_store(measured, tally, changes, busy):
    """Adds what a store's log said of so many changes; pauses mean something if it was
    busy all the time."""
    if changes == 0 or tally.commits() == 0:
        return
    measured.batch = changes / tally.commits()
    measured.log_pages = tally.frames / changes
    measured.log_bytes = tally.log_bytes() / changes
    measured.log_unseen = tally.unseen
    if busy:
        measured.longest_pause_us = tally.longest_pause * 1e6
