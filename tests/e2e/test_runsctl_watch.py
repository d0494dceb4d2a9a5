"""runsctl runs watch, wait and events --follow: what they print, how they go on, how they end."""

import json
import re
import unittest

import grpc

import stubs
from harness import program, runsctl
from scripted_feed import LAST, End, Feed, bookmark, change, rest, snapshot_end, snapshot_run
from tables import cases
from terminal import Terminal

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, NOT_YET, RUN_FAILED, CANCELLED = range(10)
Code = grpc.StatusCode
run = stubs.run_pb2
EXPIRED = End(Code.OUT_OF_RANGE, "CURSOR_EXPIRED", "the cursor is below the floor")


class Scripted(unittest.TestCase):
    def ctl(self, feed, *arguments):
        return runsctl("runs", *arguments,
                       env={"RUNSCTL_TOKEN": "t", "RUNSCTL_SERVER": feed.address})

    def watch(self, feed, *arguments, code=DENIED):
        """Watches until the script's last error; returns the lines of both outputs, without that."""
        done = self.ctl(feed, "watch", *arguments)
        self.assertEqual(code, done.returncode, done.stderr)
        return done.stdout.splitlines(), done.stderr.splitlines()[:-1]

    def revisions(self, lines):
        return [message["change"]["revision"] for message in map(json.loads, lines)
                if "change" in message]


