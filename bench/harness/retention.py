"""What the deletion of old runs costs cancels beside it: open-loop cancels without it, with it until
all old runs are gone, and without it again."""

import contextlib
import dataclasses
import http.client
import json
import os
import random
import sqlite3
import statistics
import time

from harness import deployment, fill, processes, run_pool, table

NAME = "retention"
RATE = 5000          # cancels a second
CONNECTIONS = 64
RUNNING_EVERY = 3    # of the filled runs; the others are those that are deleted
AGE_SECONDS = 7200   # of the filled runs
RETAIN = "1h"        # the least that the option takes
LEAD_SECONDS = 60    # in which the deletion begins, at most
MOST_SECONDS = 900   # of deletion
AIM = 1.5            # of p99

BEFORE, DURING, AFTER = "without, before", "beside the deletion", "without, after"


@dataclasses.dataclass(frozen=True)
class Row:
    """One load of cancels."""

    seconds: float
    rate: float
    p50_us: float
    p99_us: float
    longest_us: float
    cpu: float      # of the server, in processors
    deleted: int    # runs, meanwhile
    wrong: int      # cancels that did not end with 200


def make_row(report, cpu_seconds, deleted):
    """Makes a Row of http_load's report."""
    latency = report["latencyUs"]
    seconds = max(report["seconds"], 1e-9)
    return Row(seconds=seconds, rate=report["ratePerSecond"], p50_us=latency["p50"],
               p99_us=latency["p99"], longest_us=latency["max"], cpu=cpu_seconds / seconds,
               deleted=deleted, wrong=deployment.unexpected(report, "200"))


def make_older(path):
    """Has all that is in the store's file, which no process holds, be AGE_SECONDS older."""
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("UPDATE event SET at=at-?", (AGE_SECONDS * 10**6,))
        store.execute("UPDATE run SET updated_at=updated_at-?", (AGE_SECONDS * 10**6,))
        store.commit()
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class _Measurer:
    def __init__(self, programs, folder, options, say):
        self._options = options
        self._say = say
        # So that as many as asked for are deleted.
        self._filled = options.runs * RUNNING_EVERY // (RUNNING_EVERY - 1)
        self._target = deployment.Deployment(
            "serve", programs, folder, options.server_option)
        self._with = [*options.server_option, "--retain-finished", RETAIN]
        self._running = []

    def fill(self):
        self._say(f"filling a store with {self._filled:,} runs ...")
        fill.fill(self._target, self._filled, RUNNING_EVERY)
        make_older(self._target.database)
        path = os.path.join(self._target.folder, fill.RUNNING_IDS)
        self._running = list(run_pool.IdFile(path))
        random.Random(1).shuffle(self._running)

    def start(self, with_retention):
        self._target.stop()
        self._target.set_options(self._with if with_retention else self._options.server_option)
        self._target.start()
        processes.settle(self._target.pids())

    def total(self):
        """How many runs there are."""
        host, port = self._target.http.split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        try:
            connection.request("GET", "/v1/runs:count",
                               headers={"Authorization": "Bearer " + self._target.token})
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                raise processes.BenchError(f"/v1/runs:count: {reply.status} {body[:200]!r}")
            return json.loads(body)["data"]["total"]
        finally:
            connection.close()

    def await_begin(self):
        first, end = self.total(), time.monotonic() + LEAD_SECONDS
        while self.total() == first:
            if time.monotonic() > end:
                raise processes.BenchError(f"nothing is deleted within {LEAD_SECONDS} s")
            time.sleep(0.05)

    def cancels(self, title):
        """Cancels at the rate for the seconds asked for; returns a Row."""
        count = int(RATE * self._options.seconds)
        if len(self._running) < count:
            raise processes.BenchError("the running runs are used up: ask for more --runs, or fewer "
                                       "--seconds")
        ids, self._running = self._running[:count], self._running[count:]
        path = self._target.write_list("cancels", [f"/v1/runs/{i}/cancel" for i in ids])
        before, cpu = self.total(), sum(map(processes.cpu_seconds, self._target.pids()))
        report = self._target.load_http("POST", path, [
            "--once", "--rate", str(RATE), "--connections", str(CONNECTIONS)])
        cpu = sum(map(processes.cpu_seconds, self._target.pids())) - cpu
        self._target.check_alive()
        row = make_row(report, cpu, before - self.total())
        self._say(f"{title:<20} p50 {row.p50_us / 1000:5.2f} ms  p99 {row.p99_us / 1000:6.2f} ms  "
                  f"{row.deleted / row.seconds:>8,.0f} deleted/s")
        return row

    def without(self, title):
        self.start(False)
        return [self.cancels(title) for _ in range(self._options.rounds)]

    def during(self):
        """Rows of loads while runs are deleted; the last one may be in part behind it."""
        self.start(True)
        self.await_begin()
        rows, end = [], time.monotonic() + MOST_SECONDS
        while time.monotonic() < end and len(self._running) > (
                RATE * self._options.seconds * (self._options.rounds + 1)):
            row = self.cancels(DURING)
            if row.deleted == 0:
                break
            rows.append(row)
        if not rows:
            raise processes.BenchError("the deletion was over before the first cancels")
        return rows

    def stop(self):
        self._target.stop()


def measure(programs, folder, options, say):
    """Returns {title: rows}."""
    fill.check_space(folder, options.runs * RUNNING_EVERY // (RUNNING_EVERY - 1), 1)
    measurer = _Measurer(programs, folder, options, say)
    try:
        measurer.fill()
        return {BEFORE: measurer.without(BEFORE), DURING: measurer.during(),
                AFTER: measurer.without(AFTER)}
    finally:
        measurer.stop()


def ratio(measured, read):
    """The median beside the deletion, divided by that of all without it."""
    without = [read(row) for title in (BEFORE, AFTER) for row in measured[title]]
    return table.ratio(statistics.median(map(read, measured[DURING])), statistics.median(without))


def wrong(measured):
    """How many cancels did not end as they must."""
    return sum(row.wrong for rows in measured.values() for row in rows)


def _cells(title, rows):
    def median(read, digits):
        return table.number(statistics.median(map(read, rows)), digits)

    deleted, seconds = sum(r.deleted for r in rows), sum(r.seconds for r in rows)
    return (title, str(len(rows)), median(lambda r: r.rate, 0),
            median(lambda r: r.p50_us / 1000, 2), median(lambda r: r.p99_us / 1000, 2),
            table.number(max(r.p99_us for r in rows) / 1000, 2),
            table.number(max(r.longest_us for r in rows) / 1000, 1), median(lambda r: r.cpu, 2),
            table.number(deleted, 0), table.number(deleted / seconds, 0))


def text(measured):
    """The table as Markdown."""
    heading = ("cancels", "loads", "rate/s", "p50 ms", "p99 ms", "worst p99", "longest ms", "CPUs",
               "deleted", "deleted/s")
    p99 = ratio(measured, lambda r: r.p99_us)
    lines = table.aligned([heading] + [_cells(*item) for item in measured.items()])
    lines += ["", f"p99 of cancels beside the deletion is {table.number(p99, 2)} times that "
                  f"without it, p50 {table.number(ratio(measured, lambda r: r.p50_us), 2)} times "
                  f"(medians of the loads; aim: p99 within {AIM:g} times)."]
    if wrong(measured):
        lines += ["", f"WRONG: {wrong(measured)} cancels were not answered with 200."]
    return "\n".join(lines)
