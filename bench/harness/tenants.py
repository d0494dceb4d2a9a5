"""What one organization that asks for ten times its limit does to another one: steady cancels of B,
alone and beside the flood of A, in one run of the server, with limits and without."""

import dataclasses
import random
import statistics
import time

from harness import background, deployment, processes, table

NAME = "tenants"
FLOODING = "flooding"  # the organization A; B is that of all cases
READS, CHANGES = 1000, 300  # a second, the limits of each organization
FACTOR = 10                 # of its limit, what A asks for
STEADY_RATE = 200           # cancels a second of B
STEADY_CONNECTIONS, FLOOD_CONNECTIONS = 16, 64
LEAD_SECONDS = 2.5          # in which A uses up what it had saved
AIM = 1.5                   # of p99

ALONE, READING, CHANGING = "alone", "beside GETs of A", "beside cancels of A"
FLOODS = {READING: ("GET", READS, "/v1/runs/{}"), CHANGING: ("POST", CHANGES, "/v1/runs/{}/cancel")}


@dataclasses.dataclass(frozen=True)
class Row:
    """One load of B's, and A's beside it."""

    p50_us: float
    p99_us: float
    longest_us: float
    cpu: float       # of the server, in processors
    served: float    # of A's, a second
    refused: float
    wrong: int       # cancels of B's that did not end with 200


def make_row(report, flood, cpu_seconds):
    """Makes a Row of http_load's reports; flood is None where A is quiet."""
    latency = report["latencyUs"]
    answers = flood["answers"] if flood else {}
    seconds = max(flood["seconds"], 1e-9) if flood else 1
    refused = answers.get("429", 0)
    return Row(p50_us=latency["p50"], p99_us=latency["p99"], longest_us=latency["max"],
               cpu=cpu_seconds / max(report["seconds"], 1e-9),
               served=(sum(answers.values()) - refused) / seconds, refused=refused / seconds,
               wrong=deployment.unexpected(report, "200"))


class _Measurer:
    def __init__(self, programs, folder, options, say):
        self._options = options
        self._say = say
        self._target = deployment.Deployment("serve", programs, folder, options.server_option)
        self._flooding = processes.run(
            [programs["runsctl"], "tokens", "create", "--store", self._target.store, "--org",
             FLOODING, "--scopes", deployment.SCOPES, "--quiet"], self._target.folder, 60).strip()
        self._each = int(options.seconds * STEADY_RATE)  # B's cancels of a load
        self._running = []
        self._target.start()
        self._ids = self._as_flooding(lambda: self._made(200))
        self._running = self._made(2 * options.rounds * (1 + len(FLOODS)) * self._each)
        self._target.stop()

    def _as_flooding(self, do):
        """Does it as A."""
        token, self._target.token = self._target.token, self._flooding
        try:
            return do()
        finally:
            self._target.token = token

    def _made(self, count):
        ids = self._target.new_ids(count)
        self._target.create_runs(ids)
        random.Random(1).shuffle(ids)
        return ids

    def start(self, with_limits):
        limits = ["--limit-reads", str(READS), "--limit-changes", str(CHANGES)]
        self._target.set_options([*self._options.server_option, *(limits if with_limits else [])])
        self._target.start()

    def stop(self):
        self._target.stop()

    def _flood(self, title):
        method, limit, path = FLOODS[title]
        targets = self._target.write_list("flood", [path.format(i) for i in self._ids])
        return background.Background(lambda: self._load_flood(method, targets, FACTOR * limit))

    def _load_flood(self, method, targets, rate):
        seconds = self._options.seconds + LEAD_SECONDS + 0.5
        return self._target.load_http(method, targets, [
            "--seconds", str(seconds), "--rate", str(rate), "--connections",
            str(FLOOD_CONNECTIONS)], token=self._flooding)

    def steady(self, title):
        """Cancels as B at its rate, beside what the title says; returns a Row."""
        ids, self._running = self._running[:self._each], self._running[self._each:]
        targets = self._target.write_list("steady", [f"/v1/runs/{i}/cancel" for i in ids])
        processes.settle(self._target.pids())
        flood = self._flood(title) if title in FLOODS else None
        if flood:
            time.sleep(LEAD_SECONDS)
        cpu = sum(map(processes.cpu_seconds, self._target.pids()))
        try:
            report = self._target.load_http("POST", targets, [
                "--once", "--rate", str(STEADY_RATE), "--connections", str(STEADY_CONNECTIONS)])
        finally:
            cpu = sum(map(processes.cpu_seconds, self._target.pids())) - cpu
            flooded = flood.result() if flood else None
        self._target.check_alive()
        row = make_row(report, flooded, cpu)
        self._say(f"{title:<20} p50 {row.p50_us / 1000:5.2f} ms  p99 {row.p99_us / 1000:6.2f} ms  "
                  f"A: {row.served:,.0f} served/s, {row.refused:,.0f} refused/s")
        return row


def measure(programs, folder, options, say):
    """Returns {with limits: {title: rows}}, each title in turn."""
    measurer = _Measurer(programs, folder, options, say)
    measured = {}
    for with_limits in (True, False):
        say("with limits:" if with_limits else "without limits:")
        measurer.start(with_limits)
        rows = {title: [] for title in (ALONE, *FLOODS)}
        try:
            for _ in range(options.rounds):
                for title, some in rows.items():
                    some.append(measurer.steady(title))
        finally:
            measurer.stop()
        measured[with_limits] = rows
    return measured


def ratio(rows, title, read):
    """The median beside the flood, divided by that alone."""
    return table.ratio(statistics.median(map(read, rows[title])),
                       statistics.median(map(read, rows[ALONE])))


def wrong(measured):
    """How many cancels of B's did not end as they must."""
    return sum(row.wrong for rows in measured.values() for some in rows.values() for row in some)


def _cells(with_limits, title, rows):
    def median(read, digits):
        return table.number(statistics.median(map(read, rows[title])), digits)

    return ("on" if with_limits else "off", title, median(lambda r: r.p50_us / 1000, 2),
            median(lambda r: r.p99_us / 1000, 2),
            table.number(max(r.longest_us for r in rows[title]) / 1000, 1),
            table.number(ratio(rows, title, lambda r: r.p99_us), 2), median(lambda r: r.cpu, 2),
            median(lambda r: r.served, 0), median(lambda r: r.refused, 0))


def text(measured):
    """The table as Markdown."""
    heading = ("limits", "cancels of B", "p50 ms", "p99 ms", "longest ms", "p99 / alone", "CPUs",
               "A served/s", "A refused/s")
    lines = table.aligned([heading] + [
        _cells(with_limits, title, rows)
        for with_limits, rows in measured.items() for title in rows])
    lines += ["", f"A asks for {FACTOR} times its limits of {READS:,} reads and {CHANGES:,} changes a "
                  f"second; B cancels {STEADY_RATE} a second (medians of the loads; aim with limits: "
                  f"p99 within {AIM:g} times)."]
    if wrong(measured):
        lines += ["", f"WRONG: {wrong(measured)} cancels of B were not answered with 200."]
    return "\n".join(lines)
