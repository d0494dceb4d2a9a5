"""All that one benchmark measured, as text."""

import os
import platform
import re
import statistics

from harness import bulk, gateway, overload, start, table, versus

PAGE_BYTES = 4096


class Limits:
    """What the parts reached; lists hold one entry for each round."""

    def __init__(self):
        self.echo = []
        self.append_sync = []
        self.overwrite_sync = []
        self.rpc = {}
        self.storage = {}
        self.transcoding = {}
        self.idle_connection_kib = None

    def echo_median(self, read):
        return statistics.median(read(report) for report in self.echo)

    def echo_cpu_us(self):
        return self.echo_median(lambda r: r["cpuUs"])

    def sync_p50_us(self):
        return statistics.median(r["latencyUs"]["p50"] for r in self.append_sync)

    def rpc_cpu_us(self, case):
        """CPU of one call: in-process, or a server's half of one over unix."""
        if case.where == "serve" and case.protocol == "http":
            # HTTP and its calls share a thread there.
            part = self.rpc.get(("in-process, local loop", "at once"))
            return part and part[1]
        part = self.rpc.get(("unix socket", "at once"))
        if part is None:
            return None
        return part[1] / 2 if case.protocol == "grpc" else part[1]

    def storage_cpu_us(self, case):
        """CPU of the store's work for one request; None where it does none that
        was measured."""
        part = self.storage.get({"fresh": "cancel", "existing": "get"}.get(case.runs))
        return part and part[1]

    def rows(self):
        rows = [("part", "rate/s", "p50 ms", "p99 ms", "CPU µs")]
        rows.append((
            "HTTP echo, 1.5 kB (libmicrohttpd)",
            table.number(self.echo_median(lambda r: r["ratePerSecond"]), 0),
            table.number(self.echo_median(lambda r: r["latencyUs"]["p50"]) / 1000, 2),
            table.number(self.echo_median(lambda r: r["latencyUs"]["p99"]) / 1000, 2),
            table.number(self.echo_cpu_us())))
        for (transport, answered), (rate, cpu) in self.rpc.items():
            rows.append((f"gRPC call, {transport}, answered {answered}, both sides",
                         table.number(rate, 0), "-", "-", table.number(cpu)))
        for name, (rate, cpu) in self.storage.items():
            rows.append((f"SQLite store, {name}", table.number(rate, 0), "-", "-", table.number(cpu)))
        for name, reports in (("fdatasync, appending 4 KiB", self.append_sync),
                              ("fdatasync, overwriting 4 KiB", self.overwrite_sync)):
            rows.append((name,) + tuple(
                table.number(statistics.median(read(r) for r in reports), digits)
                for read, digits in ((lambda r: r["syncsPerSecond"], 0),
                                     (lambda r: r["latencyUs"]["p50"] / 1000, 2),
                                     (lambda r: r["latencyUs"]["p99"] / 1000, 2))) + ("-",))
        return rows


