"""Tests of script/bench --case tenants (bench/harness/tenants.py)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import tenants  # noqa: E402


def row(p99_us, flood=None, answered=100):
    """Of a report of 100 cancels within half a second."""
    return tenants.make_row(
        {"seconds": 0.5, "requests": 100, "unanswered": 0, "answers": {"200": answered},
         "latencyUs": {"p50": 500.0, "p99": p99_us, "max": 9000.0}}, flood, 0.25)


class Figures(unittest.TestCase):
    def measured(self, **changed):
        flood = {"seconds": 2.0, "answers": {"200": 2000, "429": 18000}}
        rows = {tenants.ALONE: [row(1000.0), row(2000.0), row(3000.0)],
                tenants.READING: [row(3000.0, flood)], tenants.CHANGING: [row(2000.0, flood)],
                **changed}
        return {True: rows, False: rows}

    def test_the_ratio_is_that_of_the_medians(self):
        rows = self.measured()[True]
        self.assertEqual(1.5, tenants.ratio(rows, tenants.READING, lambda r: r.p99_us))
        self.assertEqual(1.0, tenants.ratio(rows, tenants.CHANGING, lambda r: r.p99_us))

    def test_the_table_has_what_was_served_and_refused_of_the_flood(self):
        lines = tenants.text(self.measured()).splitlines()
        reading = [cell.strip() for cell in lines[3].split("|")[1:-1]]
        self.assertEqual(["on", tenants.READING, "0.50", "3.00", "9.0", "1.50", "0.50", "1,000",
                          "9,000"], reading)

    def test_a_cancel_of_the_other_that_was_answered_otherwise_is_told(self):
        self.assertNotIn("WRONG", tenants.text(self.measured()))
        measured = self.measured(**{tenants.ALONE: [row(1000.0, answered=98)]})
        self.assertEqual(4, tenants.wrong(measured))
        self.assertIn("WRONG: 4 cancels of B", tenants.text(measured))


if __name__ == "__main__":
    unittest.main()