class Watch(Scripted):
    def test_json_is_a_line_for_each_message_but_bookmarks(self):
        script = (snapshot_run(), snapshot_end(), bookmark(6), change(7), bookmark(8), LAST)
        lines, _ = self.watch(Feed(self, script), "--json", "--snapshot")
        self.assertEqual(["snapshotRun", "snapshotEnd", "change"],
                         [next(iter(json.loads(line))) for line in lines])
        self.assertEqual("c7", json.loads(lines[2])["cursor"])
        lines, _ = self.watch(Feed(self, script), "--json", "--snapshot", "--bookmarks")
        self.assertEqual(5, len(lines))
        self.assertEqual({"revision": 8, "newestRevision": 8}, json.loads(lines[4])["bookmark"])

    def test_a_line_for_each_change_where_it_is_no_terminal(self):
        feed = Feed(self, (snapshot_run("r9"), snapshot_end(), bookmark(6), change(
            7, to=run.RUN_STATUS_CANCELLED, holder="h", attempt=2, from_status=run.RUN_STATUS_RUNNING,
            reason="why"), LAST))
        lines, _ = self.watch(feed, "--snapshot")
        self.assertRegex(lines[0], r"^RUN +AT +EVENT +FROM +TO +HOLDER +ACTOR +REASON$")
        self.assertRegex(lines[1], r"^r9 +- +live +- +running ")
        self.assertRegex(lines[2], r"^r1 +\S+Z +changed +running +cancelled +h #2 +tester +why$")
        self.assertEqual(3, len(lines))

    def test_filters_are_sent(self):
        feed = Feed(self, (LAST,))
        self.watch(feed, "--status", "cancelled,failure", "--workflow", "w", "--run", "a,b", "--run",
                   "c", "--holder", "h", "--include-run", "--cursor", "x")
        self.assertEqual(stubs.feed_pb2.WatchRunsRequest(
            status=[run.RUN_STATUS_CANCELLED, run.RUN_STATUS_FAILURE], workflow_id="w",
            run_ids=["a", "b", "c"], holder="h", include_run=True, cursor="x"), feed.requests[0])

    def test_it_goes_on_behind_the_last_message_whatever_ended_the_stream(self):
        for code in (Code.UNAVAILABLE, Code.INTERNAL, Code.UNKNOWN, Code.RESOURCE_EXHAUSTED,
                     Code.CANCELLED, Code.DEADLINE_EXCEEDED):
            with self.subTest(code.name):
                feed = Feed(self, (bookmark(1), change(2), End(code)), (End(code),),
                            (change(3), bookmark(9), End(code)), (change(10), LAST))
                lines, errors = self.watch(feed, "--json")
                self.assertEqual([2, 3, 10], self.revisions(lines))
                self.assertEqual(["", "c2", "c2", "c9"], [r.cursor for r in feed.requests])
                self.assertEqual(3, len(errors), errors)
                for error in map(json.loads, errors):
                    self.assertIn("going on behind the last message", error["message"])

    def test_an_orderly_end_is_an_interruption(self):
        feed = Feed(self, (change(2),), (change(3), LAST))
        lines, errors = self.watch(feed, "--json")
        self.assertEqual(([2, 3], 1), (self.revisions(lines), len(errors)))

    def test_it_begins_anew_where_its_place_is_not_kept_and_says_so(self):
        for json_too in ((), ("--json",)):
            feed = Feed(self, (change(7), End(Code.UNAVAILABLE)), (EXPIRED,),
                        (snapshot_run("r9"), snapshot_end(), bookmark(50), End(Code.UNAVAILABLE)),
                        (change(51), LAST))
            lines, errors = self.watch(feed, "--workflow", "w", *json_too)
            self.assertEqual([("", False), ("c7", False), ("", True), ("c50", False)],
                             [(r.cursor, r.snapshot) for r in feed.requests])
            self.assertEqual({"w"}, {r.workflow_id for r in feed.requests})
            self.assertIn("begun anew with the live runs: changes after revision 7 may be missing",
                          errors[1])
            if json_too:
                self.assertEqual("CURSOR_EXPIRED", json.loads(errors[1])["error"]["reason"])
            self.assertEqual(4, len(lines), lines)

    def test_a_snapshot_that_was_cut_comes_again(self):
        feed = Feed(self, (snapshot_run("a"), End(Code.INTERNAL)),
                    (snapshot_run("a"), snapshot_run("b"), snapshot_end(), bookmark(4), LAST))
        lines, errors = self.watch(feed, "--json", "--snapshot")
        self.assertEqual([True, True], [r.snapshot for r in feed.requests])
        self.assertNotIn("missing", errors[0])
        self.assertEqual(4, len(lines))

    def test_what_happened_before_the_first_place_was_known_may_be_missing(self):
        feed = Feed(self, (snapshot_end(), End(Code.UNAVAILABLE)), (snapshot_end(), bookmark(3), LAST))
        _, errors = self.watch(feed, "--json")
        self.assertIn("changes may be missing", errors[0])
        self.assertEqual([False, True], [r.snapshot for r in feed.requests])

    def test_a_cursor_that_is_refused_at_once_ends_it(self):
        class Refusing(Feed):
            def _watch(self, request, context):
                self.requests.append(request)
                EXPIRED.abort(context)
        feed = Refusing(self)
        done = self.ctl(feed, "watch", "--cursor", "x")
        self.assertEqual((USAGE, "", 1), (done.returncode, done.stdout, done.stderr.count("\n")))
        self.assertIn("below the floor", done.stderr)

    def test_a_server_that_is_not_there_ends_it_at_once(self):
        done = runsctl("runs", "watch", "--server", "127.0.0.1:1", env={"RUNSCTL_TOKEN": "t"})
        self.assertEqual((UNAVAILABLE, ""), (done.returncode, done.stdout))

    def at_terminal(self, feed, columns=100):
        terminal = Terminal((program("runsctl"), "runs", "watch", "--server", feed.address), columns,
                            {"RUNSCTL_TOKEN": "t"})
        self.addCleanup(terminal.kill)
        return terminal

    def test_a_live_table_on_a_terminal(self):
        feed = Feed(self, (snapshot_run("r1"), snapshot_run("r2"), snapshot_end(), bookmark(5),
                           change(6, "r2", run.RUN_STATUS_CANCELLED, reason="no budget"),
                           rest(self)))
        terminal = self.at_terminal(feed)
        terminal.wait_for(b"1 live, 1 ended; revision 6")
        terminal.wait_for(b"cancelled by tester: no budget")
        self.assertTrue(feed.requests[0].snapshot)

    def test_a_live_table_fits_its_terminal_and_is_drawn_over_itself(self):
        runs = [snapshot_run(f"a-run-whose-name-is-rather-long-{i:03}") for i in range(520)]
        ended = change(9, "the-last", run.RUN_STATUS_FAILURE, reason="because of " + "much " * 50)
        terminal = self.at_terminal(Feed(self, (*runs, snapshot_end(), bookmark(8), ended, rest(self))), 70)
        terminal.wait_for(b"499 live, 1 ended, more are not kept; revision 9")
        terminal.wait_for(b"failure by ")
        frames = terminal.shown.decode().replace("\r\n", "\n").split("\x1b[J")
        lines = frames[-1].splitlines()
        self.assertEqual([], [line for line in lines if len(line) > 70])
        self.assertLess(len(lines), 24)  # the terminal's
        for before, cursor in zip(frames, re.findall(r"\x1b\[(\d+)A", terminal.shown.decode())):
            drawn = re.sub(r"\x1b\[\d+A$", "", before)
            self.assertEqual(int(cursor), drawn.count("\n"))

    def test_a_live_table_says_that_it_is_interrupted_until_it_goes_on(self):
        gate = rest(self)
        feed = Feed(self, (bookmark(5), End(Code.UNAVAILABLE, message="gone")), (gate, bookmark(6), rest(self)))
        terminal = self.at_terminal(feed)
        terminal.wait_for(b"revision 5; interrupted (gone), going on behind the last message")
        gate.set()
        terminal.wait_for(b"0 live, 0 ended; revision 6\r\n")


