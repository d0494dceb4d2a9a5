"""What a SQLite store that a server holds writes to its log, from its wal-index.

https://www.sqlite.org/walformat.html, 2.1: the file NAME-shm begins with two copies
of a header of 48 bytes in the machine's byte order: iChange grows by one with each
transaction that changed something, mxFrame is how many pages the log holds, and
aSalt changes when the log begins anew. What it held until then is still behind what
it holds now: each page has a header of 24 bytes with the salt. Looking at these files
costs the server nothing.
"""

import collections
import mmap
import os
import struct
import threading
import time

from harness import processes

VERSION = 3007000
HEADER_BYTES = 48
BYTES = 2 * HEADER_BYTES
COUNTER_RANGE = 2**32
LOG_HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
FRAME_SALT = 8  # where it is in a frame's header, 8 bytes
RESTARTS_MAX = 1000  # between two looks
TRIES = 1000
PERIOD_SECONDS = 0.002  # between two looks: 3 % of a CPU, and how exact the pauses are

Header = collections.namedtuple("Header", "commits frames salt page_bytes")


def parse(data):
    """The header in the file's first bytes; None if they were being written."""
    first, second = data[:HEADER_BYTES], data[HEADER_BYTES:2 * HEADER_BYTES]
    if len(data) < BYTES or first != second:
        return None
    version, commits, _, _, page, frames = struct.unpack_from("=I4xIBBHI", first)
    if version != VERSION:
        raise processes.BenchError(f"the store's wal-index has version {version}, known is "
                                   f"{VERSION}: its log cannot be counted")
    return Header(commits, frames, first[32:40], 65536 if page == 1 else page)


def restarts(before, after):
    """How often the log began anew between two headers: the first four bytes of the salt
    count that, but for the first log of a server, whose salt is random."""
    old, new = (int.from_bytes(header.salt[:4], "big") for header in (before, after))
    count = (new - old) % COUNTER_RANGE
    return count if count <= RESTARTS_MAX else 1


def frames_behind(log, header):
    """How many pages the log's file holds with the header's salt behind those that the
    header counts: pages that were added after it."""
    count = 0
    size = header.page_bytes + FRAME_HEADER_BYTES
    while True:
        at = LOG_HEADER_BYTES + (header.frames + count) * size + FRAME_SALT
        if os.pread(log, len(header.salt), at) != header.salt:
            return count
        count += 1


class Tally:
    """Sums up headers that were seen one after the other."""

    def __init__(self, header, behind):
        """behind(header) is frames_behind of the log."""
        self._last = header
        self._behind = behind
        self._first_commits = header.commits
        self._changed_at = None  # when its commits were first seen
        self._seen_at = None     # and last
        self.page_bytes = header.page_bytes
        self.frames = 0
        self.restarts = 0        # of a log that held something
        self.unseen = 0          # logs whose end was overwritten before it was seen
        self.longest_pause = 0.0  # between two commits, at least

    def commits(self):
        return (self._last.commits - self._first_commits) % COUNTER_RANGE

    def add(self, header, now, loaded=True):
        """Takes what was seen at a time in seconds; without load, pauses mean nothing."""
        last = self._last
        begun = restarts(last, header)
        if begun == 0:
            self.frames += header.frames - last.frames
        else:
            self.frames += header.frames + self._behind(last)
            self.restarts += begun if last.frames > 0 else 0
            self.unseen += begun - 1 + (header.frames > last.frames > 0)
        if header.commits != last.commits:
            if self._changed_at is not None and loaded:
                self.longest_pause = max(self.longest_pause, self._seen_at - self._changed_at)
            self._changed_at = now
        self._seen_at = now
        self._last = header

    def log_bytes(self):
        return self.frames * (self.page_bytes + FRAME_HEADER_BYTES)


class Watcher:
    """Looks at a store's wal-index, on a thread of its own, until it is stopped."""

    def __init__(self, database):
        try:
            with open(database + "-shm", "rb") as file:
                self._bytes = mmap.mmap(file.fileno(), BYTES, access=mmap.ACCESS_READ)
            self._log = os.open(database + "-wal", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise processes.BenchError(f"the store's log cannot be watched: {error}") from error
        self._tally = Tally(self._read(), lambda header: frames_behind(self._log, header))
        self._loaded = True
        self._ended = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _read(self):
        for _ in range(TRIES):
            header = parse(self._bytes[:BYTES])
            if header is not None:
                return header
            time.sleep(PERIOD_SECONDS)  # its writer may have been interrupted
        raise processes.BenchError("the store's wal-index changes all the time: its log cannot "
                                   "be counted")

    def _run(self):
        try:
            while not self._ended.is_set():
                self._look()
                time.sleep(PERIOD_SECONDS)
            self._look()
        except processes.BenchError as error:
            self._error = error

    def _look(self):
        self._tally.add(self._read(), time.monotonic(), self._loaded)

    def load_ended(self):
        """From now on pauses between commits are no longer the longest."""
        self._loaded = False

    def stop(self):
        """Returns the Tally."""
        self._ended.set()
        self._thread.join()
        self._bytes.close()
        os.close(self._log)
        if self._error is not None:
            raise self._error
        return self._tally
