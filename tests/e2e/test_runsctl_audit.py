"""runsctl audit export: its lines, its cursor file, and that neither a kill nor a broken connection
loses a line."""

import contextlib
import fcntl
import itertools
import json
import os
import signal
import struct
import subprocess
import termios
import threading
import time
import unittest

import grpc

import rest
import scripted_feed
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, wait_until
from leases import Caller, Refused
from scripted_feed import LAST, End, Feed, bookmark, change, snapshot_end
from tables import cases

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)
Code = grpc.StatusCode
run = stubs.run_pb2
EXPIRED = End(Code.OUT_OF_RANGE, "CURSOR_EXPIRED",
              "the changes behind revision 7 are not kept any more, those from 40 on are")
F_GETPIPE_SZ = 1032  # fcntl(2)
SINCE = ("--since", "2026-01-31")


def place_in_feed(revision, newest, is_cut=False):
    message = bookmark(revision)
    message.bookmark.newest_revision = newest
    if is_cut:
        message.bookmark.is_cut.value = True
    return message


def changes(first, last):
    return tuple(change(n, f"r{n}") for n in range(first, last + 1))


class Refusing(Feed):
    """Refuses the first watch, before it is accepted."""

    def _watch(self, request, context):
        self.requests.append(request)
        EXPIRED.abort(context)


