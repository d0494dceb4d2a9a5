"""The proofs of tests/histories/, short: clients that fight over runs under kill -9 and SIGSTOP,
and watchers that resume their streams. docs/PROOF.md; script/histories has the long forms."""

import random
import subprocess
import sys
import unittest

from harness import ROOT, program

sys.path.insert(0, str(ROOT / "tests" / "histories"))

import canaries  # noqa: E402
import checker  # noqa: E402
import storm  # noqa: E402
import watch_storm  # noqa: E402
import watcher  # noqa: E402

SECONDS = 40


class Histories(unittest.TestCase):
    def test_what_clients_saw_can_be_explained(self):
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            recorded = storm.storm(storm.parse(["--seed", str(seed), "--seconds", str(SECONDS)]))
            kinds, answers = storm.summary(recorded)
            # That nothing happened would be no proof.
            for kind in ("created", "status_changed", "acquired", "released", "stopped",
                         "lease_lost by runsd", "status_changed by runsd"):
                self.assertGreater(kinds.get(kind, 0), 5, kinds)
            for answer in ("unknown", "ATTEMPT_STALE", "RUN_ALREADY_FINISHED", "RUN_NOT_HELD",
                           "RUN_NOT_CANCELLED", "renewal held", "renewal lost",
                           "renewal finished"):
                self.assertGreater(answers.get(answer, 0), 5, answers)
            self.assertGreater(storm.interleavings(recorded)[0], 200)


class Watches(unittest.TestCase):
    def test_resumed_watches_see_what_the_store_has(self):
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            watch_storm.storm_of_watchers(watch_storm.parse(
                ["--seed", str(seed), "--watchers", "10", "--changes", "10000", "--kills", "3"]))


class WatchersAreChecked(unittest.TestCase):
    """That a watcher's result which is not the store's is seen, in each way it can differ."""

    # revision, run, sequence, kind, from, to, attempt, holder, actor, reason, at
    CHANGES = [(1, "a", 1, "created", "", "running", 0, "", "me", "", 10),
               (2, "b", 1, "created", "", "running", 1, "h", "me", "", 11),
               (3, "b", 2, "released", "running", "running", 1, "h", "me", "", 12),
               (4, "a", 2, "status_changed", "running", "waiting", 0, "", "me", "why", 13),
               (5, "b", 3, "status_changed", "running", "success", 1, "", "me", "", 14)]
    FLOWS = {"a": "x", "b": "y"}

    def check(self, filters, revisions, changes=None, **more):
        digest = 0
        for change in changes or [self.CHANGES[r - 1] for r in revisions]:
            digest = watcher.chained(digest, change)
        result = {"name": "w", "revisions": revisions, "digest": digest, "violation": None,
                  "table": None, "spans": [[0, 5]], **more}
        watch_storm.check_watcher(result, {"filters": filters}, self.CHANGES, self.FLOWS,
                                  watch_storm.live_table(self.CHANGES), kept=2)

    def test_what_filters_let_through(self):
        for filters, revisions in (({}, [1, 2, 3, 4, 5]), ({"status": ["running"]}, [1, 2]),
                                   ({"status": ["waiting", "success"]}, [4, 5]),
                                   ({"workflowId": "y"}, [2, 3, 5]), ({"runIds": ["a"]}, [1, 4]),
                                   ({"holder": "h"}, [2, 3]), ({"workflowId": "z"}, []),
                                   ({"workflowId": "y", "status": ["success"]}, [5])):
            with self.subTest(filters):
                self.check(filters, revisions)

    def test_histories_that_are_not_the_stores(self):
        other = [*self.CHANGES[:4], (5, "b", 3, "status_changed", "running", "failure", 1, "",
                                     "me", "", 14)]
        for revisions, changes, why in (([1, 2, 4, 5], None, "1 missed"),
                                        ([1, 2, 3, 4], None, "1 missed"),
                                        ([1, 2, 3, 3, 4, 5], None, "1 twice"),
                                        ([1, 3, 2, 4, 5], None, "the order"),
                                        ([1, 2, 3, 4, 5], other, "not what the store says")):
            with self.subTest(why), self.assertRaisesRegex(checker.Violation, why):
                self.check({}, revisions, changes)
        with self.assertRaisesRegex(checker.Violation, "1 not asked for"):
            self.check({"runIds": ["a"]}, [1, 2, 4])

    def test_tables_that_are_not_the_stores(self):
        self.check({}, [], table={"a": ["waiting", 2]})
        for table in ({"a": ["waiting", 1]}, {"a": ["running", 2]}, {},
                      {"a": ["waiting", 2], "b": ["running", 2]}):
            with self.subTest(table), self.assertRaisesRegex(checker.Violation, "its table"):
                self.check({}, [], table=table)

    def test_cursors_that_expired(self):
        self.check({}, [1, 2, 5], spans=[[0, 2], [4, 5]])
        with self.assertRaisesRegex(checker.Violation, "1 missed"):
            self.check({}, [1, 2, 5], spans=[[0, 2], [3, 5]])
        with self.assertRaisesRegex(checker.Violation, "expired too soon"):
            self.check({}, [1, 2, 3, 5], spans=[[0, 3], [4, 5]])

    def test_what_watchers_saw_themselves(self):
        with self.assertRaisesRegex(checker.Violation, "overtook"):
            self.check({}, [1, 2, 3, 4, 5], violation="a bookmark overtook")

    def follow(self, *steps, filters=None):
        """What a watcher finds wrong with these steps: (its method, arguments)."""
        spec = {"name": "w", "filters": filters or {}}
        one = watcher.Watcher({"seed": 1, "cursor": "c0", "silence_s": 20}, None, spec)
        for name, *arguments in steps:
            getattr(one, name)(*arguments)
        return one.violation or ""

    def test_what_is_wrong_in_a_stream(self):
        first, second, third = (("change", c, "c") for c in self.CHANGES[:3])
        self.assertEqual("", self.follow(first, ("bookmark", 1, 2, "c"), second, third))
        self.assertIn("came after 1", self.follow(first, third))
        self.assertIn("came after everything", self.follow(first, second, second))
        self.assertIn("came after everything", self.follow(("bookmark", 2, 2, "c"), second,
                                                           filters={"runIds": ["b"]}))
        self.assertIn("overtook", self.follow(first, ("bookmark", 2, 2, "c")))
        self.assertIn("a bookmark at 1", self.follow(first, second, ("bookmark", 1, 2, "c")))
        self.assertIn("a bookmark at 3 of 2", self.follow(("bookmark", 3, 2, "c")))
        self.assertIn("no cursor", self.follow(("change", self.CHANGES[0], "")))


class Canaries(unittest.TestCase):
    def test_each_changes_lines_that_are_there(self):
        texts = canaries.edited(lambda path: (ROOT / path).read_text(encoding="utf-8"))
        together = "".join(texts.values())
        for canary in canaries.CANARIES:
            self.assertIn(f'CANARY("{canary.name}")', together)

    def test_one_whose_line_is_gone_is_missing(self):
        with self.assertRaisesRegex(canaries.Missing, "has 0 times"):
            canaries.edited(lambda path: "nothing")

    def test_no_program_that_is_shipped_has_one(self):
        for name in ("runsctl", "runsd", "runs-gateway"):
            found = subprocess.run(["grep", "-c", canaries.VARIABLE, program(name)],
                                   capture_output=True, text=True, check=False)
            self.assertEqual((1, "0\n"), (found.returncode, found.stdout), name)


