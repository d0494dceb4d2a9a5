"""Watchers of the feed: how soon each is told of each change, what that costs, and what watchers
that wait take; beside etcd's, by the same client."""

import dataclasses
import json
import shutil
import socket
import statistics

from harness import deployment, etcd, overload, processes, table

NAME = "watch"
PATIENCE_SECONDS = 30
TIMEOUT_SECONDS = 300
OURS, PEER, FLOOR = "runsd", "etcd", "rpc/ alone"
ADMIN_SCOPE = "tokens.admin"
SPARE_FILES = 200


@dataclasses.dataclass(frozen=True)
class Scenario:
    """Who watches what, and how much happens."""

    name: str
    title: str
    groups: int
    watchers: int
    connections: int
    rate: float            # changes a second, in all
    p99_ms: float = None   # aim, since the acknowledgement
    kib: float = None      # aim, resident memory of a watcher
    cpu_ratio: float = None  # aim, of etcd's CPU for a delivery

    def changes(self, seconds):
        return max(1, int(self.rate * seconds))


SCENARIOS = (
    Scenario("a", "1,000 organizations, one watcher and connection each; 2,000 changes/s",
             1000, 1000, 1000, 2000, p99_ms=5),
    Scenario("b", "one organization, 1,000 watchers on 20 connections; 100 changes/s",
             1, 1000, 20, 100, p99_ms=15, cpu_ratio=0.7),
    Scenario("c", "one organization, 10,000 watchers on 40 connections; 10 changes/s",
             1, 10000, 40, 10, p99_ms=50, kib=16),
)
# What the cancels themselves cost, without and with a watcher: ours alone.
ALONE = Scenario("0", "nobody watches; 2,000 changes/s", 1, 0, 1, 2000)
WATCHED = Scenario("1", "one watcher; 2,000 changes/s", 1, 1, 1, 2000)

# What a report counts that must not be.
WRONGS = ("failedChanges", "lost", "duplicated", "disordered", "foreign", "unreadable", "ended")


@dataclasses.dataclass(frozen=True)
class Row:
    """One run of the load."""

    deliveries: int
    rate: float        # deliveries a second
    cpu_us: float      # of the server for a delivery, the changes included; None: none was read
    change_us: float   # of the server for a change, all included
    load_us: float     # the generator's own for a delivery
    ack_us: tuple      # p50, p99, max since the change's acknowledgement
    sent_us: tuple     # the same since its sending
    kib: float         # resident memory of a watcher, when all are open
    kib_after: float   # and at the end
    wrong: dict        # what WRONGS counted, where it is not 0


def make_row(report):
    """Makes a Row of a report of watch_load."""
    deliveries = report["deliveries"]
    watchers = report["watchers"]

    def share(total, count):
        return total / count if count else None

    def latency(name):
        return tuple(report[name][key] for key in ("p50", "p99", "max"))

    def memory(name):
        return share((report[name] - report["rssBeforeBytes"]) / 1024, watchers)

    return Row(
        deliveries=deliveries, rate=deliveries / max(report["seconds"], 1e-9),
        cpu_us=share(report["serverCpuNs"] / 1e3, deliveries),
        change_us=share(report["serverCpuNs"] / 1e3, report["changes"]),
        load_us=share(report["ownCpuNs"] / 1e3, deliveries),
        ack_us=latency("sinceAckUs"), sent_us=latency("sinceSentUs"),
        kib=memory("rssOpenBytes"), kib_after=memory("rssAfterBytes"),
        wrong={name: report[name] for name in WRONGS if report[name]})


class Runsd(deployment.Deployment):
    """runsd by itself over an empty store."""

    service = "runs"

    def __init__(self, programs, folder, server_options):
        super().__init__("watched", programs, folder, server_options)

    def make_store(self):
        super().make_store()
        self.token = processes.run(
            [self.programs["runsctl"], "tokens", "create", "--store", self.store, "--org",
             deployment.ORGANIZATION, "--scopes", ADMIN_SCOPE, "--quiet"], self.folder, 60).strip()

    def start(self):
        server = self._start("runsd", [
            self.programs["runsd"], "--listen", self.grpc, "--listen", self.tcp, "--store",
            self.store, "--log-level", "warn"] + self._server_options)
        self._wait_for_grpc(server)

    @property
    def pid(self):
        return self.servers["runsd"].pid

    def stop(self):
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class StreamServer:
    """What rpc/ and gRPC core cost by themselves: bench/stream_server.c."""

    service = "runs"
    token = "0"

    def __init__(self, programs, folder):
        self._program = programs["stream_server"]
        self._folder = folder
        self._server = None
        self.tcp = f"127.0.0.1:{processes.free_port()}"

    def start(self):
        self._server = processes.Process("stream_server", [self._program, self.tcp], self._folder)
        host, port = self.tcp.split(":")
        processes.wait_until_listening(self._server, socket.AF_INET, (host, int(port)))

    @property
    def pid(self):
        return self._server.pid

    def stop(self):
        if self._server is not None:
            self._server.stop()


def _target(side, programs, folder, options):
    if side == OURS:
        return Runsd(programs, folder, options.server_option)
    return etcd.Etcd(folder) if side == PEER else StreamServer(programs, folder)


def _load(program, target, scenario, changes, folder):
    token = ["--token", target.token] if target.token else []
    return json.loads(processes.run(
        [program, "--connect", target.tcp, "--service", target.service, "--server-pid",
         str(target.pid), "--groups", str(scenario.groups), "--watchers", str(scenario.watchers),
         "--connections", str(scenario.connections), "--rate", str(scenario.rate), "--changes",
         str(changes), "--patience", str(PATIENCE_SECONDS)] + token, folder, TIMEOUT_SECONDS))