class Exports(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.file = self.place.path / "cursor"
        self.output = self.place.path / "audit.jsonl"
        self.kept = ("--cursor-file", str(self.file))

    def command(self, *arguments):
        return (program("runsctl"), "audit", "export", *arguments)

    def env(self, feed):
        return {**os.environ, "RUNSCTL_TOKEN": "t", "RUNSCTL_SERVER": feed.address}

    def export(self, feed, *arguments):
        return runsctl("audit", "export", *arguments, env=self.env(feed))

    def start(self, feed, *arguments, stdout=None):
        """Begins an export whose lines are appended to self.output."""
        with contextlib.ExitStack() as stack:
            out = stdout or stack.enter_context(open(self.output, "ab"))
            popen = subprocess.Popen(self.command(*arguments), stdout=out, stderr=subprocess.PIPE,
                                     env=self.env(feed))
        self.addCleanup(popen.stderr.close)
        self.addCleanup(popen.wait)
        self.addCleanup(popen.kill)
        return popen

    def revisions(self, text=None):
        lines = (self.output.read_text() if text is None else text).splitlines()
        return [json.loads(line)["revision"] for line in lines]

    def cursor(self):
        return self.file.read_text() if self.file.exists() else ""


class Lines(Exports):
    def test_each_event_is_a_line_with_who_what_when_from_where_and_why(self):
        event = change(7, to=run.RUN_STATUS_CANCELLED, from_status=run.RUN_STATUS_RUNNING, reason="why",
                       request_id="q1", remote_address="203.0.113.9", holder="h", attempt=2)
        done = self.export(Feed(self, (bookmark(6), event, change(8), LAST)), *SINCE)
        self.assertEqual(DENIED, done.returncode, done.stderr)
        first, second = map(json.loads, done.stdout.splitlines())
        self.assertEqual(
            {"runId": "r1", "sequence": 7, "fromStatus": "running", "toStatus": "cancelled",
             "at": "2027-01-15T08:00:07Z", "actor": "tester", "reason": "why", "revision": 7,
             "kind": "status_changed", "attempt": 2, "holder": "h", "requestId": "q1",
             "remoteAddress": "203.0.113.9"}, {k: v for k, v in first.items() if v != ""})
        self.assertEqual(("", ""), (second["requestId"], second["remoteAddress"]))

    def test_it_begins_with_since_and_goes_on_behind_the_last_line(self):
        feed = Feed(self, (snapshot_end(), End(Code.UNAVAILABLE)), (change(2), End(Code.INTERNAL)),
                    (change(3), bookmark(9), End(Code.UNAVAILABLE)), (change(10), LAST))
        done = self.export(feed, *SINCE)
        self.assertEqual((DENIED, [2, 3, 10]), (done.returncode, self.revisions(done.stdout)))
        self.assertEqual([("", 1769817600), ("", 1769817600), ("c2", 0), ("c9", 0)],
                         [(r.cursor, r.since.seconds) for r in feed.requests])
        self.assertEqual({False}, {r.snapshot or r.include_run for r in feed.requests})
        self.assertEqual(4, done.stderr.count("\n"), done.stderr)
        self.assertEqual(3, done.stderr.count("going on behind the last message"))

    def test_until_now_ends_where_the_feed_was_when_it_began(self):
        for script in ((place_in_feed(6, 8), *changes(7, 9), scripted_feed.rest(self)),
                       (place_in_feed(8, 8), scripted_feed.rest(self)),
                       (*changes(7, 8), place_in_feed(8, 8), scripted_feed.rest(self)),
                       (place_in_feed(6, 8), change(7), place_in_feed(9, 12), scripted_feed.rest(self))):
            done = self.export(Feed(self, script), *SINCE, "--until-now", *self.kept)
            self.assertEqual((OK, ""), (done.returncode, done.stderr))
            self.assertEqual([7, 8][:done.stdout.count("\n")], self.revisions(done.stdout))
            self.assertIn(self.cursor(), ("c8\n", "c9\n"))
            self.file.unlink()

    def test_it_says_that_changes_since_then_may_be_missing(self):
        for json_too in ((), ("--json",)):
            feed = Feed(self, (place_in_feed(39, 41, True), *changes(40, 41), scripted_feed.rest(self)))
            done = self.export(feed, *SINCE, "--until-now", *json_too)
            self.assertEqual((OK, [40, 41]), (done.returncode, self.revisions(done.stdout)))
            self.assertEqual(1, done.stderr.count("\n"))
            self.assertIn("the export begins behind revision 39: changes since 2026-01-31 that came "
                          "before are not kept any more", done.stderr)

    def test_a_line_that_a_kill_had_cut_is_ended(self):
        whole = '{"revision":1}\n'
        for before, expected in ((whole + '{"revis', whole + '{"revis\n'), (whole, whole), ("", "")):
            self.output.write_text(before)
            popen = self.start(Feed(self, (change(2), place_in_feed(2, 2), scripted_feed.rest(self))), *SINCE,
                               "--until-now")
            self.assertEqual(OK, popen.wait(DEADLINE_S))
            text = self.output.read_text()
            self.assertTrue(text.startswith(expected), text)
            self.assertEqual(2, json.loads(text.removeprefix(expected))["revision"])


class Cursors(Exports):
    def test_the_file_has_the_place_of_the_last_line_and_wins_over_since(self):
        feed = Feed(self, (*changes(1, 3), LAST), (change(4), bookmark(9), LAST), (LAST,))
        for expected in ("c3\n", "c9\n", "c9\n"):
            self.assertEqual(DENIED, self.export(feed, *SINCE, *self.kept).returncode)
            self.assertEqual(expected, self.cursor())
        self.assertEqual([("", True), ("c3", False), ("c9", False)],
                         [(r.cursor, r.HasField("since")) for r in feed.requests])
        feed = Feed(self, (LAST,))
        self.assertEqual(DENIED, self.export(feed, *self.kept).returncode)  # --since is for the first time
        self.assertEqual("c9", feed.requests[0].cursor)

    def test_it_is_kept_up_while_it_goes_on(self):
        gate = scripted_feed.rest(self)
        popen = self.start(Feed(self, (change(1), rest_until(gate), change(2), scripted_feed.rest(self))), *SINCE,
                           *self.kept)
        wait_until(lambda: self.cursor() == "c1\n", "the first place")
        self.assertEqual([1], self.revisions())
        gate.set()
        wait_until(lambda: self.cursor() == "c2\n", "the second place")
        self.assertIsNone(popen.poll())

    def test_a_signal_keeps_what_was_printed_and_ends_it(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            feed = Feed(self, (*changes(1, 5000), scripted_feed.rest(self)))
            popen = self.start(feed, *SINCE, *self.kept)
            wait_until(lambda: self.output.stat().st_size > 0, "lines")
            popen.send_signal(number)
            self.assertEqual((-number, b""), (popen.wait(DEADLINE_S), popen.stderr.read()))
            revisions = self.revisions()
            self.assertEqual(list(range(1, len(revisions) + 1)), revisions)
            self.assertEqual(f"c{len(revisions)}\n", self.cursor())
            self.output.unlink()
            self.file.unlink()

    def test_a_reader_that_leaves_ends_it_and_what_it_did_not_read_comes_again(self):
        theirs, ours = os.pipe()
        feed = Feed(self, (change(1), scripted_feed.rest(self)))
        popen = self.start(feed, *SINCE, *self.kept, stdout=ours)
        os.close(ours)
        wait_until(lambda: self.cursor() == "c1\n", "the first line")
        os.close(theirs)
        self.assertIsNone(popen.poll())
        popen.kill()
        theirs, ours = os.pipe()
        os.close(theirs)
        popen = self.start(Feed(self, (*changes(2, 3), scripted_feed.rest(self))), *self.kept, stdout=ours)
        os.close(ours)
        self.assertEqual((-signal.SIGPIPE, b""), (popen.wait(DEADLINE_S), popen.stderr.read()))
        self.assertEqual("c1\n", self.cursor())

    def test_a_reader_that_does_not_read_cannot_keep_it_from_ending(self):
        theirs, ours = os.pipe()
        self.addCleanup(os.close, theirs)
        popen = self.start(Feed(self, (*changes(1, 5000), scripted_feed.rest(self))), *SINCE, *self.kept, stdout=ours)
        os.close(ours)
        room = fcntl.fcntl(theirs, F_GETPIPE_SZ) - 4096
        wait_until(lambda: readable_bytes(theirs) > room, "a full pipe")
        popen.send_signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, popen.wait(DEADLINE_S))
        # What the pipe has is handed over, more is not.
        handed_over = os.read(theirs, 1 << 20).count(b"\n")
        self.assertLessEqual(int(self.cursor().strip("c\n") or 0), handed_over)

    def test_a_full_disk_moves_no_cursor(self):
        self.file.write_text("c0\n")
        with open("/dev/full", "wb") as full:
            popen = self.start(Feed(self, (change(1), scripted_feed.rest(self))), *self.kept, stdout=full)
        self.assertEqual(FAILED, popen.wait(DEADLINE_S))
        said = popen.stderr.read().decode()
        self.assertIn("No space left on device; the cursor is of what was written before", said)
        self.assertEqual((1, "c0\n"), (said.count("\n"), self.cursor()))

    def test_a_cursor_that_cannot_be_written_ends_it(self):
        gate = scripted_feed.rest(self)
        popen = self.start(Feed(self, (change(1), rest_until(gate), change(2), scripted_feed.rest(self))), *SINCE,
                           *self.kept)
        wait_until(lambda: self.cursor() == "c1\n", "the first place")
        (self.place.path / "cursor.new").mkdir()
        gate.set()
        self.assertEqual(FAILED, popen.wait(DEADLINE_S))
        said = popen.stderr.read().decode()
        self.assertIn("cannot be written: Is a directory; the next export repeats lines", said)
        self.assertEqual(("c1\n", [1, 2]), (self.cursor(), self.revisions()))

    def test_a_place_that_is_not_kept_ends_it_and_says_how_to_go_on(self):
        self.file.write_text("c7\n")
        done = self.export(Refusing(self), *SINCE, *self.kept)
        self.assertEqual((USAGE, "", 1), (done.returncode, done.stdout, done.stderr.count("\n")))
        self.assertIn("is lost to it: the changes behind revision 7 are not kept any more, those from "
                      "40 on are", done.stderr)
        self.assertIn(f"remove {self.file} and give --since with the time of the last line", done.stderr)
        self.assertEqual("c7\n", self.cursor())

    # A watch for people begins anew; an audit does not skip over what is missing by itself.
    def test_so_it_does_when_that_happens_on_the_way(self):
        feed = Feed(self, (change(7), End(Code.UNAVAILABLE)), (EXPIRED,))
        done = self.export(feed, *SINCE, *self.kept, "--json")
        self.assertEqual((USAGE, [7]), (done.returncode, self.revisions(done.stdout)))
        self.assertEqual("CURSOR_EXPIRED", json.loads(done.stderr.splitlines()[-1])["error"]["reason"])
        self.assertEqual((2, "c7\n"), (len(feed.requests), self.cursor()))


class Killed(Exports):
    def test_kill_9_repeats_lines_and_loses_none(self):
        """Each round goes on from the file and is killed somewhere in its lines."""
        last = 30000
        for pause_s in (0, 0.02, 0.1, 0.25, 0.45):
            at = int(self.cursor().strip("c\n") or 0)
            size = self.output.stat().st_size if self.output.exists() else 0
            feed = Feed(self, (*changes(at + 1, last), scripted_feed.rest(self)))
            popen = self.start(feed, *SINCE, *self.kept)
            wait_until(lambda before=size: self.output.stat().st_size > before, "lines")
            time.sleep(pause_s)  # where in its work it is killed; any place is as good
            popen.kill()
            popen.wait(DEADLINE_S)
            kept = int(self.cursor().strip("c\n") or 0)
            self.assertLessEqual(set(range(1, kept + 1)), self.whole())
        done = self.start(Feed(self, (*changes(kept + 1, last), place_in_feed(last, last), scripted_feed.rest(self))),
                          *self.kept, "--until-now")
        self.assertEqual(OK, done.wait(DEADLINE_S))
        self.assertEqual(set(range(1, last + 1)), self.whole())
        self.assertEqual(f"c{last}\n", self.cursor())

    def whole(self):
        """The revisions of the lines that are whole: at most one a round is not."""
        found, cut = set(), 0
        for line in self.output.read_text().splitlines():
            try:
                found.add(json.loads(line)["revision"])
            except ValueError:
                cut += 1
        self.assertLessEqual(cut, 5)
        return found


class Served(unittest.TestCase):
    """The real programs, on a file, on a socket that outlasts a kill."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester")
        self.socket = f"unix:{self.place.path}/grpc"
        self.begin()
        self.addCleanup(lambda: self.server.stop())
        self.output = self.place.path / "audit.jsonl"
        self.kept = ("--cursor-file", str(self.place.path / "cursor"))

    def begin(self, *options):
        self.server = Serve(self.place.store, *options, grpc=(self.socket,))

    def caller(self):
        caller = Caller(self.socket, self.token)
        self.addCleanup(caller.close)
        return caller

    def env(self):
        return {"RUNSCTL_TOKEN": self.token, "RUNSCTL_SERVER": self.socket}

    def export(self, *arguments, code=OK):
        done = runsctl("audit", "export", *arguments, env=self.env())
        self.assertEqual(code, done.returncode, done.stderr)
        return done

    def lines(self, *arguments):
        done = self.export(*arguments, "--until-now")
        self.assertEqual("", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_who_what_when_from_where_and_why(self):
        runs = [self.caller().create(name).id for name in ("a", "b")]
        rest.request(self.server.http_port, "POST", f"/v1/runs/{runs[0]}/cancel", self.token,
                     {"reason": "no budget"}, {"X-Request-Id": "my-request"})
        *_, cancel = self.lines("--since", "1h")
        self.assertEqual(
            ("a", 2, "running", "cancelled", "tester", "no budget", "my-request", "127.0.0.1"),
            tuple(cancel[key] for key in ("runId", "sequence", "fromStatus", "toStatus", "actor", "reason",
                                          "requestId", "remoteAddress")))
        self.assertEqual([("a", 1), ("b", 1), ("a", 2)],
                         [(e["runId"], e["sequence"]) for e in self.lines("--since", "1h")])
        self.assertEqual([], self.lines("--since", "0s"))
        self.assertEqual([cancel], self.lines("--since", cancel["at"]))

    def test_the_same_command_again_has_what_is_new(self):
        words = ("--since", "1h", *self.kept)
        caller = self.caller()
        self.assertEqual([], self.lines(*words))
        caller.create("a")
        self.assertEqual(["a"], [e["runId"] for e in self.lines(*words)])
        caller.create("b")
        caller.cancel("a")
        self.assertEqual(["b", "a"], [e["runId"] for e in self.lines(*words)])
        self.server.kill()
        self.begin()
        self.assertEqual([], self.lines(*words))

    def test_kill_9_of_the_server_and_of_the_export_loses_no_line(self):
        stop = threading.Event()
        numbers = itertools.count()

        def work():
            """Makes runs and cancels them, also while the server is away. Of a creation without an
            answer it is not known whether its id is taken."""
            while not stop.is_set():
                with contextlib.suppress(Refused):
                    caller = Caller(self.socket, self.token)
                    with contextlib.closing(caller):
                        while not stop.is_set():
                            caller.cancel(caller.create(f"run-{next(numbers):05}").id)
        worker = threading.Thread(target=work)
        worker.start()
        self.addCleanup(worker.join)
        self.addCleanup(stop.set)
        with open(self.output, "ab") as out:
            def start():
                popen = subprocess.Popen((program("runsctl"), "audit", "export", "--since", "1h", *self.kept),
                                         stdout=out, stderr=subprocess.DEVNULL, env={**os.environ, **self.env()})
                self.addCleanup(popen.wait)
                self.addCleanup(popen.kill)
                return popen
            popen = start()
            for kills_server in (True, False, True, False):
                size = self.output.stat().st_size
                wait_until(lambda before=size: self.output.stat().st_size > before + 20000, "lines")
                if kills_server:
                    self.server.kill()
                    self.begin()
                else:
                    popen.kill()
                    popen.wait()
                    popen = start()
            stop.set()
            worker.join()
            popen.kill()
            popen.wait()
            done = subprocess.run((program("runsctl"), "audit", "export", *self.kept, "--until-now"), stdout=out,
                                  env={**os.environ, **self.env()}, timeout=DEADLINE_S, check=False)
            self.assertEqual(OK, done.returncode)
        revisions = set()
        for line in self.output.read_text().splitlines():
            with contextlib.suppress(ValueError):
                revisions.add(json.loads(line)["revision"])
        newest = self.lines("--since", "1h")[-1]["revision"]
        self.assertEqual(set(range(1, newest + 1)), revisions)

    def test_what_is_not_kept_any_more(self):
        caller = self.caller()
        self.export("--since", "1h", *self.kept, "--until-now")
        for i in range(200):
            caller.create(f"run-{i}")
        self.server.stop()
        self.begin("--feed-max-events", "20")
        wait_until(lambda: "begins behind" in self.export("--since", "1h", "--until-now").stderr,
                   "the floor")  # it is raised when the server begins
        done = self.export(*self.kept, "--until-now", code=USAGE)
        self.assertIn("is lost to it: the changes behind revision 0 are not kept any more", done.stderr)
        self.assertIn("give --since with the time of the last line", done.stderr)
        done = self.export("--since", "1h", "--until-now")
        self.assertIn("the export begins behind revision ", done.stderr)
        revisions = [json.loads(line)["revision"] for line in done.stdout.splitlines()]
        self.assertEqual(200, revisions[-1])
        self.assertEqual(list(range(revisions[0], 201)), revisions)


@cases([
    ("no beginning", (), "--since TIME is missing"),
    ("no beginning yet", ("--cursor-file", "{place}/none"), "--since TIME is missing: the cursor file is"),
    ("a time that is none", ("--since", "noon"), '--since: "noon" is no time'),
    ("a folder", ("--since", "1h", "--cursor-file", "{place}"), "is no file"),
    ("a place that is not there", ("--since", "1h", "--cursor-file", "{place}/no/where"),
     "cannot be replaced"),
    ("a file of something else", ("--since", "1h", "--cursor-file", "{other}"), "has no cursor that"),
    ("an operand", ("--since", "1h", "x"), "one argument too many"),
])
class Usage(Exports):
    def check(self, arguments, fragment):
        other = self.place.path / "other"
        other.write_text("two words\n")
        words = [word.format(place=self.place.path, other=other) for word in arguments]
        done = runsctl("audit", "export", *words, "--server", "127.0.0.1:1")
        self.assertEqual((USAGE, "", 1), (done.returncode, done.stdout, done.stderr.count("\n")))
        self.assertIn(fragment, done.stderr)
        self.assertEqual("two words\n", other.read_text())


def rest_until(gate):
    """For a script: goes on once the gate is set."""
    return gate


def readable_bytes(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]


del Exports  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()
