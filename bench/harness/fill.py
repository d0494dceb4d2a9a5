"""Stores that hold many runs before they are measured."""

import random
import shutil
import subprocess

from harness import processes

ORGANIZATION = "bench"
MAX_RUNS = 10**9
# Of the file, with some for the write-ahead log: 1,360 were seen.
BYTES_PER_RUN = 1500
SPREAD = 200000  # of the runs, read by the GET cases


def runs_option(text):
    """Reads --runs; raises ValueError with the limits."""
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= value <= MAX_RUNS:
        raise ValueError(f"must be a whole number from 0 to {MAX_RUNS:,}, is '{text}'")
    return value


def check_space(folder, runs, stores):
    """Raises BenchError unless so many stores of runs fit on the folder's disk."""
    needed = runs * stores * BYTES_PER_RUN
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise processes.BenchError(
            f"--runs {runs} needs {needed / 2**30:.1f} GiB for {stores} "
            f"{'store' if stores == 1 else 'stores'}, the disk has {free / 2**30:.1f} GiB free"
            + ("; --case with cases of one kind of deployment needs one store"
               if stores > 1 else ""))


def fill(program, store, folder, runs):
    """Adds the runs to a store that no server holds; progress goes to stderr."""
    command = [program, "--store", store, "--org", ORGANIZATION, "--runs", str(runs)]
    if subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        raise processes.BenchError("fill_store failed; the line above says why")


def ids(runs):
    """Ids of filled in runs, spread over all of them at random, ascending."""
    chosen = random.Random(1).sample(range(1, runs + 1), min(runs, SPREAD))
    return [f"old-{number:016d}" for number in sorted(chosen)]
