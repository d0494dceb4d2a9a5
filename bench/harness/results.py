"""All that one benchmark measured, as text."""

import os
import platform
import statistics

from harness import cases, gateway, overload, table


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
        self.runs = 0      # filled into each store beforehand
        self.rss_mib = {}  # server -> (after its last case, peak)
        self.overload = []  # rows
        self._connections = connections
        self._measured = {}  # case -> measurements

    def add(self, case, measurement):
        self._measured.setdefault(case, []).append(measurement)

    def rate(self, name):
        """The median rate of the case with the name."""
        return next(table.median(m, "rate") for c, m in self._measured.items() if c.name == name)

    def wrong(self):
        """How many requests did not end as they should."""
        return overload.wrong(self.overload) + sum(
            m.wrong for measurements in self._measured.values() for m in measurements)

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
            table.number(median("p99_us") / 1000, 2), table.number(median("batch")),
            table.number(cpu),
            table.number(table.ratio(cpu, echo)), table.number(table.ratio(cpu, rpc)),
            table.number(table.ratio(cpu, storage)), table.number(table.ratio(cpu, sum(needed))),
            table.number(table.ratio(median("p50_us"), self.limits.sync_p50_us()) if alone
                         else None, 2),
            table.number(median("generator_cpu_us")))

    def text(self):
        heading = ("case", "what", "at once", "rate/s", "p50 ms", "p99 ms", "batch", "CPU µs", "/ HTTP",
                   "/ gRPC", "/ SQLite", "/ all", "p50 / sync", "load µs")
        rows = [heading] + [self._case_row(c, m) for c, m in self._measured.items()]
        lines = table.aligned(rows, left=2)
        lines += ["", "The parts by themselves, in the same run:", ""]
        lines += table.aligned(self.limits.rows())
        gateway_rows = gateway.rows({c.name: m for c, m in self._measured.items()},
                                    self.limits.transcoding, self.limits.idle_connection_kib)
        if gateway_rows:
            lines += ["", "What the gateway adds to a gRPC call, in the same run and process:", ""]
            lines += table.aligned(gateway_rows)
        if self.overload:
            lines += overload.lines(self.overload)
        lines += ["", f"Runs in each store before the first case: "
                      f"{self.runs + cases.EXISTING_RUNS + cases.FINISHED_RUNS:,}."]
        lines += ["", "Resident memory after the last case (peak until then): " + ", ".join(
            f"{name} {now:.0f} MiB ({peak:.0f})" for name, (now, peak) in self.rss_mib.items())
                  + "."]
        others = [m.others for measured in self._measured.values() for m in measured]
        lines += ["", f"Other programs kept {statistics.median(others):.2f} of "
                      f"{os.cpu_count()} CPUs busy (median; at most {max(others):.2f}): the more "
                      "that is, the less the figures say."]
        if self.wrong():
            lines += ["", f"WRONG: {self.wrong()} requests did not end as they should:"]
            lines += [f"- {c.name}: {sum(x.wrong for x in m)} of {sum(x.requests for x in m)}"
                      for c, m in self._measured.items() if any(x.wrong for x in m)]
            lines += [f"- overload, {row.title}: {row.wrong}" for row in self.overload
                      if row.wrong]
        return "\n".join(lines)


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


def page(text, options, commit, date):
    """bench/RESULTS.md."""
    order = "in random order" if options.shuffle else "in the order of their creation"
    return f"""# Benchmark results

Written by `script/bench --write-results`; do not edit.

- Machine: {machine()}
- Date: {date.isoformat()}
- Commit: {commit}
- Rounds: {options.rounds}, each case {options.seconds:g} s in each, interleaved; medians

{text}

How to read it:

- A run is about 1.5 kB as JSON. Cancels are of distinct runs, {order}, and durable
  (`synchronous=FULL`).
- Closed loop, each connection sending its next request at once, save where a rate is due: there
  latency counts from when a request was due, so that waiting to be sent is not left out.
- batch: how many changes one commit of the store carried, by the transactions that SQLite's
  wal-index counts.
- CPU µs: user and system time of all server processes (for gRPC cases of `runsd`, not of the
  client) for one request, with what they did until they were idle again.
- / HTTP, / gRPC, / SQLite: that CPU as a multiple of the part's own, / all of the sum of the parts
  the case needs. gRPC is an in-process call in one process, a call over a unix socket (both sides)
  between two, and half of that for the gRPC cases.
- Added by the gateway: the CPU of the case `get` less that of `grpc-get-serve`, the same run read
  from the same process by a gRPC client over a unix socket, whose own CPU does not count.
- p50 / sync: the median latency as a multiple of one appending fdatasync's.
- load µs: the load generator's own CPU for one request; it shares the machine with the servers.
"""
