"""Bulk cancels: how many runs a second they cancel, beside single cancels over REST, and what they
do to single cancels that come meanwhile."""

import dataclasses
import http.client
import json
import statistics
import time
import typing

from harness import background, deployment, processes, table

NAME = "bulk"
WHERE = "serve"
CANCEL = "/v1/runs/%s/cancel"
IDS = 5000              # in one bulk cancel
JOBS = 10               # below the limit of an organization
WARM_UP = 5000          # cancels that nobody counts
STEADY_RATE = 2000      # single cancels a second
USUAL_RATE = 40000      # of single cancels, of a quick machine
STATUSES = ["running", "waiting"]
POLL_SECONDS = 0.01
MOST_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Pace:
    """Single cancels over REST."""

    rate: float
    p50_us: float
    p99_us: float
    longest_us: float
    wrong: int
    # The part of the time in which bulk cancels were at work; None: there were none.
    share: typing.Optional[float] = None
    bulk_rate: typing.Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Row:
    """One round."""

    alone: Pace            # as many as the connections take
    ids_rate: float        # runs a second of bulk cancels by ids, from the first request to the end
    collected_rate: float  # of a dry run with a filter
    plan_rate: float       # of its execution
    beside: Pace           # as alone, while plans of as many runs are executed
    creating: Pace         # as alone, while bulk cancels of as many ids are made, and run
    steady: Pace           # at a fixed rate
    steady_beside: Pace
    wrong: int             # runs that bulk cancels did not cancel


