"""Tests of script/bench --case watch (bench/harness/watch.py)."""

import datetime
import os
import sys
import types
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

from harness import results, watch  # noqa: E402


def report(**changed):
    """What watch_load prints of 1,000 deliveries to 10 watchers within a second."""
    latency = {"p50": 1000.0, "p99": 2000.0, "max": 3000.0}
    return {"watchers": 10, "seconds": 1.0, "changes": 100, "failedChanges": 0, "deliveries": 1000,
            "lost": 0, "duplicated": 0, "disordered": 0, "foreign": 0, "unreadable": 0, "ended": 0,
            "sinceAckUs": latency, "sinceSentUs": latency, "serverCpuNs": 4_000_000,
            "ownCpuNs": 1_000_000, "rssBeforeBytes": 1 << 20,
            "rssOpenBytes": (1 << 20) + 10 * 12288, "rssAfterBytes": (1 << 20) + 10 * 13312,
            **changed}


def measured(ours=None, theirs=None):
    """As watch.measure returns it, of one round."""
    rows = {}
    for scenario in watch.SCENARIOS:
        rows[(scenario, watch.OURS)] = [watch.make_row(ours or report())]
        if theirs:
            rows[(scenario, watch.PEER)] = [watch.make_row(theirs)]
    for scenario in (watch.ALONE, watch.WATCHED):
        rows[(scenario, watch.OURS)] = [watch.make_row(report(watchers=0, deliveries=0))]
    return rows


class Rows(unittest.TestCase):
    def test_shares_are_of_a_delivery_and_of_a_watcher(self):
        row = watch.make_row(report())
        self.assertEqual((row.cpu_us, row.change_us, row.load_us), (4.0, 40.0, 1.0))
        self.assertEqual((row.rate, row.kib, row.kib_after), (1000.0, 12.0, 13.0))
        self.assertEqual((row.ack_us, row.wrong), ((1000.0, 2000.0, 3000.0), {}))

    def test_nobody_watches(self):
        row = watch.make_row(report(watchers=0, deliveries=0))
        self.assertEqual((row.cpu_us, row.kib, row.change_us), (None, None, 40.0))

    def test_everything_that_must_not_be_is_told(self):
        for name in watch.WRONGS:
            self.assertEqual(watch.make_row(report(**{name: 3})).wrong, {name: 3})
            rows = measured(ours=report(**{name: 3}))
            self.assertIn(f"a (runsd): 3 {name}", watch.wrong(rows))
            self.assertIn(f"3 {name}", watch.text(rows))
        self.assertEqual(watch.wrong(measured()), [])


class Plan(unittest.TestCase):
    def test_who_is_first_takes_turns(self):
        first, second = (watch.plan(True, number) for number in (1, 2))
        self.assertEqual([side for _, side in first[:3]], [watch.OURS, watch.PEER, watch.FLOOR])
        self.assertEqual([side for _, side in second[:3]], [watch.PEER, watch.OURS, watch.FLOOR])
        self.assertEqual(set(first), set(second))
        self.assertNotIn(watch.PEER, {side for _, side in watch.plan(False, 1)})

    def test_there_is_a_change_at_least(self):
        self.assertEqual(watch.SCENARIOS[0].changes(3), 6000)
        self.assertEqual(watch.SCENARIOS[2].changes(0.01), 1)


class Text(unittest.TestCase):
    def test_ratios_are_of_the_peer_of_the_same_round(self):
        text = watch.text(measured(theirs=report(serverCpuNs=8_000_000)))
        self.assertRegex(text, r"\| a +\| runsd +\| +1,000 \| +4\.00 \| +0\.50 \|")
        self.assertRegex(text, r"\| a +\| etcd +\| +1,000 \| +8\.00 \| +- \|")
        self.assertNotIn("Aims that were missed", text)

    def test_missed_aims_are_named(self):
        slow = {"p50": 1.0, "p99": 60000.0, "max": 70000.0}
        rows = measured(report(sinceAckUs=slow, rssOpenBytes=(1 << 20) + 10 * 17 * 1024),
                        report())
        self.assertEqual(watch.missed(rows), [
            "a: p99 60.0 ms, aim 5", "b: p99 60.0 ms, aim 15",
            "b: 1.00 of etcd's CPU for a delivery, aim 0.7", "c: p99 60.0 ms, aim 50",
            "c: 17.0 KiB a watcher, aim 16"])
        self.assertIn("c: 17.0 KiB a watcher, aim 16", watch.text(rows))


class Page(unittest.TestCase):
    def test_the_watches_and_the_stores_keep_each_other(self):
        options = types.SimpleNamespace(runs=200000, rounds=3, seconds=3, server_option=[])
        today = datetime.date(2026, 11, 30)
        page = results.page_with("", "STORE", options, "abc", today)
        page = results.watches_page(page, "WATCHES", options, "abc", today)
        page = results.page_with(page, "STORE, newer", options, "abc", today)
        page = results.watches_page(page, "WATCHES, newer", options, "abc", today)
        self.assertEqual([page.count(text) for text in (
            "STORE", "STORE, newer", "WATCHES", "WATCHES, newer", "## Watches",
            "## How to read it", "# Benchmark results")], [1] * 7)
        self.assertEqual(list(results.sections(page)), [200000])
        self.assertNotIn("WATCHES", results.sections(page)[200000])
        self.assertTrue(results.watches(page).endswith("WATCHES, newer"))


if __name__ == "__main__":
    unittest.main()
