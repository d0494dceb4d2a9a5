"""Tests of counting what a store writes to its log (bench/harness/wal_index.py)."""

import os
import sqlite3
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import processes, wal_index  # noqa: E402


class WalIndex(unittest.TestCase):
    @staticmethod
    def header(commits, frames, salt=5):
        return wal_index.Header(commits, frames, struct.pack(">II", salt, 77), 4096)

    def tally(self, behind=0):
        return wal_index.Tally(self.header(10, 100), lambda header: behind)

    def test_commits_and_pages_are_those_that_sqlite_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "runs.db")
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA page_size=1024")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE t(a)")
            pages_before = (os.path.getsize(path + "-wal") - 32) // (1024 + 24)
            watcher = wal_index.Watcher(path)
            for _ in range(3):
                database.execute("BEGIN")
                for number in range(7):
                    database.execute("INSERT INTO t VALUES(?)", ("x" * number * 100,))
                database.execute("COMMIT")
            database.execute("SELECT sum(a) FROM t").fetchall()
            database.execute("UPDATE t SET a=1 WHERE a=99")  # changes nothing
            pages = (os.path.getsize(path + "-wal") - 32) // (1024 + 24) - pages_before
            database.execute("PRAGMA wal_checkpoint(RESTART)")
            database.execute("INSERT INTO t VALUES('one page')")
            tally = watcher.stop()
            self.assertEqual((tally.commits(), tally.restarts, tally.unseen), (4, 1, 0))
            self.assertGreater(pages, 6)
            self.assertEqual(tally.frames, pages + 1)
            self.assertEqual(tally.log_bytes(), (pages + 1) * (1024 + 24))
            database.close()

    def test_pages_behind_a_header_are_those_added_after_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "runs.db")
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA journal_mode=WAL")

            def header():
                with open(path + "-shm", "rb") as file:
                    return wal_index.parse(file.read(wal_index.BYTES))

            database.execute("CREATE TABLE t(a)")
            earlier = header()
            for _ in range(5):
                database.execute("INSERT INTO t VALUES(zeroblob(3000))")
            later = header()
            log = os.open(path + "-wal", os.O_RDONLY)
            try:
                self.assertGreaterEqual(later.frames - earlier.frames, 5)
                self.assertEqual(wal_index.frames_behind(log, earlier),
                                 later.frames - earlier.frames)
                self.assertEqual(wal_index.frames_behind(log, later), 0)
            finally:
                os.close(log)
                database.close()

    def test_a_header_that_is_being_written_is_none(self):
        old, new = (struct.pack("=III2xHI28x", 3007000, 0, n, 4096, 0) for n in (5, 6))
        self.assertEqual(wal_index.parse(new + new).commits, 6)
        self.assertIsNone(wal_index.parse(new + old))
        self.assertIsNone(wal_index.parse(new + new[:-1]))
        with self.assertRaisesRegex(processes.BenchError, "wal-index has version 1, known is"):
            wal_index.parse(2 * struct.pack("=III36x", 1, 0, 5))

    def test_a_store_that_nobody_holds_is_told(self):
        with self.assertRaisesRegex(processes.BenchError, "cannot be watched: .*nowhere.db-shm"):
            wal_index.Watcher("/nowhere.db")

    def test_a_page_may_be_as_large_as_no_number_of_16_bits(self):
        data = struct.pack("=III2xHI28x", 3007000, 0, 5, 1, 8)
        self.assertEqual(wal_index.parse(data + data)[:2], (5, 8))
        self.assertEqual(wal_index.parse(data + data).page_bytes, 65536)

    def test_the_counters_may_start_over(self):
        tally = wal_index.Tally(self.header(2**32 - 1, 7, 2**32 - 1), lambda header: 3)
        tally.add(self.header(2, 4, 0), 1.0)
        self.assertEqual((tally.commits(), tally.restarts, tally.frames), (3, 1, 7))

    def test_a_log_that_begins_anew_counts_whole(self):
        tally = self.tally(behind=30)
        tally.add(self.header(11, 150), 1.0)
        tally.add(self.header(12, 20, salt=6), 1.1)
        self.assertEqual((tally.frames, tally.restarts, tally.unseen), (50 + 30 + 20, 1, 0))

    def test_what_was_overwritten_unseen_is_told(self):
        tally = self.tally()
        tally.add(self.header(12, 101, salt=6), 1.1)
        tally.add(self.header(20, 1, salt=8), 1.2)
        self.assertEqual((tally.restarts, tally.unseen), (3, 2))
        fresh = wal_index.Tally(self.header(0, 0, 0), lambda header: 0)
        fresh.add(self.header(1, 9, salt=12345678), 1.0)  # the first log's salt is random
        self.assertEqual((fresh.restarts, fresh.unseen, fresh.frames), (0, 0, 9))

    def test_the_longest_pause_is_between_two_commits_under_load(self):
        tally = self.tally()
        tally.add(self.header(10, 100), 0.0)
        tally.add(self.header(10, 100), 5.0)  # before the first commit
        tally.add(self.header(11, 101), 5.1)
        tally.add(self.header(11, 101), 5.3)
        tally.add(self.header(12, 102), 5.4)
        tally.add(self.header(12, 102), 9.0)
        tally.add(self.header(13, 103), 9.1, loaded=False)
        self.assertAlmostEqual(tally.longest_pause, 0.2)


if __name__ == "__main__":
    unittest.main()
