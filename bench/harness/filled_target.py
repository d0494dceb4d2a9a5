"""Our servers over stores that were filled, and filled again when their runs are used up."""

import os

from harness import fill, run_pool

RESERVED_SHARE = 0.25  # of the running runs, where the store cannot be copied
EXISTING_RUNS = 200000  # read by one round of a GET case
MISSING_RUNS = 1000


class FilledTarget:
    """A Deployment and the runs of its store."""

    def __init__(self, target, runs, every, say):
        self.target = target
        self._runs = runs
        self._every = every
        self._say = say
        self._copied = fill.is_copied(runs)
        self._missing = target.new_ids(MISSING_RUNS)
        self._pool = None

    def start(self):
        """Fills the store and starts the servers."""
        self._fill()
        self.target.start()

    def _fill(self):
        self._say(f"filling the store of {self.target.name} with {self._runs:,} runs ...")
        fill.fill(self.target, self._runs, self._every)
        if self._copied:
            fill.keep(self.target)
        ids, running = (run_pool.IdFile(os.path.join(self.target.folder, name))
                        for name in (fill.IDS, fill.RUNNING_IDS))
        self._pool = run_pool.RunPool(ids, running, self._every,
                                      0 if self._copied else RESERVED_SHARE)

    def renew(self, count, ordered):
        """Sees to it that about so many runs can be taken: brings the filled store back where
        that is quick, else fills it anew once fewer are left than half of them. Returns whether
        the servers were started anew for that."""
        wanted = min(count, self._pool.size(ordered))
        if self._copied:
            self.target.stop()
            fill.bring_back(self.target)
            self._pool.renew()
        elif self._pool.left(ordered) < wanted // 2:
            self.target.stop()
            self._fill()
        else:
            return False
        self.target.start()
        return True

    def left(self, ordered):
        return self._pool.left(ordered)

    def take(self, count, ordered):
        return self._pool.take(count, ordered)

    def give_back(self, count, ordered):
        """The last ones taken in that order were not used."""
        self._pool.give_back(count, ordered)

    def existing(self):
        """Ids to read in one round."""
        return self._pool.any(EXISTING_RUNS)

    def finished(self):
        return self._pool.finished(EXISTING_RUNS)

    def missing(self):
        return self._missing
