"""More load than one process can take: what is still served, how fast, and what
that does to its memory."""

import dataclasses
import random
import resource
import time
import typing

from harness import background, deployment, processes, table

NAME = "overload"
CLOSED = ("cancel", "get")  # the cases whose rate is the capacity
WHERE = "serve"
FACTOR = 2            # of the capacity
CONNECTIONS = 2000
STEADY_RATE = 500     # cancels a second beside a flood of reads
STEADY_CONNECTIONS = 64
TIMEOUT_SECONDS = 2   # for a reply, and for what was due but found no connection
FLOOD_LEAD_SECONDS = 0.5
SPARE_FILES = 200     # beside the connections


@dataclasses.dataclass(frozen=True)
class Row:
    """What one stream of requests saw."""

    title: str
    connections: int
    capacity: typing.Optional[float]  # of the closed loop; None: not compared
    offered: float     # requests due a second
    answered: float    # a second, as the others
    accepted: float
    refused: float
    p50_us: float      # of accepted requests, from when each was due
    p99_us: float
    sent_p99_us: float  # from when each was sent: it had found a connection
    refused_p99_us: typing.Optional[float]
    unsent: int        # were due, but found no connection until the end
    wrong: int         # ended in another way than they may
    rss_before_mib: float
    rss_after_mib: float


def make_row(title, report, capacity, may_refuse, rss_before_kib, rss_after_kib):
    """Makes a Row of an open loop's load report. Where requests may be refused, 429
    is no wrong answer, and it is the generator's lack of connections, not the
    server, that leaves some unsent."""
    answers = report["answers"]
    seconds = max(report["seconds"], 1e-9)
    accepted, refused = answers.get("200", 0), answers.get("429", 0)
    latency = report.get("acceptedLatencyUs", report["latencyUs"])
    since_sent = report.get("acceptedSinceSentUs", latency)
    wrong = report["requests"] - accepted
    if may_refuse:
        wrong -= refused
    else:
        wrong += report["unanswered"]
    return Row(
        title=title, connections=report["connections"], capacity=capacity,
        offered=report["intendedRatePerSecond"], answered=report["ratePerSecond"],
        accepted=accepted / seconds, refused=refused / seconds,
        p50_us=latency["p50"], p99_us=latency["p99"], sent_p99_us=since_sent["p99"],
        refused_p99_us=report["otherLatencyUs"]["p99"] if refused > 0 else None,
        unsent=report["unanswered"], wrong=wrong,
        rss_before_mib=rss_before_kib / 1024, rss_after_mib=rss_after_kib / 1024)


def raise_open_files(needed):
    """Lets this process and those it starts from now on open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError) as error:
        raise processes.BenchError(
            f"--case {NAME} needs {needed} open files for its {CONNECTIONS:,} connections, the "
            f"limit (ulimit -Hn) is {hard}") from error


def prepare():
    """To be called before the servers start, which inherit the limit."""
    raise_open_files(CONNECTIONS + STEADY_CONNECTIONS + SPARE_FILES)


class _Measurer:
    def __init__(self, target, existing, seconds):
        self._target = target
        self._seconds = seconds
        self._existing = target.write_list(NAME + "-get", ["/v1/runs/" + i for i in existing])

    def _rss_kib(self):
        return sum(processes.rss_kib(pid) for pid in self._target.pids())

    def _load(self, method, targets, rate, connections, seconds, once):
        options = ["--seconds", str(seconds), "--rate", str(rate), "--connections",
                   str(connections), "--timeout", str(TIMEOUT_SECONDS)]
        return self._target.load_http(method, targets, options + (["--once"] if once else []))

    def _cancels(self, rate):
        """Makes the runs to cancel at the rate."""
        ids = self._target.new_ids(int(rate * self._seconds) + 1)
        self._target.create_runs(ids)
        random.Random(1).shuffle(ids)
        return self._target.write_list(NAME + "-cancel", [f"/v1/runs/{i}/cancel" for i in ids])

    def _flood_of_reads(self, rate, seconds):
        return self._load("GET", self._existing, rate, CONNECTIONS, seconds, once=False)

    def reads(self, capacity):
        rate = FACTOR * capacity
        processes.settle(self._target.pids())
        before = self._rss_kib()
        report = self._flood_of_reads(rate, self._seconds)
        self._target.check_alive()
        return make_row("GETs", report, capacity, True, before, self._rss_kib())

    def cancels(self, capacity):
        rate = FACTOR * capacity
        targets = self._cancels(rate)
        processes.settle(self._target.pids())
        before = self._rss_kib()
        report = self._load("POST", targets, rate, CONNECTIONS, self._seconds, once=True)
        self._target.check_alive()
        return make_row("cancels", report, capacity, True, before, self._rss_kib())

    def cancels_beside_reads(self, capacity):
        targets = self._cancels(STEADY_RATE)
        processes.settle(self._target.pids())
        before = self._rss_kib()
        flood = background.Background(lambda: self._flood_of_reads(
            FACTOR * capacity, self._seconds + 2 * FLOOD_LEAD_SECONDS))
        time.sleep(FLOOD_LEAD_SECONDS)
        try:
            report = self._load("POST", targets, STEADY_RATE, STEADY_CONNECTIONS, self._seconds,
                                once=True)
        finally:
            reads = flood.result()
        self._target.check_alive()
        after = self._rss_kib()
        return [make_row("cancels beside GETs", report, None, False, before, after),
                make_row("GETs beside cancels", reads, capacity, True, before, after)]


def measure(target, existing, capacities, seconds):
    """Returns the rows, given the ids of runs that can be read and the closed-loop
    rates {case name: requests a second}."""
    measurer = _Measurer(target, existing, seconds)
    return [measurer.reads(capacities["get"]), measurer.cancels(capacities["cancel"])] + (
        measurer.cancels_beside_reads(capacities["get"]))


def wrong(rows):
    return sum(row.wrong for row in rows)


def _cells(row):
    return (
        row.title, table.number(row.connections, 0), table.number(row.capacity, 0),
        table.number(row.offered, 0), table.number(row.answered, 0),
        table.number(row.accepted, 0),
        table.number(table.ratio(row.accepted, row.capacity), 2), table.number(row.refused, 0),
        table.number(row.p50_us / 1000, 1), table.number(row.p99_us / 1000, 1),
        table.number(row.sent_p99_us / 1000, 1),
        table.number(row.refused_p99_us / 1000 if row.refused_p99_us is not None else None, 1),
        table.number(row.unsent, 0), table.number(row.wrong, 0),
        f"{row.rss_before_mib:.0f}, {row.rss_after_mib:.0f}")


def lines(rows):
    """The block under the benchmark's table."""
    heading = ("overload", "connections", "capacity/s", "due/s", "answered/s", "200/s",
               "/ capacity", "429/s", "p50 ms", "p99 ms", "sent p99", "429 p99 ms", "unsent",
               "wrong", "RSS MiB")
    return ["", f"Overload of one process: GETs and cancels due at {FACTOR} times the rate of the "
                f"closed loop (capacity), and {STEADY_RATE} cancels a second beside such GETs, "
                "all of which must be served:", ""] + table.aligned(
                    [heading] + [_cells(row) for row in rows]) + [
        "", "There p50 and p99 are of accepted requests, from when each was due, and sent p99 from "
            "when it was sent: more being due than is answered, requests wait for a connection. "
            "Unsent were due, but never found one. RSS is before and after."]