class Results:
    """The measurements of all cases and what they are held against."""

    def __init__(self, connections):
        self.limits = Limits()
        self.runs = 0      # in each store before the first case
        self.every = 1     # every so manieth of them running
        self.rss_mib = {}  # server -> (largest after a case, peak)
        self.overload = []  # rows
        self.bulk = []     # rows
        self.starts = {}   # title of the programs, "" for ours -> rows
        self._connections = connections
        self._measured = {}  # case -> measurements
        self._others = {}  # title -> {case: measurements}, of other programs

    def add(self, case, measurement):
        self._measured.setdefault(case, []).append(measurement)

    def add_other(self, title, case, measurement):
        """Adds what other programs than ours reached in a case."""
        self._others.setdefault(title, {}).setdefault(case, []).append(measurement)

    def rate(self, name):
        """The median rate of the case with the name."""
        return next(table.median(m, "rate") for c, m in self._measured.items() if c.name == name)

    def _sides(self):
        return (("", self._measured), *self._others.items())

    def wrong(self):
        """How many requests did not end as they should."""
        return overload.wrong(self.overload) + bulk.wrong(self.bulk) + sum(
            m.wrong for _, side in self._sides()
            for measurements in side.values() for m in measurements)

    def _case_row(self, case, measurements):
        def median(field):
            return table.median(measurements, field)

        cpu = median("cpu_us")
        storage = self.limits.storage_cpu_us(case)
        rpc = self.limits.rpc_cpu_us(case)
        echo = self.limits.echo_cpu_us() if case.protocol == "http" else None
        needed = [part for part in (echo, rpc, storage) if part]
        alone = case.one_connection and case.runs == "fresh"
        return (
            case.name, case.title, str(1 if case.one_connection else self._connections),
            table.number(median("rate"), 0), table.number(median("p50_us") / 1000, 2),
            table.number(median("p99_us") / 1000, 2),
            table.number(max(m.longest_us for m in measurements) / 1000),
            table.number(cpu),
            table.number(table.ratio(cpu, echo)), table.number(table.ratio(cpu, rpc)),
            table.number(table.ratio(cpu, storage)), table.number(table.ratio(cpu, sum(needed))),
            table.number(table.ratio(median("p50_us"), self.limits.sync_p50_us()) if alone
                         else None, 2),
            table.number(median("generator_cpu_us")))

    def _store_lines(self):
        rows = [_store_row(f"{case.name} ({title})" if title else case.name, rounds)
                for title, measured in self._sides() for case, rounds in measured.items()
                if rounds[0].batch is not None or rounds[0].read_bytes is not None]
        if not rows:
            return []
        heading = ("the store", "batch", "log pages", "log bytes", "written", "page reads",
                   "longest pause ms")
        lines = ["", "What the store did for one request:", ""]
        return lines + table.aligned([heading] + rows)

    def _notes(self):
        """What must be known of single cases."""
        lines = []
        for title, measured in self._sides():
            for case, rounds in measured.items():
                short = sum(m.short for m in rounds)
                unseen = sum(m.log_unseen for m in rounds)
                name = f"{case.name} ({title})" if title else case.name
                if short:
                    lines.append(f"- {name}: in {short} of {len(rounds)} rounds all runs were "
                                 "cancelled before the time was over.")
                if unseen:
                    lines.append(f"- {name}: the log began anew {unseen} times before its end was "
                                 "seen; there it may have had more pages.")
        return [""] + lines if lines else []

    def _size_line(self):
        return (f"Each store held {self.runs:,} runs, every {_ordinal(self.every)} of them "
                f"running: {self.runs // self.every:,}.")

    def _wrong_lines(self):
        lines = ["", f"WRONG: {self.wrong()} requests did not end as they should:"]
        for title, measured in self._sides():
            lines += [f"- {c.name}{title and f' ({title})'}: {sum(x.wrong for x in m)} of "
                      f"{sum(x.requests for x in m)}" for c, m in measured.items()
                      if any(x.wrong for x in m)]
        return lines + [f"- overload, {row.title}: {row.wrong}" for row in self.overload
                        if row.wrong]

    def text(self):
        heading = ("case", "what", "at once", "rate/s", "p50 ms", "p99 ms", "longest", "CPU µs",
                   "/ HTTP", "/ gRPC", "/ SQLite", "/ all", "p50 / sync", "load µs")
        lines = [self._size_line(), ""]
        lines += table.aligned(
            [heading] + [self._case_row(c, m) for c, m in self._measured.items()], left=2)
        lines += self._store_lines()
        lines += self._notes()
        for title, measured in self._others.items():
            lines += versus.lines(f"Ours : {title}, in turn; the ratios are of each round's two:",
                                  self._measured, measured)
        lines += ["", "The parts by themselves, in the same run:", ""]
        lines += table.aligned(self.limits.rows())
        gateway_rows = gateway.rows({c.name: m for c, m in self._measured.items()},
                                    self.limits.transcoding, self.limits.idle_connection_kib)
        if gateway_rows:
            lines += ["", "What the gateway adds to a gRPC call, in the same run and process:", ""]
            lines += table.aligned(gateway_rows)
        if self.bulk:
            lines += bulk.lines(self.bulk)
        if self.overload:
            lines += overload.lines(self.overload)
        for title, rows in self.starts.items():
            lines += start.lines(rows, title)
        if self.rss_mib:
            lines += ["", "Resident memory, the most after a case (peak): " + ", ".join(
                f"{name} {now:.0f} MiB ({peak:.0f})"
                for name, (now, peak) in self.rss_mib.items()) + "."]
        others = [m.others for measured in self._measured.values() for m in measured]
        if others:
            lines += ["", f"Other programs kept {statistics.median(others):.2f} of "
                          f"{os.cpu_count()} CPUs busy (median; at most {max(others):.2f}): the "
                          "more that is, the less the figures say."]
        if self.wrong():
            lines += self._wrong_lines()
        return "\n".join(lines)


def _store_row(name, measurements):
    def median(field, divisor=1):
        value = table.median(measurements, field)
        return None if value is None else value / divisor

    pauses = [m.longest_pause_us for m in measurements if m.longest_pause_us is not None]
    return (name, table.number(median("batch")), table.number(median("log_pages"), 2),
            table.number(median("log_bytes"), 0), table.number(median("written_bytes"), 0),
            table.number(median("read_bytes", PAGE_BYTES), 2),
            table.number(max(pauses) / 1000 if pauses else None))


