"""Tests of script/bench --store postgres (bench/harness/postgres.py and pgbench.py)."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import pgbench, postgres, postgres_store, processes  # noqa: E402

PGBENCH = """pgbench (15.13 (Debian 15.13-0+deb12u1))
transaction type: update.sql
number of clients: 64
number of transactions actually processed: 29600
number of failed transactions: 0 (0.000%)
latency average = 5.470 ms
initial connection time = 85.202 ms
tps = 11700.123456 (without initial connection time)
"""


class Server:
    """Says what pgbench would, and notes what it is asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = []
        self.copies = 0

    def pgbench(self, database, *arguments):
        self.asked.append((database, arguments))
        return PGBENCH

    def query(self, database, sql):
        self.asked.append((database, sql))

    def settle(self, database):
        pass

    def copy_database(self, source, to):
        self.copies += 1


class Pgbench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.server = Server(folder.name)
        self.peer = pgbench.Pgbench(self.server, 200000, 64)
        self.peer.renew()

    def defined(self):
        """What the last run of pgbench was told."""
        return {word.partition("=")[2] for word in self.server.asked[-1][1]
                if word.startswith("--define=")}

    def test_transactions_and_rate_are_read(self):
        self.assertEqual((29600, 11700.123456), pgbench.parse(PGBENCH))

    def test_a_pgbench_that_did_nothing_is_told(self):
        with self.assertRaisesRegex(processes.BenchError, "pgbench carried out nothing"):
            pgbench.parse(PGBENCH.replace("29600", "0"))

    def test_each_client_updates_runs_that_none_updated_before(self):
        self.peer.update(64, 3)
        self.assertLessEqual({"first=0", "each=2500", "run=-1", "runs=200000"}, self.defined())
        self.peer.update(64, 3)
        self.assertIn("first=602", self.defined())  # 462 and a reserve, since clients differ
        self.peer.update(1, 3)
        self.assertLessEqual({"first=160000", "each=0"}, self.defined())

    def test_a_table_whose_runs_are_used_up_is_to_be_renewed(self):
        self.assertTrue(self.peer.has(64, 60000))
        while self.peer.has(64, 60000):
            self.peer.update(64, 3)
        self.assertTrue(self.peer.has(1, 15000))
        self.assertFalse(self.peer.has(1, 40000))
        self.peer.renew()
        self.assertTrue(self.peer.has(64, 60000))


def rows(**changed):
    """Two rounds of each, all alike."""
    measured = {what: [postgres.Row(1000.0, 100.0, 20.0, 30.0, 4000.0, 32.0)] * 2
                for what in postgres.ALL}
    measured[postgres.CANCEL] = [postgres.Row(2000.0, 20.0, 20.0, 30.0, 4000.0, 32.0),
                                 postgres.Row(1900.0, 30.0, 20.0, 30.0, 4000.0, 32.0)]
    measured[postgres.SQLITE] = [postgres.Row(1000.0, None, 10.0, None, 4000.0)] * 2
    return {**measured, **changed}


class Figures(unittest.TestCase):
    def row(self, text, name):
        line = next(line for line in text.splitlines() if line.startswith(f"| {name}"))
        return [cell.strip() for cell in line.split("|")[1:-1]]

    def test_ratios_are_medians_of_the_rounds_beside_their_aims(self):
        text = postgres.text(rows())
        self.assertEqual(["cancels/s", "1.95", "at least 1.8", "yes"], self.row(text, "cancels/s "))
        self.assertEqual(["PostgreSQL's CPU for a cancel", "0.25", "at most 0.3", "yes"],
                         self.row(text, "PostgreSQL's CPU for a cancel"))
        self.assertEqual("NO", self.row(text, "runsd's CPU")[3])
        self.assertEqual("NO", self.row(text, "PostgreSQL's CPU for a GET")[3])

    def test_what_was_not_measured_is_no_number(self):
        text = postgres.text(rows())
        self.assertEqual(["cancel over SQLite", "1,000", "-", "10.0", "-", "4.0", "-"],
                         self.row(text, "cancel over SQLite"))
        self.assertEqual("32.0", self.row(text, "cancel, 1 connection")[6])

    def test_what_ended_otherwise_is_told(self):
        self.assertNotIn("WRONG", postgres.text(rows()))
        wrong = rows(**{postgres.GET: [postgres.Row(1000.0, 100.0, wrong=3)] * 2})
        self.assertEqual(6, postgres.wrong(wrong))
        self.assertIn("WRONG: 6 requests", postgres.text(wrong))

    def test_every_aim_is_of_what_is_measured(self):
        for _, of, to, _, _, _ in postgres.AIMS:
            self.assertIn(of, postgres.ALL)
            self.assertIn(to, postgres.ALL)

    def test_tokens_have_the_form_of_those_that_the_server_makes(self):
        self.assertEqual(47, len(postgres_store.TOKEN.format(999)))


class Processes(unittest.TestCase):
    def test_parents_and_what_children_used_are_read(self):
        stat = "12 (a) b (c) S 7 2 3 4 5 6 7 8 9 10 31 11 40 2 20 0"
        self.assertEqual(7, processes.parse_parent(stat))
        self.assertEqual(42, processes.parse_childrens_ticks(stat))
        self.assertEqual(os.getppid(), processes.parent(os.getpid()))

    def test_a_process_that_has_ended_has_no_parent_and_uses_nothing(self):
        self.assertIsNone(processes.parent(0))
        self.assertEqual(0, processes.cpu_seconds_or_0(0))


if __name__ == "__main__":
    unittest.main()
