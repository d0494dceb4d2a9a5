"""The counter's own test: each way to fail is counted, none is counted twice."""

import json
import unittest

from count_tests import Count

GOOD = '<testsuites><testsuite><testcase name="a" result="completed"/>' \
       '<testcase name="b" result="completed"/></testsuite></testsuites>'
MIXED = '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>' \
        '<testcase name="c"><error/></testcase><testcase name="d"><skipped/></testcase>' \
        '<testcase name="e" result="suppressed"/></testsuite></testsuites>'


def result(label, uri, shard=1, attempt=1):
    return {"id": {"testResult": {"label": label, "run": 1, "shard": shard, "attempt": attempt}},
            "testResult": {"testActionOutput": [{"name": "test.log", "uri": "log"},
                                                {"name": "test.xml", "uri": uri}]}}


def summary(label, status):
    return {"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": status}}


def configured(label):
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}}


def completed(label, success):
    return {"id": {"targetCompleted": {"label": label}},
            "completed": {"success": True} if success else {}}


class CountTest(unittest.TestCase):
    def count(self, *events, files=None):
        count = Count()
        count.add_build_events([json.dumps(e) for e in events], (files or {}).__getitem__)
        return count.line()

    def test_counts_cases_not_targets(self):
        self.assertEqual("2 passed, 0 failed", self.count(
            configured("//a"), completed("//a", True), result("//a", "x"), summary("//a", "PASSED"),
            files={"x": GOOD}))

    def test_counts_failures_errors_and_skips(self):
        self.assertEqual("1 passed, 2 failed, 2 skipped", self.count(
            result("//a", "x"), summary("//a", "FAILED"), files={"x": MIXED}))

    def test_counts_all_shards_and_only_the_last_attempt(self):
        self.assertEqual("4 passed, 0 failed", self.count(
            result("//a", "bad"), result("//a", "x", attempt=2), result("//a", "y", shard=2),
            summary("//a", "FLAKY"), files={"bad": MIXED, "x": GOOD, "y": GOOD}))

    def test_counts_a_crash_once(self):
        self.assertEqual("2 passed, 1 failed", self.count(
            result("//a", "x"), summary("//a", "FAILED"), files={"x": GOOD}))

    def test_counts_a_time_out_without_results(self):
        self.assertEqual("0 passed, 1 failed", self.count(
            configured("//a"), completed("//a", True), summary("//a", "TIMEOUT")))

    def test_counts_a_target_that_was_not_built(self):
        self.assertEqual("0 passed, 1 failed", self.count(
            configured("//a"), completed("//a", False)))
        self.assertEqual("0 passed, 1 failed", self.count(
            configured("//a"), completed("//a", False), summary("//a", "NO_STATUS")))

    def test_counts_a_library_that_was_not_built(self):
        self.assertEqual("0 passed, 1 failed", self.count(completed("//lib", False)))

    def test_counts_a_test_that_was_not_run(self):
        self.assertEqual("0 passed, 1 failed", self.count(
            configured("//a"), completed("//a", True)))

    def test_counts_a_target_without_cases_as_failed(self):
        self.assertEqual("0 passed, 1 failed", self.count(
            result("//a", "x"), summary("//a", "PASSED"), files={"x": "<testsuites/>"}))

    def test_counts_a_cut_off_result(self):
        self.assertEqual("0 passed, 1 failed", self.count(
            result("//a", "x"), summary("//a", "FAILED"), files={"x": "<testsuites>"}))


if __name__ == "__main__":
    unittest.main(verbosity=0)
