"""Tests of the pure parts of script/bench --soak."""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import soak as program  # noqa: E402
from harness import background, processes, soak, svg_plot  # noqa: E402


def window(seconds, **changes):
    whole = {"seconds": seconds, "requests": 1000, "rate": 500.0, "cancel_p50_us": 1000.0,
             "cancel_p99_us": 4000.0, "read_p99_us": 2000.0, "cpu_us": 30.0,
             "rss_kib": 51200, "database_bytes": 5 << 20, "wal_bytes": 3 << 20, "wrong": 0}
    whole.update(changes)
    return soak.Window(**whole)


def usage(*arguments):
    """What wrong arguments are told."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        try:
            program.parse_arguments(arguments)
        except SystemExit as end:
            assert end.code == 2, end.code
    return told.getvalue().splitlines()[-1] if told.getvalue() else ""


class Options(unittest.TestCase):
    def test_wrong_ones_are_told_with_their_limits(self):
        self.assertIn("--soak: must be a number from 8 to 1e+06, is 'an-hour'",
                      usage("--soak", "an-hour"))
        self.assertIn("--soak: must be a number from 8 to 1e+06, is '7'", usage("--soak", "7"))
        self.assertIn("--soak-scale: must be a number from 0.01 to 10, is '0'",
                      usage("--soak", "60", "--soak-scale", "0"))
        self.assertIn("--connections: must be a number from 4 to 10000, is '3.5'",
                      usage("--soak", "60", "--connections", "3.5"))
        self.assertIn("--soak: must be a number from 8 to 1e+06, is 'nan'",
                      usage("--soak", "nan"))

    def test_a_disk_that_is_too_small_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            soak.check_disk(folder, 8, 0.01)
            free = shutil.disk_usage(folder).free
            scale = 2 * free / soak.disk_bytes(3600, 1)
            with self.assertRaisesRegex(processes.BenchError,
                                        r"--soak 3600 needs [\d.]+ GiB of disk .* --soak-scale"):
                soak.check_disk(folder, 3600, scale)

    def test_an_hour_at_scale_1_takes_less_than_10_gib(self):
        self.assertLess(soak.disk_bytes(3600, 1), 10 << 30)


class Windows(unittest.TestCase):
    def test_there_are_360_of_them_between_2_and_10_seconds(self):
        self.assertEqual([soak.window_seconds(s) for s in (8, 720, 1800, 3600, 86400)],
                         [2, 2, 5, 10, 10])


class Slope(unittest.TestCase):
    def test_of_a_line_is_its_own(self):
        self.assertAlmostEqual(soak.slope([(x, 7 - 2.5 * x) for x in range(5)]), -2.5)

    def test_of_scattered_points_is_that_of_least_squares(self):
        self.assertAlmostEqual(soak.slope([(0, 0), (1, 3), (2, 2)]), 1)

    def test_of_too_few_points_is_0(self):
        self.assertEqual([soak.slope([]), soak.slope([(1, 5)]), soak.slope([(1, 5), (1, 9)])],
                         [0, 0, 0])

    def test_the_warm_up_does_not_count(self):
        windows = [window(360 * i, rss_kib=100 if i < 2 else 5000 + 10 * i) for i in range(20)]
        self.assertAlmostEqual(soak.rss_slope_kib_per_hour(windows), 100)


class Verdict(unittest.TestCase):
    def test_sums_up(self):
        windows = [window(10 * (i + 1), cancel_p99_us=1000.0 * (i + 1), rss_kib=51200 + 1024 * i,
                          wal_bytes=(i + 1) << 20, wrong=i % 2) for i in range(10)]
        self.assertEqual(soak.verdict(windows), [
            "10,000 requests in 100 s, 5 wrong answers.",
            "Resident memory after the warm-up: 51.0 MiB, at the end 59.0 MiB, slope +368,640 KiB "
            "an hour.",
            "p99 of cancels, first quarter against last: 1.5 ms, 9.5 ms.",
            "p99 of GETs, first quarter against last: 2.0 ms, 2.0 ms.",
            "The write-ahead log was 10 MiB at most, the database is 5 MiB.",
        ])

    def test_of_one_window_is_possible(self):
        self.assertIn("slope +0 KiB", "\n".join(soak.verdict([window(2)])))

    def test_the_table_has_ten_rows_from_the_first_to_the_last(self):
        lines = soak.table_lines([window(10 * (i + 1)) for i in range(360)])
        self.assertEqual(len(lines), 12)
        self.assertEqual([lines[i].split("|")[1].strip() for i in (2, -1)], ["10", "3,600"])
        self.assertEqual(len(soak.table_lines([window(1), window(2)])), 4)

    def test_raw_windows_are_lines_of_json(self):
        lines = soak.raw([window(1), window(2)]).splitlines()
        self.assertEqual([json.loads(line)["seconds"] for line in lines], [1, 2])


class Ticks(unittest.TestCase):
    def test_are_round_and_reach_beyond_the_values(self):
        self.assertEqual(svg_plot.ticks(0, 97), [0, 20, 40, 60, 80, 100])
        self.assertEqual(svg_plot.ticks(0, 0.0042), [0, 0.001, 0.002, 0.003, 0.004, 0.005])
        self.assertEqual(svg_plot.ticks(0, 60, 10), [0, 10, 20, 30, 40, 50, 60])
        self.assertEqual(svg_plot.ticks(0, 0)[0], 0)
        for high in (1, 3, 7, 11, 123, 999, 1e6, 0.03):
            ticks = svg_plot.ticks(0, high)
            self.assertGreaterEqual(ticks[-1], high)
            self.assertLess(len(ticks), 10)


class Plot(unittest.TestCase):
    SVG = "{http://www.w3.org/2000/svg}"

    def test_is_xml_with_a_line_of_every_window(self):
        root = xml.fromstring(soak.svg([window(60 * i) for i in range(30)]))
        lines = root.findall(self.SVG + "polyline")
        self.assertEqual(len(lines), 4)
        self.assertEqual([len(line.get("points").split()) for line in lines], [30] * 4)
        words = [text.text for text in root.findall(self.SVG + "text")]
        for word in ("minutes", "MiB", "ms", "resident memory", "p99 of cancels", "p99 of GETs"):
            self.assertIn(word, words)

    def test_places_are_within_their_panel(self):
        panel = svg_plot.Panel("x", {"a": [(0, 0), (5, 40), (10, 100)]})
        root = xml.fromstring(svg_plot.render("t", "x", [panel, panel]))
        places = [tuple(map(float, p.split(",")))
                  for p in root.findall(self.SVG + "polyline")[0].get("points").split()]
        bottom = svg_plot.TOP + svg_plot.PANEL_HEIGHT
        self.assertEqual(places[0], (svg_plot.LEFT, bottom))
        self.assertEqual(places[2], (svg_plot.WIDTH - svg_plot.RIGHT, svg_plot.TOP))
        self.assertTrue(svg_plot.TOP < places[1][1] < bottom)

    def test_words_are_escaped(self):
        root = xml.fromstring(svg_plot.render("a < b & c", "x", [
            svg_plot.Panel("<y>", {"<line>": [(0, 1)]})]))
        words = [text.text for text in root.findall(self.SVG + "text")]
        for word in ("a < b & c", "<y>", "<line>"):
            self.assertIn(word, words)


class Background(unittest.TestCase):
    def test_gives_the_result_or_the_error(self):
        def fail():
            raise processes.BenchError("no luck")

        self.assertEqual(background.Background(lambda: 7).result(), 7)
        with self.assertRaisesRegex(processes.BenchError, "^no luck$"):
            background.Background(fail).result()


if __name__ == "__main__":
    unittest.main()
