"""Hours of mixed load on one process: what becomes of its memory and its latency."""

import dataclasses
import json
import os
import shutil
import statistics
import time

from harness import background, deployment, processes, svg_plot, table

# Requests a second of each kind, at scale 1: about a third of what two cores can do.
CANCELS = 1000
READS = 4000
MISSES = 250      # cancels of no run: 404
CONFLICTS = 250   # cancels of finished runs: 409
GRPC_READS = 500
WINDOWS = 360
LEAST_WINDOW_SECONDS, LONGEST_WINDOW_SECONDS = 2, 10
LEAST_SECONDS = 4 * LEAST_WINDOW_SECONDS
KEPT_RUNS = 10000       # that are read
SEED_OUTSTANDING = 8    # so that making runs is no flood of its own
BYTES_OF_A_RUN = 1900   # in the database, with its events and indexes
SPARE_BYTES = 2 << 30
TABLE_ROWS = 10


@dataclasses.dataclass(frozen=True)
class Window:
    """What a few seconds of load saw."""

    seconds: float  # since the start, at its end
    requests: int
    rate: float
    cancel_p50_us: float
    cancel_p99_us: float
    read_p99_us: float
    cpu_us: float   # of the server, a request
    rss_kib: int
    database_bytes: int
    wal_bytes: int
    wrong: int


def window_seconds(seconds):
    return min(max(seconds / WINDOWS, LEAST_WINDOW_SECONDS), LONGEST_WINDOW_SECONDS)


def disk_bytes(seconds, scale):
    """What the store will take."""
    return int(seconds * CANCELS * scale + 2 * KEPT_RUNS) * BYTES_OF_A_RUN


def check_disk(folder, seconds, scale):
    free = shutil.disk_usage(folder).free
    needed = disk_bytes(seconds, scale) + SPARE_BYTES
    if free < needed:
        raise processes.BenchError(
            f"--soak {seconds:g} needs {needed / 2**30:.1f} GiB of disk for its runs, there are "
            f"{free / 2**30:.1f} GiB; shorten it or give a smaller --soak-scale")