def _ordinal(number):
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def machine():
    """Processor, memory and kernel of this machine; nothing that names it."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{model}, {os.cpu_count()} CPUs shared by servers and load, {memory:.0f} GiB, "
            f"Linux {platform.release().split('-')[0]}")


_SECTION = re.compile(r"^## A store of ([\d,]+) runs$", re.M)
_WATCHES = "## Watches"
_GUIDE = "## How to read it"


def sections(page):
    """The sections of bench/RESULTS.md, {runs: text}."""
    body = page.split(_GUIDE)[0].split(_WATCHES)[0]
    starts = list(_SECTION.finditer(body))
    ends = [match.start() for match in starts[1:]] + [len(body)]
    return {int(match[1].replace(",", "")): body[match.start():end].strip()
            for match, end in zip(starts, ends)}


def watches(page):
    """The section of --case watch; empty if there is none."""
    parts = page.split(_GUIDE)[0].split(_WATCHES)
    return (_WATCHES + parts[1]).strip() if len(parts) > 1 else ""


def _titled(title, text, options, commit, date):
    given = "".join(f" `{option}`" for option in options.server_option)
    given = f"\n- Options of the servers:{given}" if given else ""
    return f"""{title}

- Machine: {machine()}
- Date: {date.isoformat()}
- Commit: {commit}
- Rounds: {options.rounds}, each case {options.seconds:g} s in each, interleaved; medians{given}

{text}"""


def section(text, options, commit, date):
    """The section of one run of the benchmark."""
    return _titled(f"## A store of {options.runs:,} runs", text, options, commit, date)


def page_with(old, text, options, commit, date):
    """bench/RESULTS.md with the text of one run of the benchmark."""
    return page(old, options.runs, section(text, options, commit, date))


def watches_page(old, text, options, commit, date):
    """The same with the text of one run of --case watch."""
    return _page(sections(old), _titled(_WATCHES, text, options, commit, date))


def page(old, new_runs, new_section):
    """bench/RESULTS.md: the old one, with a section for that many runs added or replaced."""
    return _page({**sections(old), new_runs: new_section}, watches(old))


def _page(kept, watched):
    body = "\n\n".join(kept[runs] for runs in sorted(kept))
    return f"""# Benchmark results

Written by `script/bench --write-results`, a section for each size of store; do not edit.

{body}

{watched + chr(10) * 2 if watched else ""}{_GUIDE}

- A run is about 1.5 kB as JSON. Runs are stored by the operation that CreateRun submits, with the
  ids (UUIDv7) that it makes.
- Cancels are durable (`synchronous=FULL`) and of distinct running runs, in random order over all of
  them; `cancel-ordered` takes them in the order of their creation. GETs and refused cancels take
  their runs at random, GETs from all, refused ones from the finished.
- Before each round of a cancel case the store is brought back as it was filled (up to 2 GiB) and the
  server started anew; cancels that nobody counts, of up to a quarter of the runs, then bring its
  write-ahead log to the size that it keeps. A larger store is used on; there `cancel-ordered` has
  the oldest quarter of the running runs to itself.
- Closed loop, each connection sending its next request at once, save where a rate is due: there
  latency counts from when a request was due, so that waiting to be sent is not left out.
- longest: the longest request of all rounds, in ms; beside others the median of the rounds' longest.
- CPU µs: user and system time of all server processes (for gRPC cases of `runsd`, not of the
  client) for one request, with what they did until they were idle again.
- / HTTP, / gRPC, / SQLite: that CPU as a multiple of the part's own, / all of the sum of the parts
  the case needs. gRPC is an in-process call in one process, a call over a unix socket (both sides)
  between two, and half of that for the gRPC cases.
- p50 / sync: the median latency as a multiple of one appending fdatasync's.
- load µs: the load generator's own CPU for one request; it shares the machine with the servers.
- batch: how many changes one commit of the store carried; log pages and log bytes: what a change
  added to the write-ahead log. Both by SQLite's wal-index and log, looked at every 2 ms.
- longest pause: between two commits while requests waited, at least; a commit takes no longer, and a
  checkpoint that holds commits up shows here. Of all rounds.
- written: bytes that the server's write calls took for a request, log and database; page reads: bytes
  that its read calls returned, in pages of 4,096 (/proc/PID/io). Neither has sockets in it; a thread
  that is woken counts with 8 bytes. Pages found in the system's cache are read like others.
- Watches: each watcher is a gRPC stream of its own over TCP, by the same client for both servers. A
  change is a cancel of a run that was created before, or a put of 128 bytes; each is sent at its
  time. CPU µs of the server for a delivery, with what the changes themselves cost; since reply: from
  the change's reply at the client to the watcher's socket, and 0 where the watcher was told before,
  since sent: from its sending; p50, p99 (medians of the rounds) and the longest of all. KiB:
  resident memory of the server for a watcher when all are open, and after the run.
- Bulk cancels: each row of one round is measured on the store as it was filled, with runs in random
  order. By ids: from the first request, with the ids as JSON, until the last of the bulk cancels is
  done. Beside: bulk cancels of other runs than those of the single cancels, in the same
  organization; p99 / alone is of the same round's two.
- Added by the gateway: the CPU of the case `get` less that of `grpc-get-serve`, the same runs read
  from the same process by a gRPC client over a unix socket, whose own CPU does not count.
"""