class Wait(Scripted):
    def final(self, status):
        given = run.Run(id="r1", status=status, workflow_id="w")
        given.finished_at.FromSeconds(1800000009)
        return given

    def test_the_exit_code_says_how_it_ended(self):
        for status, code, word in ((run.RUN_STATUS_SUCCESS, OK, "success"),
                                   (run.RUN_STATUS_FAILURE, RUN_FAILED, "failure"),
                                   (run.RUN_STATUS_CANCELLED, CANCELLED, "cancelled")):
            live = (snapshot_run(), snapshot_end(), bookmark(5), change(6, to=run.RUN_STATUS_WAITING),
                    change(7, to=status))
            for script in (live, (snapshot_end(),)):
                feed = Feed(self, script)
                feed.run = self.final(status)
                done = self.ctl(feed, "wait", "r1", "--quiet")
                self.assertEqual((code, word + "\n", ""), (done.returncode, done.stdout, done.stderr))
                self.assertEqual(["r1"], feed.requests[0].run_ids)
        feed = Feed(self, (snapshot_end(),))
        feed.run = self.final(run.RUN_STATUS_FAILURE)
        done = self.ctl(feed, "wait", "r1", "--json")
        self.assertEqual((RUN_FAILED, "failure"), (done.returncode, json.loads(done.stdout)["status"]))

    def test_it_waits_on_after_an_interruption(self):
        feed = Feed(self, (snapshot_run(), snapshot_end(), End(Code.UNAVAILABLE)),
                    (snapshot_end(), bookmark(9)))
        feed.run = self.final(run.RUN_STATUS_SUCCESS)
        self.assertEqual(OK, self.ctl(feed, "wait", "r1").returncode)

    def test_the_end_is_read_again_where_the_server_is_away_then(self):
        feed = Feed(self, (snapshot_end(),))
        feed.run = self.final(run.RUN_STATUS_CANCELLED)
        feed.refusals = [End(Code.UNAVAILABLE), End(Code.INTERNAL)]
        done = self.ctl(feed, "wait", "r1", "--quiet")
        self.assertEqual((CANCELLED, "cancelled\n", ""), (done.returncode, done.stdout, done.stderr))
        self.assertEqual([], feed.refusals)

    def test_time_that_is_over(self):
        feed = Feed(self, (snapshot_run(), snapshot_end(), bookmark(5), rest(self)))
        done = self.ctl(feed, "wait", "r1", "--within", "1s")
        self.assertEqual((NOT_YET, ""), (done.returncode, done.stdout))
        self.assertIn('"r1" has not ended within 1s', done.stderr)

    def test_a_run_that_is_not_there(self):
        self.assertEqual(NOT_FOUND, self.ctl(Feed(self, (snapshot_end(),)), "wait", "r1").returncode)