def slope(points):
    """Least squares: by how much y grows as x grows by 1; 0 for fewer than two points."""
    if len(points) < 2:
        return 0.0
    mean_x = statistics.fmean(x for x, _ in points)
    mean_y = statistics.fmean(y for _, y in points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread == 0:
        return 0.0
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class Soak:
    """Puts load on a deployment, window by window."""

    def __init__(self, target, seconds, scale, connections):
        self._target = target
        self._window = window_seconds(seconds)
        self._seconds = seconds
        self._scale = scale
        self._connections = connections
        self._reads = self._misses = self._conflicts = self._grpc = None

    def _list(self, name, ids, path="%s"):
        return self._target.write_list("soak-" + name, [path % i for i in ids])

    def prepare(self):
        target = self._target
        kept, finished = target.new_ids(KEPT_RUNS), target.new_ids(1000)
        target.create_runs(kept + finished)
        target.cancel_runs(finished)
        self._reads = self._list("reads", kept, "/v1/runs/%s")
        self._grpc = self._list("grpc", kept)
        self._conflicts = self._list("conflicts", finished, "/v1/runs/%s/cancel")
        self._misses = self._list("misses", target.new_ids(1000), "/v1/runs/%s/cancel")

    def _make_runs(self):
        """Makes what the next window cancels; returns the ids."""
        ids = self._target.new_ids(max(int(CANCELS * self._scale * self._window), 1))
        report = self._target.load_grpc("CreateRun", self._list("new", ids), [
            "--once", "--outstanding", str(SEED_OUTSTANDING)])
        deployment.expect_all(report, "OK", "CreateRun")
        return ids

    def _http(self, method, targets, rate, share, once=False):
        options = ["--rate", str(rate * self._scale), "--seconds", str(self._window),
                   "--connections", str(max(int(self._connections * share), 1))]
        return background.Background(lambda: self._target.load_http(
            method, targets, options + (["--once"] if once else [])))

    def _measure(self, ids, begin):
        """One window; returns it and the ids for the next one."""
        pids = self._target.pids()
        cpu = sum(map(processes.cpu_seconds, pids))
        cancels = self._list("cancels", ids, "/v1/runs/%s/cancel")
        grpc_reads = max(int(GRPC_READS * self._scale * self._window), 1)
        loads = (
            ("200", self._http("POST", cancels, CANCELS, 1 / 4, once=True)),
            ("200", self._http("GET", self._reads, READS, 1 / 2)),
            ("404", self._http("POST", self._misses, MISSES, 1 / 8)),
            ("409", self._http("POST", self._conflicts, CONFLICTS, 1 / 8)),
            ("OK", background.Background(lambda: self._target.load_grpc(
                "GetRun", self._grpc, ["--count", str(grpc_reads), "--outstanding", "4"]))),
        )
        following = background.Background(self._make_runs)
        reports = [(answer, load.result()) for answer, load in loads]
        next_ids = following.result()
        self._target.check_alive()
        requests = sum(report["requests"] for _, report in reports) + len(next_ids)
        store = self._target.database
        return Window(
            seconds=time.monotonic() - begin, requests=requests,
            rate=sum(report["ratePerSecond"] for _, report in reports[:-1]),
            cancel_p50_us=reports[0][1]["latencyUs"]["p50"],
            cancel_p99_us=reports[0][1]["latencyUs"]["p99"],
            read_p99_us=reports[1][1]["latencyUs"]["p99"],
            cpu_us=(sum(map(processes.cpu_seconds, pids)) - cpu) * 1e6 / requests,
            rss_kib=sum(map(processes.rss_kib, pids)), database_bytes=_size(store),
            wal_bytes=_size(store + "-wal"),
            wrong=sum(deployment.unexpected(report, answer) for answer, report in reports)), next_ids

    def windows(self):
        """Yields the windows as they end."""
        ids = self._make_runs()
        begin = time.monotonic()
        while time.monotonic() - begin < self._seconds:
            window, ids = self._measure(ids, begin)
            yield window


# --- what it says ---


def steady(windows):
    """Those after the warm-up, the first tenth."""
    return windows[len(windows) // 10:]


def rss_slope_kib_per_hour(windows):
    return slope([(w.seconds / 3600, w.rss_kib) for w in steady(windows)])


def verdict(windows):
    """Lines that sum up."""
    later = steady(windows)
    quarter = max(len(windows) // 4, 1)
    first, last = windows[:quarter], windows[-quarter:]

    def p99(of, field):
        return statistics.median(getattr(w, field) for w in of) / 1000

    lines = [
        f"{sum(w.requests for w in windows):,} requests in {windows[-1].seconds:,.0f} s, "
        f"{sum(w.wrong for w in windows):,} wrong answers.",
        f"Resident memory after the warm-up: {later[0].rss_kib / 1024:.1f} MiB, at the end "
        f"{later[-1].rss_kib / 1024:.1f} MiB, slope {rss_slope_kib_per_hour(windows):+,.0f} KiB "
        "an hour.",
    ]
    for what, field in (("cancels", "cancel_p99_us"), ("GETs", "read_p99_us")):
        lines.append(f"p99 of {what}, first quarter against last: {p99(first, field):.1f} ms, "
                     f"{p99(last, field):.1f} ms.")
    lines.append(f"The write-ahead log was {max(w.wal_bytes for w in windows) / 2**20:.0f} MiB at "
                 f"most, the database is {windows[-1].database_bytes / 2**20:,.0f} MiB.")
    return lines


def table_lines(windows):
    """Some windows from the first to the last."""
    count = min(TABLE_ROWS, len(windows))
    chosen = sorted({round(i * (len(windows) - 1) / max(count - 1, 1)) for i in range(count)})
    rows = [("s", "rate/s", "cancel p50 ms", "p99 ms", "GET p99 ms", "CPU µs", "RSS MiB", "WAL MiB",
             "wrong")]
    for w in (windows[i] for i in chosen):
        rows.append((
            table.number(w.seconds, 0), table.number(w.rate, 0),
            table.number(w.cancel_p50_us / 1000, 2), table.number(w.cancel_p99_us / 1000, 2),
            table.number(w.read_p99_us / 1000, 2), table.number(w.cpu_us),
            table.number(w.rss_kib / 1024), table.number(w.wal_bytes / 2**20, 0),
            table.number(w.wrong, 0)))
    return table.aligned(rows, left=0)


def svg(windows):
    def line(read):
        return [(w.seconds / 60, read(w)) for w in windows]

    return svg_plot.render(
        "Soak of runsctl serve: memory and latency over time", "minutes", [
            svg_plot.Panel("MiB", {
                "resident memory": line(lambda w: w.rss_kib / 1024),
                "write-ahead log": line(lambda w: w.wal_bytes / 2**20)}),
            svg_plot.Panel("ms", {
                "p99 of cancels": line(lambda w: w.cancel_p99_us / 1000),
                "p99 of GETs": line(lambda w: w.read_p99_us / 1000)}),
        ])


def raw(windows):
    """A line of JSON for each window."""
    return "".join(json.dumps(dataclasses.asdict(w)) + "\n" for w in windows)
