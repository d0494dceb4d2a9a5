"""The counter's own test: each way to fail is counted, none is counted twice."""

import json
import pathlib
import tempfile
import unittest

from count_tests import Count, add_folder

GOOD = '<testsuites><testsuite><testcase name="a" result="completed"/>' \
       '<testcase name="b" result="completed"/></testsuite></testsuites>'
MIXED = '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>' \
        '<testcase name="c"><error/></testcase>' \
        '<testcase name="d"><skipped message="no\nroom"/></testcase>' \
        '<testcase name="e" result="skipped"><skipped>too  old</skipped></testcase>' \
        '</testsuite></testsuites>'


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

    def test_tells_why_each_was_skipped(self):
        count = Count()
        count.add_junit(MIXED, "//a")
        self.assertEqual(["//a .d: no room", "//a .e: too old"], count.skips)

    def test_a_skip_without_a_reason_is_a_failure(self):
        count = Count()
        count.add_junit('<testsuite><testcase name="d"><skipped/></testcase>'
                        '<testcase name="e" result="suppressed"/></testsuite>', "//a")
        self.assertEqual("0 passed, 2 failed", count.line())
        self.assertEqual("//a .d: is skipped without a reason", count.failures[0])

    def folder(self, **files):
        """The line for a folder of these files; "__" stands for "."."""
        count = Count()
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (pathlib.Path(folder) / name.replace("__", ".")).write_text(text)
            add_folder(count, folder)
        return count.line()

    def test_a_step_with_results_counts_them(self):
        self.assertEqual("2 passed, 0 failed", self.folder(a__status="0", a__junit__xml=GOOD))

    def test_a_step_that_left_no_results_is_a_failure(self):
        self.assertEqual("2 passed, 1 failed", self.folder(
            a__status="0", a__junit__xml=GOOD, b__status="1"))
        self.assertEqual("0 passed, 1 failed", self.folder(b__status="0"))

    def test_a_step_that_failed_without_a_failing_test_is_a_failure(self):
        self.assertEqual("2 passed, 1 failed", self.folder(a__status="1", a__junit__xml=GOOD))
        failing = GOOD.replace('result="completed"/>', "><failure/></testcase>", 1)
        self.assertEqual("1 passed, 1 failed", self.folder(a__status="1", a__junit__xml=failing))

    def test_a_check_counts_as_one(self):
        self.assertEqual("1 passed, 1 failed", self.folder(a__check="0", b__check="2"))

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
