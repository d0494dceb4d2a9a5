"""Which runs of a filled store there are, and in which order they are taken."""

import array
import mmap
import random

from harness import processes

SEED = 1


class IdFile:
    """The lines of a file whose lines are equally long, as a sequence."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._width = self._bytes.find(b"\n") + 1
        if self._width == 0 or len(self._bytes) % self._width != 0:
            raise processes.BenchError(f"{path}: lines are not equally long")

    def __len__(self):
        return len(self._bytes) // self._width

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = index * self._width
        return self._bytes[at:at + self._width - 1].decode("ascii")


class RunPool:
    """Runs in the order of their creation, of which every N-th is running.

    Running ones are taken once: in random order, or in that of their creation. The share
    reserved, the oldest, is taken in order only; without it, one order alone may be used
    until the pool is renewed."""

    def __init__(self, ids, running, every, reserved_share):
        self._ids = ids
        self._running = running
        self._every = every
        self._reserved = int(len(running) * reserved_share)
        self._random = random.Random(SEED)
        self.renew()

    def renew(self):
        """All are running again."""
        self._order = array.array("Q", range(self._reserved, len(self._running)))
        self._random.shuffle(self._order)
        self._taken = {False: 0, True: 0}

    def size(self, ordered):
        """How many there are to take in that order when none was taken."""
        return (self._reserved or len(self._running)) if ordered else len(self._order)

    def left(self, ordered):
        return self.size(ordered) - self._taken[ordered]

    def take(self, count, ordered):
        """At most so many running ones that were not taken yet."""
        if self._reserved == 0 and self._taken[not ordered] > 0:
            raise processes.BenchError("runs were taken in two orders without a reserve")
        first = self._taken[ordered]
        end = self._taken[ordered] = min(first + count, self.size(ordered))
        if ordered:
            return [self._running[i] for i in range(first, end)]
        return [self._running[i] for i in self._order[first:end]]

    def give_back(self, count, ordered):
        """The last ones taken in that order were not used."""
        self._taken[ordered] -= count

    def any(self, count):
        """At most so many of all runs, in random order."""
        total = len(self._ids)
        return [self._ids[i] for i in self._random.sample(range(total), min(count, total))]

    def finished(self, count):
        """At most so many of those that never were to be taken, in random order."""
        total = len(self._ids) - len(self._ids) // self._every
        chosen = self._random.sample(range(total), min(count, total))
        behind = self._every - 1  # so many are finished for each that runs
        return [self._ids[i // behind * self._every + i % behind] for i in chosen]
