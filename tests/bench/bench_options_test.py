"""Tests of the options of script/bench (bench/run_bench.py)."""

import contextlib
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))

import run_bench  # noqa: E402
from harness import cases, peer  # noqa: E402


class Options(unittest.TestCase):
    def refusal(self, *arguments):
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            with self.assertRaises(SystemExit) as end:
                run_bench.parse_arguments(arguments)
        self.assertEqual(end.exception.code, 2)
        return told.getvalue().splitlines()[-1]

    def test_wrong_ones_are_told_with_their_limits(self):
        for text in ("-1", "0", "999", "1000000001", "1e6", ""):
            self.assertIn(f"--runs: must be a whole number from 1,000 to 1,000,000,000, is '{text}'",
                          self.refusal(f"--runs={text}"))
        for text in ("1", "1001", "half"):
            self.assertIn(f"--running-every: must be a whole number from 2 to 1,000, is '{text}'",
                          self.refusal("--running-every", text))
        self.assertIn("--peer: must be a folder that holds run-peer.sh, is '/nowhere'",
                      self.refusal("--peer", "/nowhere"))
        self.assertIn("--beside: must be a folder that holds ctl/runsctl, is '/nowhere'",
                      self.refusal("--beside", "/nowhere"))
        self.assertIn("unrecognized arguments: --shuffle", self.refusal("--shuffle"))

    def test_some_are_measured_by_themselves(self):
        for name in ("retention", "backup"):
            self.assertEqual(run_bench.parse_arguments(["--case", name]).case, [name])
            self.assertIn("name no other case with it",
                          self.refusal("--case", name, "--case", "get"))
            self.assertIn("writes no results", self.refusal("--case", name, "--write-results"))

    def test_postgres_is_measured_by_itself(self):
        self.assertEqual(run_bench.parse_arguments(["--store", "postgres"]).store, "postgres")
        self.assertIn("--store postgres has cases of its own",
                      self.refusal("--store", "postgres", "--case", "get"))
        self.assertIn("writes no results",
                      self.refusal("--store", "postgres", "--write-results"))
        self.assertIn("invalid choice: 'mysql'", self.refusal("--store", "mysql"))

    def test_a_peer_needs_a_case_that_it_has(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, peer.SCRIPT), "w", encoding="ascii"):
                pass
            self.assertIn("--peer compares cancel, cancel-1, grpc-cancel-tcp, get, conflict; "
                          "--case names none of them",
                          self.refusal("--peer", folder, "--case", "not-found"))
            options = run_bench.parse_arguments(["--peer", folder, "--case", "get"])
            self.assertEqual(options.peer, folder)

    def test_watches_are_measured_by_themselves_and_beside_etcd_alone(self):
        options = run_bench.parse_arguments(["--case", "watch"])
        self.assertEqual((options.case, options.peer), (["watch"], None))
        self.assertEqual(run_bench.parse_arguments(["--case", "watch", "--peer", "none"]).peer,
                         "none")
        self.assertIn("name no other case with it",
                      self.refusal("--case", "watch", "--case", "get"))
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, peer.SCRIPT), "w", encoding="ascii"):
                pass
            self.assertIn("--case watch has one peer, etcd; --peer can be none only",
                          self.refusal("--peer", folder, "--case", "watch"))
        # Without a name it is left out, and none is no peer for the others.
        self.assertFalse("watch" in {case.name for case in run_bench.chosen_cases(
            run_bench.parse_arguments([]))})
        self.assertIsNone(run_bench.parse_arguments(["--peer", "none"]).peer)

    def test_defaults(self):
        options = run_bench.parse_arguments([])
        self.assertEqual((options.runs, options.running_every), (200000, 2))
        self.assertEqual(run_bench.places(options), ["apart", "serve"])
        options = run_bench.parse_arguments(["--runs", "10000000", "--case", "start"])
        self.assertEqual((options.running_every, run_bench.places(options)), (10, ["serve"]))
        self.assertEqual(run_bench.chosen_cases(options), [])

    def test_options_for_the_servers_are_taken_as_they_are(self):
        options = run_bench.parse_arguments(["--server-option=--queue-limit=99",
                                             "--server-option", "x"])
        self.assertEqual(options.server_option, ["--queue-limit=99", "x"])

    def test_overload_brings_the_cases_that_it_is_held_against(self):
        options = run_bench.parse_arguments(["--case", "overload"])
        self.assertEqual([c.name for c in run_bench.chosen_cases(options)], ["cancel", "get"])

    def test_every_case_of_the_peer_is_one(self):
        self.assertLessEqual(set(peer.CASES), {c.name for c in cases.CASES})


if __name__ == "__main__":
    unittest.main()