def _call(target, method, path, body=None):
    """One call of the API; returns its data."""
    host, port = target.http.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=MOST_SECONDS)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body),
                           headers={"Authorization": "Bearer " + target.token,
                                    "Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
    except OSError as error:
        raise processes.BenchError(f"{method} {path}: {error}") from error
    finally:
        connection.close()
    if reply.status != 200:
        raise processes.BenchError(f"{method} {path}: {reply.status} {text[:500]!r}")
    return json.loads(text)["data"]


def _wait(target, job, state):
    """Waits until the bulk cancel has the state; returns it as it is then."""
    end = time.monotonic() + MOST_SECONDS
    while time.monotonic() < end:
        found = _call(target, "GET", "/v1/bulkCancels/" + job)
        if found["state"] == state:
            return found
        time.sleep(POLL_SECONDS)
    raise processes.BenchError(f"the bulk cancel is not {state} after {MOST_SECONDS} s")


class _Jobs:
    """Bulk cancels of so many runs, from the first request to the end of the last one."""

    def __init__(self, target, ids, planned=False):
        self._target = target
        self._ids = ids
        self._bodies = [{"ids": ids[i:i + IDS]} for i in range(0, len(ids), IDS)]
        if planned:
            self._bodies = [{"plan": self._request({**body, "dryRun": True})}
                            for body in self._bodies]
        self.begin = self.end = 0.0
        self.cancelled = 0

    def _request(self, body):
        return _call(self._target, "POST", "/v1/runs:cancel", body)["id"]

    def run(self):
        self.begin = time.monotonic()
        jobs = [self._request(body) for body in self._bodies]
        self.cancelled = sum(_wait(self._target, job, "done")["cancelled"] for job in jobs)
        self.end = time.monotonic()
        return self

    def rate(self):
        return self.cancelled / (self.end - self.begin)

    def wrong(self):
        return len(self._ids) - self.cancelled


class _Measurer:
    def __init__(self, runs, seconds, connections):
        self._runs = runs
        self._target = runs.target
        self._seconds = seconds
        self._connections = connections
        self.wrong = 0

    def _fresh(self):
        """A store whose log has the size that it keeps."""
        self._runs.renew(self._runs.left(False), False)
        self._load("warm-up", self._runs.take(WARM_UP, False), [])
        processes.settle(self._target.pids())

    def _load(self, name, ids, options):
        path = self._target.write_list(f"{NAME}-{name}", [CANCEL % i for i in ids])
        return self._target.load_http("POST", path, [
            "--once", "--connections", str(self._connections)] + options)

    def _options(self, rate):
        return ["--seconds", str(self._seconds)] + (["--rate", str(rate)] if rate else [])

    def _singles(self, rate):
        """Runs for single cancels: what the rest may not take."""
        count = int((rate or USUAL_RATE) * self._seconds) + self._connections
        return self._runs.take(min(count, self._runs.left(False) // 2), False)

    def alone(self, rate):
        self._fresh()
        report = self._load("alone", self._singles(rate), self._options(rate))
        return _pace(report)

    def beside(self, rate, planned):
        """The same while bulk cancels are at work, whose runs are others."""
        self._fresh()
        singles = self._singles(rate)
        jobs = _Jobs(self._target, self._runs.take(JOBS * IDS, False), planned)
        processes.settle(self._target.pids())
        work = background.Background(jobs.run)
        begin = time.monotonic()
        try:
            report = self._load("beside", singles, self._options(rate))
        finally:
            end = time.monotonic()
            work.result()
        self.wrong += jobs.wrong()
        share = (min(end, jobs.end) - begin) / (end - begin)
        return dataclasses.replace(_pace(report), share=share, bulk_rate=jobs.rate())

    def by_ids(self):
        self._fresh()
        jobs = _Jobs(self._target, self._runs.take(JOBS * IDS, False)).run()
        self.wrong += jobs.wrong()
        return jobs.rate()

    def by_plan(self):
        """Collects all that run, and then cancels them; returns both rates."""
        self._fresh()
        begin = time.monotonic()
        plan = _call(self._target, "POST", "/v1/runs:cancel",
                     {"filter": {"status": STATUSES}, "dryRun": True})["id"]
        total = _wait(self._target, plan, "planned")["total"]
        collected = time.monotonic()
        _call(self._target, "POST", "/v1/runs:cancel", {"plan": plan})
        done = _wait(self._target, plan, "done")
        end = time.monotonic()
        self.wrong += total - done["cancelled"]
        return total / (collected - begin), total / (end - collected)


def _pace(report):
    latency = report["latencyUs"]
    return Pace(rate=report["ratePerSecond"], p50_us=latency["p50"], p99_us=latency["p99"],
                longest_us=latency["max"], wrong=deployment.unexpected(report, "200"))


def measure(runs, seconds, connections):
    """One round on a FilledTarget; returns a Row."""
    measurer = _Measurer(runs, seconds, connections)
    alone = measurer.alone(0)
    ids_rate = measurer.by_ids()
    collected_rate, plan_rate = measurer.by_plan()
    return Row(alone=alone, ids_rate=ids_rate, collected_rate=collected_rate, plan_rate=plan_rate,
               beside=measurer.beside(0, True), creating=measurer.beside(0, False),
               steady=measurer.alone(STEADY_RATE),
               steady_beside=measurer.beside(STEADY_RATE, True), wrong=measurer.wrong)


def wrong(rows):
    return sum(row.wrong + sum(pace.wrong for pace in (
        row.alone, row.beside, row.creating, row.steady, row.steady_beside)) for row in rows)


def _median(rows, read):
    return statistics.median(read(row) for row in rows)


def _rate_cells(title, rows, read):
    rate = _median(rows, read)
    ratio = _median(rows, lambda row: read(row) / row.alone.rate)
    return title, table.number(rate, 0), table.number(ratio, 2)


def _pace_cells(title, rows, read, base):
    """base reads what it is held against; None: it is that itself."""
    def cell(field):
        return table.number(_median(rows, lambda row: getattr(read(row), field)) / 1000, 2)

    ratio = base and _median(rows, lambda row: read(row).p99_us / base(row).p99_us)
    share = base and _median(rows, lambda row: read(row).share)
    bulk_rate = base and _median(rows, lambda row: read(row).bulk_rate)
    return (title, table.number(_median(rows, lambda row: read(row).rate), 0), cell("p50_us"),
            cell("p99_us"), table.number(max(read(row).longest_us for row in rows) / 1000),
            table.number(ratio, 2), table.number(bulk_rate, 0), table.number(share, 2))


def lines(rows):
    """The block under the benchmark's table."""
    rates = [("bulk cancels", "runs/s", "/ single"),
             _rate_cells("single cancels over REST", rows, lambda row: row.alone.rate),
             _rate_cells(f"by ids, {JOBS} of {IDS:,} over REST, requests included", rows,
                         lambda row: row.ids_rate),
             _rate_cells("by a filter: collected by a dry run", rows,
                         lambda row: row.collected_rate),
             _rate_cells("its plan executed", rows, lambda row: row.plan_rate)]
    paces = [("single cancels", "rate/s", "p50 ms", "p99 ms", "longest", "p99 / alone", "bulk/s",
              "beside"),
             _pace_cells("closed loop, alone", rows, lambda row: row.alone, None),
             _pace_cells("closed loop, beside plans that are executed", rows,
                         lambda row: row.beside, lambda row: row.alone),
             _pace_cells(f"closed loop, beside bulk cancels of {IDS:,} ids that are made", rows,
                         lambda row: row.creating, lambda row: row.alone),
             _pace_cells(f"{STEADY_RATE:,}/s due, alone", rows, lambda row: row.steady, None),
             _pace_cells(f"{STEADY_RATE:,}/s due, beside plans that are executed", rows,
                         lambda row: row.steady_beside, lambda row: row.steady)]
    return (["", "Bulk cancels, and single cancels over REST in the same run on the same store; "
                 "ratios are of each round's two:", ""] + table.aligned(rates) + [""]
            + table.aligned(paces)
            + ["", "Beside: the part of the time in which bulk cancels were at work."])
