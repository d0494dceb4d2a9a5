"""Puts mixed load on one process for long, and says what became of memory and latency.

usage: soak.py --bin FOLDER --soak SECONDS [--soak-scale X] [--connections N] [--output PREFIX]
"""

import argparse
import os
import sys

from harness import deployment, processes, scratch, soak

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = {
    "runsctl": "ctl/runsctl",
    "http_load": "bench/http_load",
    "grpc_load": "bench/grpc_load",
}


def between(low, high, kind=float):
    def parse(given):
        try:
            value = kind(given)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a number from {low:g} to {high:g}, is '{given}'")
        return value
    return parse


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="script/bench --soak", description=(
        "Builds optimised, puts mixed load (cancels, GETs, 404, 409, gRPC) on one process for "
        "SECONDS and plots its memory and latency. Ctrl-C ends it early. Ends with 1 if a "
        "request was answered wrongly."))
    parser.add_argument("--soak", type=between(soak.LEAST_SECONDS, 1e6), required=True,
                        metavar="SECONDS", help="how long; 3600 is the hour of the results")
    parser.add_argument("--soak-scale", type=between(0.01, 10), default=1, metavar="X", help=(
        f"multiplies the rates: {soak.CANCELS:,} cancels, {soak.READS:,} GETs, {soak.MISSES} and "
        f"{soak.CONFLICTS} refused cancels and {soak.GRPC_READS} gRPC reads a second [1]"))
    parser.add_argument("--connections", type=between(4, 10000, int), default=64, metavar="N",
                        help="in all [64]")
    parser.add_argument("--output", default=os.path.join(ROOT, ".cache", "soak"), metavar="PREFIX",
                        help="of the files written, PREFIX.svg and PREFIX.jsonl [.cache/soak]")
    parser.add_argument("--bin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--parse-only", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(options, folder):
    """Returns the windows that ended."""
    soak.check_disk(folder, options.soak, options.soak_scale)
    programs = {name: os.path.join(options.bin, path) for name, path in PROGRAMS.items()}
    target = deployment.Deployment("serve", programs, folder)
    windows = []
    try:
        target.start_in_one_process()
        load = soak.Soak(target, options.soak, options.soak_scale, options.connections)
        load.prepare()
        for window in load.windows():
            windows.append(window)
            say(f"{window.seconds:7,.0f} s  {window.rate:8,.0f}/s  RSS "
                f"{window.rss_kib / 1024:6.1f} MiB  p99 of cancels "
                f"{window.cancel_p99_us / 1000:6.1f} ms, of GETs {window.read_p99_us / 1000:6.1f} ms")
    except KeyboardInterrupt:
        say("ended early")
    finally:
        target.stop()
    return windows


def report(windows, prefix):
    with open(prefix + ".svg", "w", encoding="utf-8") as file:
        file.write(soak.svg(windows))
    with open(prefix + ".jsonl", "w", encoding="utf-8") as file:
        file.write(soak.raw(windows))
    print("\n".join(soak.table_lines(windows) + [""] + soak.verdict(windows)))
    print(f"Plotted in {os.path.relpath(prefix)}.svg, all windows in {os.path.relpath(prefix)}.jsonl")


def main(arguments):
    options = parse_arguments(arguments)
    if options.parse_only:
        return 0
    try:
        with scratch.folder(ROOT) as folder:
            windows = run(options, folder)
        if not windows:
            raise processes.BenchError("it ended before its first window did")
        report(windows, options.output)
    except (processes.BenchError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 1 if any(window.wrong for window in windows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
