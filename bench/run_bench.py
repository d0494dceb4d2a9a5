"""Runs the benchmark's cases interleaved and prints a table; see script/bench.

usage: run_bench.py --bin FOLDER [options of script/bench]
"""

import argparse
import datetime
import os
import subprocess
import sys

from harness import (cases, deployment, fill, gateway, overload, parts, processes, results,
                     scratch)

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
}


def parse_arguments(arguments):
    def positive(kind):
        def parse(text):
            value = kind(text)
            if not 0 < value < 1e6:
                raise ValueError(text)
            return value
        parse.__name__ = f"positive {kind.__name__}"
        return parse

    def runs(text):
        try:
            return fill.runs_option(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    names = [case.name for case in cases.CASES] + [overload.NAME]
    parser = argparse.ArgumentParser(prog="script/bench", description=(
        "Builds optimised, runs every case against fresh servers, interleaved, and prints one "
        "table: medians over the rounds, beside the limits of the parts."))
    parser.add_argument("--case", action="append", choices=names, metavar="NAME",
                        help="only this case; may be repeated: " + ", ".join(names))
    parser.add_argument("--seconds", type=positive(float), default=3,
                        help="of load for each case and round [3]")
    parser.add_argument("--connections", type=positive(int), default=64,
                        help="or calls outstanding, where the case is not of one [64]")
    parser.add_argument("--rounds", type=positive(int), default=3, help="[3]")
    parser.add_argument("--runs", type=runs, default=0, metavar="N", help=(
        "old runs to fill each store with beforehand, 1.5 kB of disk each; GET cases read "
        "these [0]"))
    parser.add_argument("--shuffle", action="store_true", help=(
        "ask for runs in another order than they were created in"))
    parser.add_argument("--write-results", action="store_true", help="write bench/RESULTS.md")
    parser.add_argument("--instructions", action="store_true", help=(
        "count instructions per request instead, and compare with bench/instructions.json; "
        "--instructions --help lists its options"))
    parser.add_argument("--soak", metavar="SECONDS", help=(
        "put mixed load on one process for so long instead, and plot its memory and latency; "
        "--soak 3600 --help lists its options"))
    # For script/bench: where the programs are, and whether to look at the options only.
    parser.add_argument("--bin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--parse-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def overloaded(options):
    return options.case is None or overload.NAME in options.case


def start_deployments(wanted, programs, folder, runs):
    """Starts what the cases need on stores of so many runs; returns {name: Deployment}."""
    started = {}
    try:
        for name in sorted({case.where for case in wanted}):
            started[name] = deployment.Deployment(name, programs, folder)
            if runs > 0:
                say(f"filling the store of {name} with {runs:,} runs ...")
                fill.fill(programs["fill_store"], started[name].store, started[name].folder, runs)
            if name == "serve":
                started[name].start_in_one_process()
            else:
                started[name].start_apart()
    except BaseException:
        stop_all(started)
        raise
    return started


def stop_all(deployments):
    for target in deployments.values():
        target.stop()


def measure_parts(limits, echo, programs, folder, options):
    limits.echo.append(echo.measure(options.seconds, options.connections))
    limits.append_sync.append(parts.measure_fdatasync(programs, folder, overwrite=False))
    limits.overwrite_sync.append(parts.measure_fdatasync(programs, folder, overwrite=True))


def measure_all(wanted, programs, folder, options):
    outcome = results.Results(options.connections)
    outcome.runs = options.runs
    fill.check_space(folder, options.runs, len({case.where for case in wanted}))
    say("measuring the parts ...")
    outcome.limits.rpc = parts.measure_rpc(programs, folder)
    outcome.limits.storage = parts.measure_storage(programs, folder, options.connections,
                                                    options.shuffle)
    outcome.limits.transcoding = gateway.measure_transcoding(programs, folder)
    echo = parts.HttpEcho(programs, folder)
    deployments = {}
    try:
        if overloaded(options):
            overload.prepare()
        deployments = start_deployments(wanted, programs, folder, options.runs)
        runner = cases.Runner(deployments, options.seconds, options.connections,
                              options.shuffle)
        runner.prepare(wanted, options.runs)
        for number in range(1, options.rounds + 1):
            measure_parts(outcome.limits, echo, programs, folder, options)
            for case in wanted:
                measured = runner.measure(case)
                outcome.add(case, measured)
                say(f"round {number} of {options.rounds}  {case.name:<12} "
                    f"{measured.rate:>9,.0f}/s  {measured.cpu_us:6.1f} µs CPU  "
                    f"p99 {measured.p99_us / 1000:.1f} ms")
        for target in deployments.values():
            for server in target.servers.values():
                outcome.rss_mib[f"{server.name} ({target.name})"] = (
                    processes.rss_kib(server.pid) / 1024, processes.peak_rss_mib(server.pid))
        if overloaded(options):
            say("measuring overload ...")
            outcome.overload = overload.measure(
                deployments[overload.WHERE], runner.existing_runs(overload.WHERE),
                {name: outcome.rate(name) for name in overload.CLOSED}, options.seconds)
        if "serve" in deployments:
            run = runner.existing_runs("serve")[0]
            outcome.limits.idle_connection_kib = gateway.measure_idle_connections(
                deployments["serve"], run)
    finally:
        stop_all(deployments)
        echo.stop()
    return outcome


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
    # Overload is measured against the closed loop's rates of the same run.
    chosen = (options.case or []) + (list(overload.CLOSED) if overloaded(options) else [])
    wanted = [c for c in cases.CASES if options.case is None or c.name in chosen]
    try:
        with scratch.folder(ROOT) as folder:
            outcome = measure_all(wanted, programs, folder, options)
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = outcome.text()
    print(text)
    if options.write_results:
        path = os.path.join(ROOT, "bench", "RESULTS.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(results.page(text, options, commit(), datetime.date.today()))
        say("wrote bench/RESULTS.md")
    return 1 if outcome.wrong() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
