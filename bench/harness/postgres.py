"""The store in PostgreSQL beside pgbench, which does the same to a table by one statement each, and
beside our own store in SQLite: in turns, in one run, on one server of the bench's own."""

import dataclasses
import os
import statistics

from harness import (cases, deployment, filled_target, pgbench, postgres_server, postgres_store,
                     processes, table)

NAME = "postgres"
ORGANIZATIONS = 1000
USUAL_RATE = 20000  # cancels a second of a quick machine, so that there are runs enough
USUAL_RATE_OF_ONE = 5000
RESERVE = 1.5
# That nobody counts: servers connect, and each of PostgreSQL's processes maps each page that it
# touches first, which costs as much as what it does there.
FIRST_REQUESTS = 5000

# What is measured.
UPDATE, SELECT, UPDATE_1 = "pgbench UPDATE", "pgbench SELECT", "pgbench UPDATE, 1 client"
CANCEL, GET, CANCEL_1 = "cancel", "GET", "cancel, 1 connection"
SQLITE = "cancel over SQLite"
ONE_SERVER = "cancel, 1,000 organizations, 1 server"
TWO_SERVERS = "cancel, 1,000 organizations, 2 servers"
ALL = (UPDATE, CANCEL, SELECT, GET, UPDATE_1, CANCEL_1, SQLITE, ONE_SERVER, TWO_SERVERS)


@dataclasses.dataclass(frozen=True)
class Row:
    """One round of one."""

    rate: float              # a second
    postgres_us: float       # PostgreSQL's CPU for each
    runsd_us: float = None   # the CPU of all runsd for each
    gateway_us: float = None
    p99_us: float = None
    batch: float = None      # cancels in one transaction
    wrong: int = 0           # that did not end as they must


# (what, of which, to which, by what, aim, whether more is better)
AIMS = (
    ("cancels/s", CANCEL, UPDATE, "rate", 1.8, True),
    ("PostgreSQL's CPU for a cancel", CANCEL, UPDATE, "postgres_us", 0.3, False),
    ("runsd's CPU for a cancel, to that over SQLite", CANCEL, SQLITE, "runsd_us", 1.5, False),
    ("PostgreSQL's CPU for a GET", GET, SELECT, "postgres_us", 0.5, False),
    ("cancels/s, one client", CANCEL_1, UPDATE_1, "rate", 0.8, True),
    ("cancels/s, two servers to one", TWO_SERVERS, ONE_SERVER, "rate", 1.2, True),
)


class _Usage:
    """What PostgreSQL and processes use from here on."""

    def __init__(self, server, **pids):
        self._server = server
        self._pids = pids
        self._before = self._read()

    def _read(self):
        return {NAME: self._server.cpu_seconds(),
                **{name: sum(map(processes.cpu_seconds, pids)) for name, pids in self._pids.items()}}

    def us(self, count):
        """{name: µs for each of count}."""
        now = self._read()
        return {name: (value - self._before[name]) * 1e6 / max(count, 1)
                for name, value in now.items()}


