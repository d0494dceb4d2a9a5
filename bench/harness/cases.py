"""What is measured: the requests of each case, and one measurement of it."""

import dataclasses
import random
import time
import typing

from harness import deployment, fill, processes, wal_index

EXISTING_RUNS = 10000  # read by the GET cases
FINISHED_RUNS = 1000   # cancelled beforehand, for the 409 case
MISSING_RUNS = 1000    # ids of no run, for the 404 case


@dataclasses.dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    title: str
    where: str                # "serve" (one process) or "apart"
    protocol: str             # "http" or "grpc"
    method: str
    path: str                 # of a run's id; gRPC has none
    runs: str                 # "fresh", "existing", "finished" or "missing"
    answer: str               # how each request must end
    one_connection: bool = False
    servers: typing.Optional[tuple] = None  # whose CPU counts; None: all
    first_rate: int = 20000   # runs to seed for a second, before it was measured once
    fixed_rate: int = 0       # open loop at so many requests a second; 0: closed loop


CANCEL = "/v1/runs/%s/cancel"
CASES = (
    Case("cancel", "REST cancel, one process", "serve", "http", "POST", CANCEL, "fresh", "200"),
    Case("cancel-1", "REST cancel, one process", "serve", "http", "POST", CANCEL, "fresh", "200",
         one_connection=True, first_rate=5000),
    Case("cancel-steady", "REST cancel, 8,000/s due", "serve", "http", "POST", CANCEL, "fresh",
         "200", first_rate=8000, fixed_rate=8000),
    Case("get", "REST GET, one process", "serve", "http", "GET", "/v1/runs/%s", "existing", "200"),
    Case("grpc-get-serve", "gRPC GET over unix, one process", "serve", "grpc", "GetRun", "%s",
         "existing", "OK"),
    Case("not-found", "REST cancel, 404", "serve", "http", "POST", CANCEL, "missing", "404"),
    Case("conflict", "REST cancel, 409", "serve", "http", "POST", CANCEL, "finished", "409"),
    Case("apart-cancel", "REST cancel, two processes", "apart", "http", "POST", CANCEL, "fresh",
         "200", first_rate=15000),
    Case("grpc-cancel", "gRPC cancel over unix", "apart", "grpc", "CancelRun", "%s", "fresh", "OK",
         servers=("runsd",)),
    Case("grpc-get", "gRPC GET over unix", "apart", "grpc", "GetRun", "%s", "existing", "OK",
         servers=("runsd",)),
)


@dataclasses.dataclass
class Measurement:
    """One round of one case."""

    rate: float              # replies a second
    p50_us: float
    p99_us: float
    cpu_us: float            # of the servers, for one request
    generator_cpu_us: float  # of the load generator, for one request
    others: float            # CPUs that other programs kept busy meanwhile
    requests: int
    wrong: int               # requests that did not end as they should
    batch: typing.Optional[float] = None  # changes in one commit; None: nothing changed


class Runner:
    """Measures cases against running deployments."""

    def __init__(self, deployments, seconds, connections, shuffle):
        self._deployments = deployments
        self._random = random.Random(1) if shuffle else None
        self._seconds = seconds
        self._connections = connections
        self._ids = {}    # (deployment, kind of runs) -> ids
        self._rates = {}  # case -> rate measured last

    def connections(self, case):
        return 1 if case.one_connection else self._connections

    def prepare(self, cases, old_runs=0):
        """Creates the runs that the cases share; where the store was filled with old
        runs, these are read."""
        for where in sorted({c.where for c in cases}):
            target = self._deployments[where]
            existing = target.new_ids(EXISTING_RUNS)
            finished = target.new_ids(FINISHED_RUNS)
            target.create_runs(existing + finished)
            target.cancel_runs(finished)
            self._ids[where, "existing"] = fill.ids(old_runs) if old_runs > 0 else existing
            self._ids[where, "finished"] = finished
            self._ids[where, "missing"] = target.new_ids(MISSING_RUNS)

    def existing_runs(self, where):
        """The ids of runs that can be read."""
        return self._ids[where, "existing"]

    def _ids_for(self, case):
        if case.runs != "fresh":
            return self._ids[case.where, case.runs]
        target = self._deployments[case.where]
        # A sixth more than last time; should they be used up, the round is shorter.
        rate = self._rates.get(case.name, case.first_rate)
        ids = target.new_ids(max(1000, int(rate * self._seconds * 7 / 6)))
        target.create_runs(ids)
        return ids

    def measure(self, case):
        target = self._deployments[case.where]
        ids = self._ids_for(case)
        if self._random is not None:
            self._random.shuffle(ids)
        targets = target.write_list(case.name, [case.path % i for i in ids])
        options = ["--seconds", str(self._seconds)]
        if case.runs == "fresh":
            options.append("--once")
        processes.settle(target.pids())
        pids = target.pids(case.servers)
        before = sum(map(processes.cpu_seconds, pids))
        all_pids = target.pids()
        commits = target.commits()
        load_started = time.monotonic()
        machine_before = processes.machine_cpu_seconds() - sum(
            map(processes.cpu_seconds, all_pids))
        if case.fixed_rate:
            options += ["--rate", str(case.fixed_rate)]
        if case.protocol == "http":
            report = target.load_http(case.method, targets, options + [
                "--connections", str(self.connections(case))])
        else:
            report = target.load_grpc(case.method, targets, options + [
                "--outstanding", str(self.connections(case))])
        target.check_alive()
        others = processes.machine_cpu_seconds() - sum(
            map(processes.cpu_seconds, all_pids)) - machine_before
        others -= report["generatorCpuUsPerRequest"] * report["requests"] / 1e6
        others /= time.monotonic() - load_started
        # What the servers put off (checkpoints) belongs to the requests.
        processes.settle(target.pids())
        cpu = sum(map(processes.cpu_seconds, pids)) - before
        self._rates[case.name] = report["ratePerSecond"]
        measured = measurement(report, case.answer, cpu, max(others, 0))
        if case.runs == "fresh":
            measured.batch = wal_index.batch_size(report["answers"].get(case.answer, 0), commits,
                                                  target.commits())
        return measured


def measurement(report, answer, cpu_seconds, others):
    """Makes a Measurement of a load report, the CPU that the servers used and the
    CPUs that other programs kept busy."""
    requests = report["requests"]
    return Measurement(
        rate=report["ratePerSecond"], p50_us=report["latencyUs"]["p50"],
        p99_us=report["latencyUs"]["p99"], cpu_us=cpu_seconds * 1e6 / max(requests, 1),
        generator_cpu_us=report["generatorCpuUsPerRequest"], others=others, requests=requests,
        wrong=deployment.unexpected(report, answer))
