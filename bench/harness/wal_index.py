"""How often a SQLite store that a server holds has committed, from its wal-index.

https://www.sqlite.org/walformat.html, 2.1: the file NAME-shm begins with two copies
of a header of 48 bytes in the machine's byte order, whose third number, iChange,
grows by one with each transaction that changed something. Checkpoints and reads
leave it, and looking at it costs the server nothing.
"""

import struct

from harness import processes

VERSION = 3007000
HEADER_BYTES = 48
COUNTER_RANGE = 2**32
TRIES = 1000


def parse_commits(data):
    """The counter in the file's first bytes; None if they were being written."""
    first, second = data[:HEADER_BYTES], data[HEADER_BYTES:2 * HEADER_BYTES]
    if len(second) < HEADER_BYTES or first != second:
        return None
    version, _, counter = struct.unpack_from("=III", first)
    if version != VERSION:
        raise processes.BenchError(f"the store's wal-index has version {version}, known is "
                                   f"{VERSION}: batches cannot be counted")
    return counter


def commits(database):
    """The counter of the database file's wal-index."""
    for _ in range(TRIES):
        with open(database + "-shm", "rb") as file:
            counter = parse_commits(file.read(2 * HEADER_BYTES))
        if counter is not None:
            return counter
    raise processes.BenchError("the store's wal-index changes all the time: batches cannot be "
                               "counted")


def batch_size(changes, before, after):
    """Changes for each commit from one counter to the other; None if there was none."""
    count = (after - before) % COUNTER_RANGE
    return changes / count if changes and count else None
