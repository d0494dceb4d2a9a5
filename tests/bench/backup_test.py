"""Tests of script/bench --case backup (bench/harness/backup.py)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import backup  # noqa: E402


def row(p99_us, answered=4000):
    """Of a report of 4,000 cancels."""
    return backup.make_row(
        {"ratePerSecond": 2000, "requests": 4000, "unanswered": 0, "answers": {"200": answered},
         "latencyUs": {"p50": p99_us / 2, "p99": p99_us, "max": 3 * p99_us}})


def made(growth):
    said = {"bytes": 2_000_000_000, "copiedSeconds": 6.0, "logBytesBefore": 1_000_000,
            "logBytes": 1_000_000 + growth}
    return backup.make_backup(said, 14.0)


class Text(unittest.TestCase):
    def measured(self):
        return {backup.WITHOUT: [row(1000.0), row(3000.0), row(2000.0)],
                backup.BESIDE: [row(2000.0), row(4000.0), row(3000.0)]}

    def test_ratios_are_of_medians(self):
        text = backup.text(self.measured(), [made(5_000_000), made(9_000_000)])
        self.assertIn("p99 of cancels beside a backup is 1.50 times that without it", text)
        self.assertIn("2 backups of 2.00 GB: 3.0 s/GB to copy, 7.0 s/GB with the check", text)
        self.assertIn("grew by at most 9.0 MB, to 10.0 MB", text)
        self.assertNotIn("WRONG", text)

    def test_a_cancel_that_failed_is_told(self):
        measured = self.measured()
        measured[backup.BESIDE].append(row(1.0, answered=3990))
        self.assertEqual(10, backup.wrong(measured))
        self.assertIn("WRONG: 10 cancels", backup.text(measured, [made(1)]))


if __name__ == "__main__":
    unittest.main()
