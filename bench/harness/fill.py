"""Filling stores with runs before they are measured."""

import os
import shutil
import subprocess

from harness import deployment, processes

MIN_RUNS = 1000
MAX_RUNS = 10**9
MIN_EVERY, MAX_EVERY = 2, 1000  # those that fill_store takes, less 1: some must be finished
MANY_RUNS = 5 * 10**6  # from so many on, fewer of them run
EVERY, EVERY_OF_MANY = 2, 10
# Of the files, with some for the write-ahead log: 1,780 were seen.
BYTES_PER_RUN = 1900
# Stores up to this size are kept as a copy that brings them back within a second or two.
COPIED_BYTES = 2 * 2**30
IDS, RUNNING_IDS = "ids", "running-ids"
KEPT = "store.filled"


def _whole(text, least, most):
    value = int(text) if text.isascii() and text.isdigit() else -1
    if not least <= value <= most:
        raise ValueError(f"must be a whole number from {least:,} to {most:,}, is '{text}'")
    return value


def runs_option(text):
    """Reads --runs; raises ValueError with the limits."""
    return _whole(text, MIN_RUNS, MAX_RUNS)


def every_option(text):
    """Reads --running-every; raises ValueError with the limits."""
    return _whole(text, MIN_EVERY, MAX_EVERY)


def default_every(runs):
    return EVERY_OF_MANY if runs >= MANY_RUNS else EVERY


def is_copied(runs):
    """Whether a store of so many runs is brought back by copying it."""
    return runs * BYTES_PER_RUN <= COPIED_BYTES


def check_space(folder, runs, stores):
    """Raises BenchError unless so many stores of runs, and their copies, fit on the
    folder's disk."""
    needed = runs * stores * BYTES_PER_RUN * (2 if is_copied(runs) else 1)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise processes.BenchError(
            f"--runs {runs} needs {needed / 2**30:.1f} GiB for {stores} "
            f"{'store' if stores == 1 else 'stores'}, the disk has {free / 2**30:.1f} GiB free"
            + ("; --case with cases of one kind of deployment needs one store"
               if stores > 1 else ""))


def fill(target, runs, every):
    """Makes the store of a Deployment that does not run anew, with so many runs; progress
    goes to stderr. The ids are then in the files IDS and RUNNING_IDS of its folder."""
    target.make_store()
    command = [target.programs["fill_store"], "--store", target.store, "--org",
               deployment.ORGANIZATION, "--runs", str(runs), "--running-every", str(every),
               "--ids", IDS, "--running-ids", RUNNING_IDS]
    if subprocess.run(command, cwd=target.folder, stdin=subprocess.DEVNULL,
                      check=False).returncode != 0:
        raise processes.BenchError("fill_store failed; the line above says why")


def keep(target):
    """Copies the store, which no process holds."""
    _copy(os.path.join(target.folder, deployment.STORE_FOLDER),
          os.path.join(target.folder, KEPT))


def bring_back(target):
    """Replaces the store, which no process holds, by the copy."""
    _copy(os.path.join(target.folder, KEPT),
          os.path.join(target.folder, deployment.STORE_FOLDER))


def _copy(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    # Else the system writes it while a server is measured, whose own writes then wait.
    for name in os.listdir(target):
        file = os.open(os.path.join(target, name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)