class _Measurer:
    def __init__(self, programs, folder, options, say):
        self._options = options
        self._say = say
        self._filled = None
        self._stores = []
        self._server = postgres_server.PostgresServer()
        try:
            self._make(programs, folder)
        except BaseException:
            self.stop()
            raise

    def _make(self, programs, folder):
        options = self._options
        self._say(f"filling PostgreSQL with {options.runs:,} runs, three times ...")
        self._peer = pgbench.Pgbench(self._server, options.runs, options.connections)
        for name, organizations in (("one", 1), ("many", ORGANIZATIONS)):
            self._stores.append(postgres_store.PostgresStore(
                name, programs, folder, self._server, options.runs, organizations,
                options.server_option))
        self._filled = filled_target.FilledTarget(
            deployment.Deployment("apart", programs, folder, options.server_option), options.runs,
            2, self._say)
        self._server.checkpoint()
        for renewed in (self._peer, *self._stores):
            renewed.renew()
        self._filled.start()
        self._sqlite = cases.Runner({"apart": self._filled}, options.seconds, options.connections)

    def stop(self):
        for store in self._stores:
            store.stop()
        if self._filled:
            self._filled.target.stop()
        self._server.stop()

    # --- pgbench ---

    def _connecting_seconds(self, clients):
        """PostgreSQL's CPU for so many clients that connect and do nothing."""
        before = self._server.cpu_seconds()
        self._peer.connect(clients)
        return self._server.cpu_seconds() - before

    def _pgbench(self, do, clients):
        seconds = max(1, round(self._options.seconds))
        connecting = self._connecting_seconds(clients)
        usage = _Usage(self._server)
        done, rate = do(clients, seconds)
        used = usage.us(done)[NAME] - connecting * 1e6 / done
        return done, Row(rate, used)

    def _update(self, clients):
        before = self._peer.updated()
        done, row = self._pgbench(self._peer.update, clients)
        return dataclasses.replace(row, wrong=done - (self._peer.updated() - before))

    # --- ours ---

    def _load(self, store, servers, connections, do):
        """Measures what do does with so many servers."""
        store.start_servers(servers)
        try:
            do(["--connections", str(self._options.connections), "--count", str(FIRST_REQUESTS)])
            processes.settle(store.pids())
            transactions = store.transactions()
            usage = _Usage(self._server, runsd=store.runsd_pids(),
                           gateway=[store.servers["runs-gateway"].pid])
            report = do(["--seconds", str(self._options.seconds), "--connections",
                         str(connections)])
            us = usage.us(report["requests"])
            transactions = store.transactions() - transactions
            store.check_alive()
        finally:
            store.stop()
        return Row(report["ratePerSecond"], us[NAME], us["runsd"], us["gateway"],
                   report["latencyUs"]["p99"], table.ratio(report["requests"], transactions),
                   deployment.unexpected(report, "200"))

    def _cancel(self, store, servers=1, connections=None):
        connections = connections or self._options.connections
        usual = USUAL_RATE if connections > 1 else USUAL_RATE_OF_ONE
        count = max(int(usual * self._options.seconds * RESERVE), FIRST_REQUESTS)
        return self._load(store, servers, connections, lambda options: store.cancel(count, options))

    def _over_sqlite(self):
        measured = self._sqlite.measure(cases.Case(
            SQLITE, SQLITE, "apart", "http", "POST", cases.CANCEL, "fresh", "200",
            servers=("runsd",)))
        return Row(measured.rate, None, measured.cpu_us, None, measured.p99_us,
                   wrong=measured.wrong)

    # --- rounds ---

    def _renew(self):
        """Before a round: all have runs enough."""
        seconds, many = self._options.seconds, self._options.connections
        if not (self._peer.has(many, USUAL_RATE * seconds)
                and self._peer.has(1, USUAL_RATE_OF_ONE * seconds)):
            self._peer.renew()
        for store in self._stores:
            if store.left() < 2 * (USUAL_RATE * seconds + FIRST_REQUESTS):
                store.renew()

    def _measure(self, what):
        one, many = self._stores
        connections = self._options.connections
        return {
            UPDATE: lambda: self._update(connections),
            SELECT: lambda: self._pgbench(self._peer.select, connections)[1],
            UPDATE_1: lambda: self._update(1),
            CANCEL: lambda: self._cancel(one),
            GET: lambda: self._load(one, 1, connections, one.get),
            CANCEL_1: lambda: self._cancel(one, connections=1),
            SQLITE: self._over_sqlite,
            ONE_SERVER: lambda: self._cancel(many),
            TWO_SERVERS: lambda: self._cancel(many, servers=2),
        }[what]()

    def round(self, number, rows):
        self._renew()
        # Who comes first finds the machine as the others did not: they take turns.
        for what in (ALL if number % 2 == 1 else ALL[::-1]):
            row = self._measure(what)
            rows.setdefault(what, []).append(row)
            self._say(f"round {number} of {self._options.rounds}  {what:<38} {row.rate:>9,.0f}/s  "
                      f"PostgreSQL {table.number(row.postgres_us)} µs  runsd "
                      f"{table.number(row.runsd_us)} µs")


def check_space(runs):
    """Raises BenchError unless the cluster fits on its disk."""
    # Three databases and their copies, and the log.
    needed = 6 * runs * 3000 + 9 * 2**30
    status = os.statvfs(postgres_server.FOLDER)
    free = status.f_bavail * status.f_frsize
    if needed > free:
        raise processes.BenchError(f"--store postgres --runs {runs} needs {needed / 2**30:.1f} GiB in "
                                   f"{postgres_server.FOLDER}, which has {free / 2**30:.1f} free")


def measure(programs, folder, options, say):
    """Returns {what: rows}."""
    check_space(options.runs)
    measurer = _Measurer(programs, folder, options, say)
    rows = {}
    try:
        for number in range(1, options.rounds + 1):
            measurer.round(number, rows)
    finally:
        measurer.stop()
    return rows


def ratio(rows, of, to, field):
    """The median of the rounds' ratios, whose two measurements the machine treated alike."""
    values = [table.ratio(getattr(a, field), getattr(b, field)) for a, b in zip(rows[of], rows[to])]
    return None if not values or None in values else statistics.median(values)


def wrong(rows):
    """How many requests and statements did not end as they must."""
    return sum(row.wrong for some in rows.values() for row in some)


def _aim_cells(rows, aim):
    what, of, to, field, wanted, is_more_better = aim
    value = ratio(rows, of, to, field)
    reached = value is not None and (value >= wanted if is_more_better else value <= wanted)
    return (what, table.number(value, 2), f"{'at least' if is_more_better else 'at most'} {wanted:g}",
            "yes" if reached else "NO")


def _median_cells(rows, what):
    def median(field, digits=1, divisor=1):
        value = table.median(rows[what], field)
        return table.number(None if value is None else value / divisor, digits)

    return (what, median("rate", 0), median("postgres_us"), median("runsd_us"),
            median("gateway_us"), median("p99_us", 1, 1000), median("batch"))


def text(rows):
    """Both tables as Markdown."""
    heading = ("what", "rate/s", "PostgreSQL µs", "runsd µs", "gateway µs", "p99 ms", "batch")
    lines = table.aligned([heading] + [_median_cells(rows, what) for what in ALL])
    lines += ["", "CPU µs for each, and cancels in one transaction; medians of the rounds.", ""]
    lines += table.aligned([("ratio", "measured", "aim", "reached")]
                           + [_aim_cells(rows, aim) for aim in AIMS])
    lines += ["", "Ours to pgbench's where nothing else is said; medians of the rounds' ratios."]
    if wrong(rows):
        lines += ["", f"WRONG: {wrong(rows)} requests or statements did not end as they must."]
    return "\n".join(lines)
