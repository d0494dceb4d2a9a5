"""Runs the benchmark's cases interleaved and prints a table; see script/bench.

usage: run_bench.py --bin FOLDER [options of script/bench]
"""

import argparse
import datetime
import os
import signal
import subprocess
import sys
import time

from harness import (backup, bulk, cases, deployment, etcd, fill, filled_target, gateway, overload,
                     parts, peer, postgres, processes, results, retention, scratch, start, tenants,
                     tls, watch)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = {
    "runsctl": "ctl/runsctl",
    "runsd": "server/runsd",
    "runs-gateway": "gateway/runs-gateway",
    "http_load": "bench/http_load",
    "grpc_load": "bench/grpc_load",
    "http_echo": "bench/http_echo",
    "fdatasync_bench": "bench/fdatasync_bench",
    "rpc_bench": "bench/rpc_bench",
    "fill_store": "bench/fill_store",
    "storage_bench": "bench/storage_bench",
    "transcode_bench": "bench/transcode_bench",
    "stream_server": "bench/stream_server",
    "tls_load": "bench/tls_load",
    "watch_load": "bench/watch_load",
}


# Those that another build's folder must hold, beside which ours are measured.
OTHERS_PROGRAMS = ("runsctl", "runsd", "runs-gateway", "fill_store")
SPECIAL = (bulk.NAME, overload.NAME, start.NAME)  # cases that are no row of the table
# Those that are measured by themselves, if they are named.
ALONE = (watch.NAME, retention.NAME, backup.NAME, tenants.NAME, tls.NAME)


def beside_option(folder):
    """Reads --beside; raises ValueError."""
    for name in OTHERS_PROGRAMS:
        if not os.access(os.path.join(folder, PROGRAMS[name]), os.X_OK):
            raise ValueError(f"must be a folder that holds {PROGRAMS[name]}, is '{folder}'")
    return os.path.abspath(folder)


def peer_option(text):
    """Reads --peer; raises ValueError."""
    return text if text == etcd.NONE else peer.folder_option(text)


def checked(read):
    """Makes argparse print what read's ValueError says."""
    def parse(text):
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    return parse


def positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value < 1e6:
            raise ValueError(text)
        return value
    parse.__name__ = f"positive {kind.__name__}"
    return parse


