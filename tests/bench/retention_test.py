"""Tests of script/bench --case retention (bench/harness/retention.py)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import retention  # noqa: E402


def row(p99_us, deleted=0, answered=1000):
    """Of a report of 1,000 cancels within a fifth of a second."""
    return retention.make_row(
        {"seconds": 0.2, "ratePerSecond": 5000, "requests": 1000, "unanswered": 0,
         "answers": {"200": answered}, "latencyUs": {"p50": 500.0, "p99": p99_us, "max": 9000.0}},
        0.1, deleted)


class Figures(unittest.TestCase):
    def measured(self, **changed):
        return {retention.BEFORE: [row(1000.0), row(3000.0)],
                retention.DURING: [row(2000.0, 700), row(4000.0, 300), row(3000.0, 500)],
                retention.AFTER: [row(2000.0)], **changed}

    def test_the_ratio_is_that_of_the_medians(self):
        self.assertEqual(1.5, retention.ratio(self.measured(), lambda r: r.p99_us))
        self.assertIn("is 1.50 times that without it, p50 1.00 times",
                      retention.text(self.measured()))

    def test_the_table_has_each_phase_and_what_was_deleted(self):
        lines = retention.text(self.measured()).splitlines()
        self.assertEqual([line.split("|")[1].strip() for line in lines[2:5]],
                         [retention.BEFORE, retention.DURING, retention.AFTER])
        during = [cell.strip() for cell in lines[3].split("|")[1:-1]]
        self.assertEqual(during, [retention.DURING, "3", "5,000", "0.50", "3.00", "4.00", "9.0",
                                  "0.50", "1,500", "2,500"])

    def test_a_cancel_that_was_answered_otherwise_is_told(self):
        self.assertEqual(0, retention.wrong(self.measured()))
        self.assertNotIn("WRONG", retention.text(self.measured()))
        measured = self.measured(**{retention.AFTER: [row(2000.0, answered=997)]})
        self.assertEqual(3, retention.wrong(measured))
        self.assertIn("WRONG: 3 cancels", retention.text(measured))


if __name__ == "__main__":
    unittest.main()