class Follow(Scripted):
    def follow(self, *script, listed=(), arguments=("--json",)):
        feed = Feed(self, *script)
        feed.events = [change(n).change for n in listed]
        return self.ctl(feed, "events", "r1", "--follow", *arguments)

    def test_events_of_before_and_after_without_a_gap_or_a_double(self):
        begin = (snapshot_run(), snapshot_end())
        done = self.follow((*begin, bookmark(2), change(2), change(3), End(Code.UNAVAILABLE)),
                           (change(4), change(5, to=run.RUN_STATUS_SUCCESS)), listed=(1, 2))
        self.assertEqual(OK, done.returncode, done.stderr)
        self.assertEqual([1, 2, 3, 4, 5],
                         [json.loads(line)["sequence"] for line in done.stdout.splitlines()])

    def test_what_an_expired_place_leaves_out_is_asked_for(self):
        done = self.follow((snapshot_run(), snapshot_end(), bookmark(2), End(Code.UNAVAILABLE)),
                           (EXPIRED,), (snapshot_run(), snapshot_end(), change(3),
                                        change(4, to=run.RUN_STATUS_FAILURE)), listed=(1, 2, 3))
        self.assertEqual([1, 2, 3, 4],
                         [json.loads(line)["sequence"] for line in done.stdout.splitlines()])
        self.assertNotIn("missing", done.stderr)

    def test_a_cancelled_run_that_was_held_ends_when_its_work_has_stopped(self):
        stop = change(3, to=run.RUN_STATUS_CANCELLED, holder="h", attempt=1,
                      kind=run.RUN_EVENT_KIND_STOPPED)
        begin = (snapshot_run(), snapshot_end(), bookmark(1))
        held = change(2, to=run.RUN_STATUS_CANCELLED, holder="h", attempt=1)
        done = self.follow((*begin, held, stop), arguments=())
        self.assertEqual(OK, done.returncode, done.stderr)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^SEQUENCE +AT +EVENT +FROM +TO +HOLDER +ACTOR +REASON$")
        self.assertRegex(lines[2], r"^3 +\S+Z +stopped +- +cancelled +h #1 +tester +-$")
        done = self.follow((*begin, change(2, to=run.RUN_STATUS_CANCELLED)), arguments=())
        self.assertEqual((OK, 2), (done.returncode, done.stdout.count("\n")))


@cases([
    ("a status that is none", ("watch", "--status", "done"), '--status: "done" is no status'),
    ("an empty id", ("watch", "--run", "a,,b"), '--run: "a,,b" has an empty item'),
    ("a place and a snapshot", ("watch", "--snapshot", "--cursor", "x"),
     "--snapshot and --cursor exclude each other"),
    ("a span that is none", ("wait", "x", "--within", "soon"), '--within: "soon" is no length of time'),
    ("two ways to print", ("wait", "x", "--quiet", "--json"), "--quiet and --json exclude"),
    ("a wait that is none", ("cancel", "x", "--wait", "-1s"), '--wait: "-1s" is no length of time'),
    ("no holder", ("acquire",), "--holder"),
    ("too many runs", ("acquire", "--holder", "h", "--max", "101"), "from 1 to 100"),
    ("a lease that is none", ("acquire", "--holder", "h", "--lease", "30"),
     '--lease: "30" is no length of time'),
    ("no attempt", ("renew", "x", "--holder", "h"), "--attempt"),
    ("an attempt of nothing", ("release", "x", "--attempt", "0"), "--attempt"),
    ("a lease for nobody", ("create", "--file", "-", "--lease", "5s"), "--lease 5s is without --holder"),
    ("a policy that is none", ("create", "--file", "-", "--on-timeout", "success"),
     "is none of failure, cancelled"),
    ("a deadline that is none", ("create", "--file", "-", "--timeout", "1y"),
     '--timeout: "1y" is no length of time'),
])
class Usage(unittest.TestCase):
    def check(self, arguments, fragment):
        done = runsctl("runs", *arguments, input="{}")
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        self.assertIn(fragment, done.stderr)


del Scripted  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()
