"""Tests of script/bench --case tls (bench/harness/tls.py)."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import tls  # noqa: E402


def rows(dearest):
    """What two rounds gave: (rate, µs of CPU) each."""
    return {("GET", "plain text", ""): [(30000.0, 20.0), (32000.0, 22.0)],
            ("GET", "TLS 1.2", "RSA-2048"): [(20000.0, dearest), (20000.0, dearest)],
            ("GET", "TLS 1.3", "RSA-2048"): [(24000.0, 23.0), (25000.0, 25.0)],
            ("handshake", "TLS 1.3", "RSA-2048"): [(100.0, 2000.0), (120.0, 2100.0)]}


class Figures(unittest.TestCase):
    def test_the_dearest_get_counts_and_no_handshake_does(self):
        self.assertAlmostEqual(1.25, tls.ratio(rows(26.25)))
        self.assertFalse(tls.wrong(rows(1.34 * 21)))
        self.assertTrue(tls.wrong(rows(1.36 * 21)))

    def test_the_table_has_medians_and_multiples_of_plain_text(self):
        table = [[cell.strip() for cell in line.split("|")[1:-1]]
                 for line in tls.text(rows(26.25)).splitlines()]
        self.assertIn(["GET", "TLS 1.2", "RSA-2048", "20,000", "26.2", "1.25"], table)
        self.assertIn(["GET", "plain text", "", "31,000", "21.0", "1.00"], table)
        self.assertIn(["handshake", "TLS 1.3", "RSA-2048", "110", "2,050.0", ""], table)


if __name__ == "__main__":
    unittest.main()
