"""Counts instructions per request and compares them with bench/instructions.json.

usage: instructions.py --bin FOLDER --instructions [--case NAME] [--write-baseline]
"""

import argparse
import os
import subprocess
import sys

from harness import instructions, instructions_baseline, processes, scratch

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BASELINE = os.path.join(ROOT, "bench", "instructions.json")
PROGRAMS = {
    "runsctl": "ctl/runsctl",
    "http_load": "bench/http_load",
    "grpc_load": "bench/grpc_load",
}


def functions(given):
    if not (given.isascii() and given.isdigit() and len(given) <= 4 and int(given) <= 1000):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1000, is '{given}'")
    return int(given)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="script/bench --instructions", description=(
        "Builds optimised, counts the instructions of a request with callgrind, and compares "
        "with bench/instructions.json: ends with 1 if a case grew."))
    parser.add_argument("--instructions", action="store_true", help="this, not the measurement")
    parser.add_argument("--case", action="append", choices=instructions.NAMES, metavar="NAME",
                        help="only this case; may be repeated: " + ", ".join(instructions.NAMES))
    parser.add_argument("--functions", type=functions, default=8, metavar="N",
                        help="show the N largest of each case, 0 to 1000 [8]")
    parser.add_argument("--write-baseline", action="store_true", help=(
        "write bench/instructions.json instead of comparing with it"))
    parser.add_argument("--bin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--parse-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.write_baseline and options.case is not None:
        parser.error("--write-baseline takes all cases, so it goes without --case")
    return options


def output(*command):
    try:
        return subprocess.run(command, check=False, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout
    except OSError:
        return ""


def toolchain():
    """What the counts depend on beside our code."""
    listed = output("dpkg-query", "-W", "-f", "${Package} ${Version}\n",
                    *instructions_baseline.PACKAGES)
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        return instructions_baseline.toolchain(
            output("gcc", "-dumpfullversion").strip(), listed, cpuinfo.read())


def say(text):
    print(text, file=sys.stderr, flush=True)


def main(arguments):
    options = parse_arguments(arguments)
    if options.parse_only:
        return 0
    try:
        names = options.case or instructions.NAMES
        baseline = None
        problem = None
        if not options.write_baseline:
            baseline, problem = instructions_baseline.read(BASELINE, toolchain())
        programs = {name: os.path.join(options.bin, path) for name, path in PROGRAMS.items()}
        with scratch.folder(ROOT) as folder:
            counts = instructions.measure(names, programs, folder, say)
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(instructions_baseline.table_of(counts, baseline))
    for line in instructions_baseline.largest(counts, options.functions):
        print(line)
    if options.write_baseline:
        with open(BASELINE, "w", encoding="utf-8") as file:
            file.write(instructions_baseline.text(counts, toolchain()))
        say("wrote bench/instructions.json")
        return 0
    if problem is not None:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    lines, grew = instructions_baseline.compare(counts, baseline)
    print("\n" + "\n".join(lines))
    return 1 if grew else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
