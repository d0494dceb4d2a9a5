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
BLOCK_BYTES = 4096
CHUNK_BYTES = 256 * BLOCK_BYTES
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
    kept = os.path.join(target.folder, KEPT)
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(os.path.join(target.folder, deployment.STORE_FOLDER), kept)
    for name in os.listdir(kept):
        with open(os.path.join(kept, name), "rb") as file:
            os.fsync(file.fileno())


def bring_back(target):
    """Makes the store, which no process holds, what the copy is.

    Only what differs is written, and has reached the disk at the end: else the system or
    the disk would go on writing while a server is measured, whose own writes then wait."""
    kept = os.path.join(target.folder, KEPT)
    store = os.path.join(target.folder, deployment.STORE_FOLDER)
    for name in set(os.listdir(store)) - set(os.listdir(kept)):
        os.remove(os.path.join(store, name))
    for name in os.listdir(kept):
        make_alike(os.path.join(kept, name), os.path.join(store, name))


def make_alike(source, target):
    """Makes the file target what the file source is, block by block; returns how many were
    written."""
    written = 0
    with open(source, "rb") as old, open(os.open(target, os.O_RDWR | os.O_CREAT, 0o600),
                                         "r+b", buffering=0) as new:
        new.truncate(os.fstat(old.fileno()).st_size)
        for at in range(0, os.fstat(old.fileno()).st_size, CHUNK_BYTES):
            right, found = (os.pread(file.fileno(), CHUNK_BYTES, at) for file in (old, new))
            if right == found:
                continue
            for block in range(0, len(right), BLOCK_BYTES):
                if right[block:block + BLOCK_BYTES] != found[block:block + BLOCK_BYTES]:
                    os.pwrite(new.fileno(), right[block:block + BLOCK_BYTES], at + block)
                    written += 1
        os.fsync(new.fileno())
    return written