def parse_arguments(arguments):
    names = [case.name for case in cases.CASES] + list(SPECIAL) + list(ALONE)
    parser = argparse.ArgumentParser(prog="script/bench", description=(
        "Builds optimised, fills stores with runs as CreateRun stores them, runs every case on "
        "them, interleaved, and prints tables: medians over the rounds, beside the limits of the "
        "parts. Runs are cancelled and read in random order; cancel-ordered cancels them in the "
        "order of their creation."))
    parser.add_argument("--case", action="append", choices=names, metavar="NAME",
                        help="only this case; may be repeated: " + ", ".join(names) + (
                            f". {' and '.join(ALONE)} are measured by themselves and only if "
                            "they are named"))
    parser.add_argument("--seconds", type=positive(float), default=3,
                        help="of load for each case and round [3]")
    parser.add_argument("--connections", type=positive(int), default=64,
                        help="or calls outstanding, where the case is not of one [64]")
    parser.add_argument("--rounds", type=positive(int), default=3, help="[3]")
    parser.add_argument("--runs", type=checked(fill.runs_option), default=200000, metavar="N",
                        help=("runs to fill each store with, 1.9 kB of disk each, twice that up "
                              "to a million [200000]"))
    parser.add_argument("--running-every", type=checked(fill.every_option), metavar="N", help=(
        "which of them are running: every N-th; the others are finished [2; 10 from five million "
        "runs on]"))
    parser.add_argument("--peer", type=checked(peer_option), metavar="FOLDER", help=(
        "measure the other implementation that FOLDER/run-peer.sh builds and starts beside ours "
        "and print the ratios: " + ", ".join(peer.CASES) + f"; {watch.NAME} is measured beside "
        f"Debian's etcd-server, unless this is {etcd.NONE}"))
    parser.add_argument("--store", choices=("sqlite", postgres.NAME), default="sqlite", help=(
        "postgres: measure the store in PostgreSQL by itself, beside pgbench, which does the same "
        "by a statement each on the same server, and print the ratios beside their aims [sqlite]"))
    parser.add_argument("--beside", type=checked(beside_option), metavar="FOLDER", help=(
        "measure another build's programs beside ours, each case in turn, and print the ratios; "
        "FOLDER holds ctl/runsctl and so on, as bazel-bin does"))
    parser.add_argument("--server-option", action="append", default=[], metavar="OPTION", help=(
        "for our runsctl serve and runsd, not those beside; as --server-option=--queue-limit=99, "
        "may be repeated"))
    parser.add_argument("--write-results", action="store_true", help=(
        "write the section of bench/RESULTS.md that is of so many runs"))
    parser.add_argument("--instructions", action="store_true", help=(
        "count instructions per request instead, and compare with bench/instructions.json; "
        "--instructions --help lists its options"))
    parser.add_argument("--soak", metavar="SECONDS", help=(
        "put mixed load on one process for so long instead, and plot its memory and latency; "
        "--soak 3600 --help lists its options"))
    # For script/bench: where the programs are, and whether to look at the options only.
    parser.add_argument("--bin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--parse-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.running_every is None:
        options.running_every = fill.default_every(options.runs)
    if options.store == postgres.NAME:
        check_postgres(parser, options)
    elif watch.NAME in (options.case or []):
        check_watch(parser, options)
    elif retention.NAME in (options.case or []):
        check_alone(parser, options, retention.NAME)
    elif backup.NAME in (options.case or []):
        check_alone(parser, options, backup.NAME)
    elif tls.NAME in (options.case or []):
        check_alone(parser, options, tls.NAME)
    elif tenants.NAME in (options.case or []):
        check_alone(parser, options, tenants.NAME)
    elif options.peer == etcd.NONE:
        options.peer = None
    elif options.peer and options.case and not set(options.case) & set(peer.CASES):
        parser.error("--peer compares " + ", ".join(peer.CASES) + "; --case names none of them")
    return options


def check_watch(parser, options):
    if set(options.case) != {watch.NAME}:
        parser.error(f"--case {watch.NAME} is measured by itself; name no other case with it")
    if options.peer not in (None, etcd.NONE):
        parser.error(f"--case {watch.NAME} has one peer, {etcd.PROGRAM}; --peer can be "
                     f"{etcd.NONE} only")
    if options.beside:
        parser.error(f"--case {watch.NAME} measures no other build; run it with that build")


def check_postgres(parser, options):
    if options.case:
        parser.error("--store postgres has cases of its own; name none with it")
    if options.peer not in (None, etcd.NONE) or options.beside or options.write_results:
        parser.error("--store postgres has one peer, pgbench, no build beside, and writes no "
                     "results")


def check_alone(parser, options, name):
    if set(options.case) != {name}:
        parser.error(f"--case {name} is measured by itself; name no other case with it")
    if options.peer not in (None, etcd.NONE) or options.beside or options.write_results:
        parser.error(f"--case {name} has no peer and no build beside, and writes no results")


def wants(options, name):
    return options.case is None or name in options.case


def chosen_cases(options):
    """The rows of the table. Overload is measured against the closed loop's rates of the same
    run."""
    names = set(options.case or [])
    if wants(options, overload.NAME):
        names.update(overload.CLOSED)
    return [c for c in cases.CASES if options.case is None or c.name in names]


def places(options):
    """The kinds of deployment that are needed."""
    needed = {case.where for case in chosen_cases(options)}
    return sorted(needed | {special.WHERE for special in (bulk, start)
                            if wants(options, special.NAME)})


class Side:
    """Programs under measurement: ours, another build's, or the peer."""

    def __init__(self, title, options):
        self.title = title
        self.targets = {}  # where -> what cases.Runner measures
        self.cases = chosen_cases(options)
        self.runner = cases.Runner(self.targets, options.seconds, options.connections)

    def start(self, programs, folder, options, server_options=()):
        """Starts filled stores for all places."""
        for place in places(options):
            target = deployment.Deployment(place, programs, folder, server_options)
            runs = filled_target.FilledTarget(target, options.runs, options.running_every, say)
            self.targets[place] = runs
            runs.start()

    def start_peer(self, programs, folder, options):
        self.cases = [case for case in self.cases if case.name in peer.CASES]
        self.targets["serve"] = peer.Peer(options.peer, programs, folder, say)
        self.targets["serve"].renew(0, False)

    def stop(self):
        for runs in self.targets.values():
            runs.target.stop()


def start_sides(sides, programs, folder, options):
    """Starts all of sides, ours first."""
    sides[0].start(programs, folder, options, options.server_option)
    for side in sides[1:]:
        if side.title == BESIDE:
            theirs = {name: os.path.join(options.beside, PROGRAMS[name])
                      for name in OTHERS_PROGRAMS}
            side.start({**programs, **theirs}, os.path.join(folder, "beside"), options)
        else:
            side.start_peer(programs, folder, options)


BESIDE, PEER = "the build beside", "the peer"


def make_sides(options):
    titles = ["ours"] + ([BESIDE] if options.beside else []) + ([PEER] if options.peer else [])
    return [Side(title, options) for title in titles]


def measure_parts(limits, echo, programs, folder, options):
    limits.echo.append(echo.measure(options.seconds, options.connections))
    limits.append_sync.append(parts.measure_fdatasync(programs, folder, overwrite=False))
    limits.overwrite_sync.append(parts.measure_fdatasync(programs, folder, overwrite=True))


def measure_round(number, sides, outcome, options):
    # Whoever comes first finds the machine as the others did not: they take turns.
    turns = sides if number % 2 == 1 else sides[::-1]
    for case in sides[0].cases:
        for side in turns:
            if case not in side.cases:
                continue
            measured = side.runner.measure(case)
            if side is sides[0]:
                outcome.add(case, measured)
            else:
                outcome.add_other(side.title, case, measured)
            name = case.name if side is sides[0] else f"{case.name} ({side.title})"
            say(f"round {number} of {options.rounds}  {name:<32} {measured.rate:>9,.0f}/s  "
                f"{measured.cpu_us:6.1f} µs CPU  p99 {measured.p99_us / 1000:.1f} ms"
                + (", all runs were used up" if measured.short else ""))


def measure_starts(sides, outcome, options):
    """Kills our servers, and those of another build, in turn."""
    for number in range(1, options.rounds + 1):
        for side in sides:
            if side.title == PEER:
                continue
            title = "" if side is sides[0] else side.title
            row = start.measure(side.targets[start.WHERE], options.connections)
            outcome.starts.setdefault(title, []).append(row)
            say(f"round {number} of {options.rounds}  start after kill -9{title and f' ({title})'} "
                f"{1000 * row.seconds:,.0f} ms")


def measure_bulk(runs, outcome, options):
    """Of our servers alone: another build may have none."""
    for number in range(1, options.rounds + 1):
        row = bulk.measure(runs, options.seconds, options.connections)
        outcome.bulk.append(row)
        say(f"round {number} of {options.rounds}  {bulk.NAME:<32} {row.ids_rate:>9,.0f}/s, "
            f"single {row.alone.rate:,.0f}/s, p99 {row.alone.p99_us / 1000:.1f} ms, beside "
            f"{row.beside.p99_us / 1000:.1f} ms")


def measure_special(sides, outcome, options):
    """What is no row of the table."""
    if wants(options, start.NAME):
        measure_starts(sides, outcome, options)
    if wants(options, bulk.NAME):
        measure_bulk(sides[0].targets[bulk.WHERE], outcome, options)
    if wants(options, overload.NAME):
        say("measuring overload ...")
        runs = sides[0].targets[overload.WHERE]
        outcome.overload = overload.measure(
            runs.target, runs.existing(), {name: outcome.rate(name) for name in overload.CLOSED},
            options.seconds)


def measure_all(programs, folder, options):
    outcome = results.Results(options.connections)
    outcome.runs, outcome.every = options.runs, options.running_every
    fill.check_space(folder, options.runs, len(places(options)) * (2 if options.beside else 1))
    say("measuring the parts ...")
    outcome.limits.rpc = parts.measure_rpc(programs, folder)
    outcome.limits.storage = parts.measure_storage(programs, folder, options.connections)
    outcome.limits.transcoding = gateway.measure_transcoding(programs, folder)
    echo = parts.HttpEcho(programs, folder)
    sides = make_sides(options)
    try:
        if wants(options, overload.NAME):
            overload.prepare()
        start_sides(sides, programs, folder, options)
        for number in range(1, options.rounds + 1):
            measure_parts(outcome.limits, echo, programs, folder, options)
            measure_round(number, sides, outcome, options)
        outcome.rss_mib = sides[0].runner.rss_mib
        measure_special(sides, outcome, options)
        if gateway.THROUGH in {case.name for case in sides[0].cases}:
            runs = sides[0].targets["serve"]
            outcome.limits.idle_connection_kib = gateway.measure_idle_connections(
                runs.target, runs.existing()[0])
    finally:
        for side in sides:
            side.stop()
        echo.stop()
    return outcome


def measure_watches(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        before = processes.machine_cpu_seconds(), time.monotonic()
        measured = watch.measure(programs, folder, options, say)
        busy = ((processes.machine_cpu_seconds() - before[0]) / (time.monotonic() - before[1]))
    text = watch.text(measured) + (f"\n\nThe machine's {os.cpu_count()} CPUs were busy "
                                   f"{busy:.2f} times one, servers, load and other programs.")
    return text, bool(watch.wrong(measured))


def measure_retention(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        measured = retention.measure(programs, folder, options, say)
    return retention.text(measured), bool(retention.wrong(measured))


def measure_backup(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        measured, backups = backup.measure(programs, folder, options, say)
    return backup.text(measured, backups), bool(backup.wrong(measured))


def measure_tls(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        measured = tls.measure(programs, folder, options, say)
    return tls.text(measured), tls.wrong(measured)


def measure_postgres(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        measured = postgres.measure(programs, folder, options, say)
    return postgres.text(measured), bool(postgres.wrong(measured))


def measure_tenants(programs, options):
    """Returns the text and whether anything was wrong."""
    with scratch.folder(ROOT) as folder:
        measured = tenants.measure(programs, folder, options, say)
    return tenants.text(measured), bool(tenants.wrong(measured))


def say(text):
    print(text, file=sys.stderr, flush=True)


def commit():
    """The commit that is measured, marked if the work tree differs from it."""
    def git(*arguments):
        return subprocess.run(("git",) + arguments, cwd=ROOT, check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()

    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/RESULTS.md")
    return name + (" with changes" if changed else "")


def main(arguments):
    options = parse_arguments(arguments)
    if options.parse_only:
        return 0
    programs = {name: os.path.join(options.bin, path) for name, path in PROGRAMS.items()}
    programs["bin"] = options.bin
    # So that the servers are stopped then too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        if options.store == postgres.NAME:
            return finish(*measure_postgres(programs, options), None, options)
        if watch.NAME in (options.case or []):
            return finish(*measure_watches(programs, options), results.watches_page, options)
        if retention.NAME in (options.case or []):
            return finish(*measure_retention(programs, options), None, options)
        if backup.NAME in (options.case or []):
            return finish(*measure_backup(programs, options), None, options)
        if tls.NAME in (options.case or []):
            return finish(*measure_tls(programs, options), None, options)
        if tenants.NAME in (options.case or []):
            return finish(*measure_tenants(programs, options), None, options)
        with scratch.folder(ROOT) as folder:
            outcome = measure_all(programs, folder, options)
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return finish(outcome.text(), outcome.wrong(), results.page_with, options)


def finish(text, is_wrong, page_with, options):
    """Prints the text, and has page_with write it into the page of results if that is asked
    for. Returns the exit status."""
    print(text)
    if options.write_results:
        write_results(text, page_with, options)
    return 1 if is_wrong else 0


def write_results(text, page_with, options):
    path = os.path.join(ROOT, "bench", "RESULTS.md")
    old = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(page_with(old, text, options, commit(), datetime.date.today()))
    say("wrote bench/RESULTS.md")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
