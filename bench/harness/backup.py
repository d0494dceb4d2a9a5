"""What a backup costs cancels beside it, what it makes of the store's log, and how long it takes:
open-loop cancels without it and beside it, in turns, on one store."""

import dataclasses
import json
import os
import random
import statistics
import subprocess
import time

from harness import deployment, fill, processes, run_pool, table

NAME = "backup"
RATE = 1000          # cancels a second
CONNECTIONS = 64
LOAD_SECONDS = 2     # of one load: only those that lie within a backup count
RUNNING_EVERY = 2
AIM = 1.5            # of p99

WITHOUT, BESIDE = "without", "beside a backup"


@dataclasses.dataclass(frozen=True)
class Row:
    """One load of cancels."""

    rate: float
    p50_us: float
    p99_us: float
    longest_us: float
    wrong: int           # cancels that did not end with 200


@dataclasses.dataclass(frozen=True)
class Backup:
    """What `runsctl store backup --json` says, and how long it took."""

    seconds: float
    copied_seconds: float
    gigabytes: float
    log_growth_bytes: int
    log_bytes: int


def make_row(report):
    """Makes a Row of http_load's report."""
    latency = report["latencyUs"]
    return Row(rate=report["ratePerSecond"], p50_us=latency["p50"], p99_us=latency["p99"],
               longest_us=latency["max"], wrong=deployment.unexpected(report, "200"))


def make_backup(said, seconds):
    return Backup(seconds=seconds, copied_seconds=said["copiedSeconds"], gigabytes=said["bytes"] / 1e9,
                  log_growth_bytes=said["logBytes"] - said["logBytesBefore"], log_bytes=said["logBytes"])


def step_back():
    """Within the backup's process: under `chrt -r N`, which keeps a busy machine out, the least of such
    priorities is below the server, as its own low priority is without that."""
    if os.sched_getscheduler(0) == os.SCHED_RR:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class _Measurer:
    def __init__(self, programs, folder, options, say):
        self._programs, self._options, self._say = programs, options, say
        self._target = deployment.Deployment("serve", programs, folder, options.server_option)
        self._file = os.path.join(self._target.folder, "backup.db")
        self._running = []

    def fill(self):
        self._say(f"filling a store with {self._options.runs:,} runs ...")
        fill.fill(self._target, self._options.runs, RUNNING_EVERY)
        path = os.path.join(self._target.folder, fill.RUNNING_IDS)
        self._running = list(run_pool.IdFile(path))
        random.Random(1).shuffle(self._running)
        self._target.start()
        processes.settle(self._target.pids())

    def cancels(self):
        count = RATE * LOAD_SECONDS
        if len(self._running) < count:
            raise processes.BenchError("the running runs are used up: ask for more --runs, or fewer "
                                       "--rounds")
        ids, self._running = self._running[:count], self._running[count:]
        path = self._target.write_list("cancels", [f"/v1/runs/{i}/cancel" for i in ids])
        report = self._target.load_http("POST", path, [
            "--once", "--rate", str(RATE), "--connections", str(CONNECTIONS)])
        self._target.check_alive()
        return make_row(report)

    def _show(self, title, row):
        self._say(f"{title:<16} p50 {row.p50_us / 1000:5.2f} ms  p99 {row.p99_us / 1000:6.2f} ms  "
                  f"longest {row.longest_us / 1000:6.1f} ms")

    def without(self):
        rows = [self.cancels() for _ in range(self._options.rounds)]
        for row in rows:
            self._show(WITHOUT, row)
        return rows

    def beside(self):
        """Rows of loads that lie within one backup, and the Backup."""
        command = [self._programs["runsctl"], "store", "backup", "--store",
                   f"sqlite:{self._target.database}", "--force", "--json", self._file]
        rows, begin = [], time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                              preexec_fn=step_back) as process:
            while True:
                row = self.cancels()
                if process.poll() is not None:
                    break
                rows.append(row)
                self._show(BESIDE, row)
            said, status = process.stdout.read(), process.wait()
        if status != 0:
            raise processes.BenchError(f"the backup ended with {status}")
        # As long as the last load that was within it; the next one saw its end.
        seconds = time.monotonic() - begin
        backup = make_backup(json.loads(said), seconds)
        self._say(f"a backup of {backup.gigabytes:.2f} GB: copied in {backup.copied_seconds:.1f} s, "
                  f"done within {seconds:.1f} s, the log grew by {backup.log_growth_bytes / 1e6:.1f} MB")
        return rows, backup

    def stop(self):
        self._target.stop()


def measure(programs, folder, options, say):
    """Returns {title: rows} and the backups."""
    fill.check_space(folder, 2 * options.runs, 1)
    measurer = _Measurer(programs, folder, options, say)
    measured, backups = {WITHOUT: [], BESIDE: []}, []
    try:
        measurer.fill()
        for _ in range(options.rounds):
            measured[WITHOUT] += measurer.without()
            rows, backup = measurer.beside()
            measured[BESIDE] += rows
            backups.append(backup)
        measured[WITHOUT] += measurer.without()
    finally:
        measurer.stop()
    if not measured[BESIDE]:
        raise processes.BenchError(f"no backup took {LOAD_SECONDS} s: ask for more --runs")
    return measured, backups


def ratio(measured, read):
    """The median beside a backup, divided by that without one."""
    return table.ratio(statistics.median(map(read, measured[BESIDE])),
                       statistics.median(map(read, measured[WITHOUT])))


def wrong(measured):
    """How many cancels did not end as they must."""
    return sum(row.wrong for rows in measured.values() for row in rows)


def _cells(title, rows):
    def median(read, digits):
        return table.number(statistics.median(map(read, rows)), digits)

    return (title, str(len(rows)), median(lambda r: r.rate, 0), median(lambda r: r.p50_us / 1000, 2),
            median(lambda r: r.p99_us / 1000, 2), table.number(max(r.p99_us for r in rows) / 1000, 2),
            table.number(max(r.longest_us for r in rows) / 1000, 1))


def text(measured, backups):
    """The table as Markdown."""
    heading = ("cancels", "loads", "rate/s", "p50 ms", "p99 ms", "worst p99", "longest ms")
    lines = table.aligned([heading] + [_cells(*item) for item in measured.items()])
    size = statistics.median(b.gigabytes for b in backups)
    copied = statistics.median(b.copied_seconds for b in backups)
    whole = statistics.median(b.seconds for b in backups)
    growth = max(b.log_growth_bytes for b in backups)
    lines += ["", f"p99 of cancels beside a backup is {ratio(measured, lambda r: r.p99_us):.2f} times "
                  f"that without it, p50 {ratio(measured, lambda r: r.p50_us):.2f} times (medians of "
                  f"the loads; aim: p99 within {AIM:g} times).",
              "", f"{len(backups)} backups of {size:.2f} GB: {copied / size:.1f} s/GB to copy, "
                  f"{whole / size:.1f} s/GB with the check of what was written; the log grew by at "
                  f"most {growth / 1e6:.1f} MB, to {max(b.log_bytes for b in backups) / 1e6:.1f} MB."]
    if wrong(measured):
        lines += ["", f"WRONG: {wrong(measured)} cancels were not answered with 200."]
    return "\n".join(lines)