def _measure_one(side, scenario, programs, folder, options):
    """A server that was just started, so that its memory is that of its watchers."""
    target = _target(side, programs, folder, options)
    try:
        target.start()
        return make_row(_load(programs["watch_load"], target, scenario,
                              scenario.changes(options.seconds), folder))
    finally:
        target.stop()


def plan(with_peer, number):
    """What is measured in a round, in order: (scenario, side). Who is first takes turns."""
    sides = ([OURS, PEER] if number % 2 else [PEER, OURS]) if with_peer else [OURS]
    sides.append(FLOOR)
    steps = [(scenario, side) for scenario in SCENARIOS for side in sides]
    pair = [(ALONE, OURS), (WATCHED, OURS)]
    return steps + (pair if number % 2 else pair[::-1])


def measure(programs, folder, options, say):
    """Returns {(scenario, side): [Row of each round]}."""
    overload.raise_open_files(max(s.connections for s in SCENARIOS) + SPARE_FILES)
    rows = {}
    for number in range(1, options.rounds + 1):
        for scenario, side in plan(options.peer != etcd.NONE, number):
            row = _measure_one(side, scenario, programs, folder, options)
            rows.setdefault((scenario, side), []).append(row)
            say(f"round {number} of {options.rounds}  watch {scenario.name} ({side})  "
                f"{row.rate:>9,.0f}/s  {table.number(row.cpu_us, 2)} µs CPU  "
                f"p99 {row.ack_us[1] / 1000:.1f} ms" + (f"  WRONG {row.wrong}" if row.wrong else ""))
    return rows


# --- what is printed ---

def _median(rows, read):
    values = [read(row) for row in rows]
    return None if None in values else statistics.median(values)


def _trio(rows, read):
    """Medians of p50 and p99, and the longest of all."""
    return (f"{_median(rows, lambda r: read(r)[0]) / 1000:.1f}, "
            f"{_median(rows, lambda r: read(r)[1]) / 1000:.1f}, "
            f"{max(read(r)[2] for r in rows) / 1000:.1f}")


def _ratio(ours, theirs, read):
    """The median of the rounds' ratios."""
    values = [table.ratio(read(a), read(b)) for a, b in zip(ours, theirs)]
    return None if not values or None in values else statistics.median(values)


def _cells(scenario, side, rows, measured):
    peer = measured.get((scenario, PEER))
    ratio = None
    if side == OURS and peer:
        ratio = _ratio(rows, peer, lambda r: r.cpu_us)
    return (scenario.name, side, table.number(_median(rows, lambda r: r.rate), 0),
            table.number(_median(rows, lambda r: r.cpu_us), 2), table.number(ratio, 2),
            _trio(rows, lambda r: r.ack_us), _trio(rows, lambda r: r.sent_us),
            table.number(_median(rows, lambda r: r.kib), 1),
            table.number(_median(rows, lambda r: r.kib_after), 1),
            table.number(_median(rows, lambda r: r.load_us), 2))


def missed(measured):
    """Lines that name the aims that were missed."""
    result = []
    for scenario in SCENARIOS:
        rows = measured[(scenario, OURS)]
        peer = measured.get((scenario, PEER))
        p99_ms = _median(rows, lambda r: r.ack_us[1]) / 1000
        if scenario.p99_ms and p99_ms > scenario.p99_ms:
            result.append(f"{scenario.name}: p99 {p99_ms:.1f} ms, aim {scenario.p99_ms:g}")
        if scenario.kib and _median(rows, lambda r: r.kib) > scenario.kib:
            result.append(f"{scenario.name}: {_median(rows, lambda r: r.kib):.1f} KiB a watcher, "
                          f"aim {scenario.kib:g}")
        ratio = _ratio(rows, peer, lambda r: r.cpu_us) if scenario.cpu_ratio and peer else None
        if ratio is not None and ratio > scenario.cpu_ratio:
            result.append(f"{scenario.name}: {ratio:.2f} of {PEER}'s CPU for a delivery, aim "
                          f"{scenario.cpu_ratio:g}")
    return result


def wrong(measured):
    """Lines that name what was lost, told twice and so on, in any run."""
    return [f"{scenario.name} ({side}): " + ", ".join(f"{n} {k}" for k, n in row.wrong.items())
            for (scenario, side), rows in measured.items() for row in rows if row.wrong]


def text(measured):
    """The tables as Markdown."""
    heading = ("case", "server", "deliveries/s", "CPU µs", "/ etcd", "since reply ms",
               "since sent ms", "KiB", "after", "load µs")
    rows = [_cells(scenario, side, measured[(scenario, side)], measured)
            for scenario in SCENARIOS for side in (OURS, PEER, FLOOR) if (scenario, side) in measured]
    lines = [f"- {s.name}: {s.title}" for s in SCENARIOS] + [""]
    lines += table.aligned([heading] + rows, left=2)
    alone, watched = measured[(ALONE, OURS)], measured[(WATCHED, OURS)]
    before, after = (_median(r, lambda row: row.change_us) for r in (alone, watched))
    lines += ["", f"A cancel over gRPC, 2,000 a second, with one watcher of its organization: "
                  f"{after:.1f} µs of the server's CPU instead of {before:.1f} without, "
                  f"{after - before:+.1f} µs (medians)."]
    for title, problems in (("Aims that were missed: ", missed(measured)),
                            ("WRONG: ", wrong(measured))):
        if problems:
            lines += ["", title + "; ".join(problems) + "."]
    return "\n".join(lines)
