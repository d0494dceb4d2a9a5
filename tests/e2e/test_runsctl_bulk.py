"""runsctl runs cancel of many, bulk-cancels and runs count: what is asked, shown and cancelled, and
what becomes of the work when the command or the server is killed."""

import json
import os
import re
import signal
import threading
import unittest

import grpc

import stubs
from harness import program, runsctl, wait_until
from scripted_bulk import ABORTED, DONE, PLANNED, PLANNING, RUNNING, Bulks, job, plan
from scripted_feed import End
from tables import cases
from terminal import Terminal

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)
Code = grpc.StatusCode
run = stubs.run_pb2
QUESTION = b"Cancel them, for good? [y/N] "
LOST = End(Code.UNAVAILABLE, message="the answer is lost")


class Scripted(unittest.TestCase):
    def ctl(self, bulks, *arguments, **env):
        return runsctl(*arguments, env={"RUNSCTL_TOKEN": "t", "RUNSCTL_SERVER": bulks.address, **env})

    def cancel(self, bulks, *arguments):
        return self.ctl(bulks, "runs", "cancel", *arguments)

    def at_terminal(self, bulks, *arguments, columns=100, **env):
        terminal = Terminal((program("runsctl"), *arguments), columns,
                            {"RUNSCTL_TOKEN": "t", "RUNSCTL_SERVER": bulks.address, "TERM": "xterm",
                             "NO_COLOR": "1", **env})
        self.addCleanup(terminal.kill)
        return terminal

    def gate(self):
        event = threading.Event()
        self.addCleanup(event.set)
        return event


class Question(Scripted):
    def ask(self, bulks, *arguments, **options):
        terminal = self.at_terminal(bulks, "runs", "cancel", *(arguments or ("--workflow", "w")),
                                    **options)
        terminal.wait_for(QUESTION)
        return terminal

    def test_it_shows_count_sample_and_filter_and_executes_exactly_that_plan(self):
        bulks = Bulks(self, cancel=[plan(1234, "p1", filter=stubs.bulk_pb2.RunFilter(
            status=[run.RUN_STATUS_WAITING], workflow_id='a "b"', lease_holder="h",
            source_run_id="s"), cascade=True), job(DONE, 1234, 1230, 4, job_id="p1")])
        terminal = self.ask(bulks, "--workflow", 'a "b"', "--status", "waiting", "--lease-holder", "h",
                            "--source-run", "s", "--cascade", "--reason", "why")
        shown = terminal.shown.decode().replace("\r\n", "\n")
        self.assertEqual(
            '1,234 runs: waiting, of workflow "a "b"", replayed or forked from "s", held by "h"; '
            'with their descendants\n' + "".join(f"  run-{i}\n" for i in range(10)) +
            "  and 1,224 more\n" + QUESTION.decode(), shown)
        self.assertEqual(1, len(bulks.requests["CancelRuns"]))
        terminal.type(b"y\n")
        status, lines = terminal.finish()
        self.assertEqual((OK, "1,230 runs cancelled, 4 had ended before; bulk cancel p1."),
                         (status, lines[-2]))
        asked, executed = bulks.requests["CancelRuns"]
        self.assertTrue(asked.dry_run and asked.cascade)
        self.assertEqual(("a \"b\"", "h", "s", "why", []),
                         (asked.filter.workflow_id, asked.filter.lease_holder,
                          asked.filter.source_run_id, asked.reason, list(asked.ids)))
        self.assertEqual(stubs.bulk_pb2.CancelRunsRequest(
            plan="p1", reason="why", request_id=executed.request_id), executed)
        self.assertNotIn(executed.request_id, ("", asked.request_id))
        self.assertEqual([], bulks.requests["AbortBulkCancel"])

    def test_only_yes_is_yes(self):
        for answer in (b"n\n", b"\n", b"yep\n", b"yes no\n", b"\x04", b"Y E S\n", b"ye\n"):
            with self.subTest(answer):
                bulks = Bulks(self, cancel=[plan(3, "p1")])
                terminal = self.ask(bulks)
                terminal.type(answer)
                status, lines = terminal.finish()
                self.assertEqual((FAILED, "runsctl: nothing was cancelled: the answer was not yes"),
                                 (status, lines[-1]))
                self.assertEqual([True], [r.dry_run for r in bulks.requests["CancelRuns"]])
                self.assertEqual(["p1"], [r.id for r in bulks.requests["AbortBulkCancel"]])
        for answer in (b"y\n", b"YES\n", b" yes \n"):
            with self.subTest(answer):
                bulks = Bulks(self, cancel=[plan(3, "p1"), job(DONE, 3, 3)])
                terminal = self.ask(bulks)
                terminal.type(answer)
                self.assertEqual(OK, terminal.finish()[0])

    def test_what_was_typed_before_the_question_is_no_answer(self):
        gate = self.gate()
        bulks = Bulks(self, cancel=[gate, plan(3, "p1")])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w")
        wait_until(lambda: bulks.requests["CancelRuns"], "the plan")
        terminal.type(b"y\ny\n")
        terminal.wait_for(b"y\r\ny\r\n")  # the echo
        gate.set()
        terminal.wait_for(QUESTION)
        terminal.type(b"n\n")
        self.assertEqual(FAILED, terminal.finish()[0])

    def test_nothing_is_asked_of_nobody(self):
        for arguments in (("--workflow", "w"), ("--plan", "p1"), ("--older-than", "2h", "--json")):
            bulks = Bulks(self, cancel=[plan(3)])
            done = self.cancel(bulks, *arguments)
            self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
            self.assertIn("is no terminal", done.stderr)
            self.assertIn("--yes", done.stderr)
            self.assertEqual([], bulks.requests["CancelRuns"] + bulks.requests["GetBulkCancel"])

    def test_yes_asks_nothing_and_makes_no_plan(self):
        bulks = Bulks(self, cancel=[job(DONE, 3, 3)])
        done = self.cancel(bulks, "--workflow", "w", "--yes", "--json", "--request-id", "k 1")
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        self.assertEqual(("done", 3), tuple(json.loads(done.stdout)[key] for key in ("state", "total")))
        request, = bulks.requests["CancelRuns"]
        self.assertEqual((False, "", "k 1"), (request.dry_run, request.plan, request.request_id))

    def test_a_plan_is_shown_and_asked_about_too(self):
        bulks = Bulks(self, get=[plan(2, "p9")], cancel=[job(DONE, 2, 2, job_id="p9")])
        terminal = self.ask(bulks, "--plan", "p9", "--request-id", "k")
        self.assertIn("2 runs: named by id\r\n  run-0\r\n  run-1\r\n" + QUESTION.decode(),
                      terminal.shown.decode())
        terminal.type(b"yes\n")
        self.assertEqual(OK, terminal.finish()[0])
        self.assertEqual([("p9", "k", False)], [(r.plan, r.request_id, r.dry_run)
                                                for r in bulks.requests["CancelRuns"]])

    def test_a_plan_of_somebody_else_stays_where_the_answer_is_no(self):
        for keys, status in ((b"n\n", FAILED), (b"\x03", -signal.SIGINT)):
            bulks = Bulks(self, get=[plan(2, "p9")])
            terminal = self.ask(bulks, "--plan", "p9")
            terminal.type(keys)
            self.assertEqual(status, terminal.finish()[0])
            self.assertEqual([], bulks.requests["AbortBulkCancel"] + bulks.requests["CancelRuns"])

    def test_what_is_no_plan_any_more_is_not_executed(self):
        bulks = Bulks(self, get=[job(DONE, 2, 2)])
        status, lines = self.at_terminal(bulks, "runs", "cancel", "--plan", "b1").finish()
        self.assertEqual(CONFLICT, status)
        self.assertIn("its state is done", lines[-1])
        self.assertEqual([], bulks.requests["CancelRuns"])

    def test_a_plan_without_runs_is_no_question(self):
        bulks = Bulks(self, cancel=[plan(0, "p1", filter=stubs.bulk_pb2.RunFilter(workflow_id="w"))])
        status, lines = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w").finish()
        self.assertEqual((OK, ['There is no run to cancel: running or waiting, of workflow "w".']),
                         (status, lines))
        self.assertEqual(["p1"], [r.id for r in bulks.requests["AbortBulkCancel"]])

    def test_a_plan_is_waited_for_until_its_runs_are_collected(self):
        bulks = Bulks(self, cancel=[job(PLANNING, 5, job_id="p1"), job(DONE, 3, 3)],
                      get=[job(PLANNING, 900, job_id="p1"), plan(1000, "p1")])
        terminal = self.ask(bulks)
        self.assertIn(b"1,000 runs: ", terminal.shown)
        terminal.type(b"y\n")
        self.assertEqual(OK, terminal.finish()[0])

    def test_control_characters_of_a_filter_are_disarmed(self):
        bulks = Bulks(self, cancel=[plan(1, filter=stubs.bulk_pb2.RunFilter(workflow_id="\x1b[2J\n"))])
        terminal = self.ask(bulks)
        self.assertIn(b'of workflow "\\x1B[2J\\x0A"\r\n', terminal.shown)

    def test_a_lost_answer_of_each_change_is_asked_for_again_under_its_key(self):
        bulks = Bulks(self, cancel=[LOST, plan(3, "p1"), LOST, End(Code.UNAVAILABLE, "SERVER_STOPPING"),
                                    job(RUNNING, 3, job_id="p1")], get=[job(DONE, 3, 3)])
        terminal = self.ask(bulks)
        terminal.type(b"y\n")
        self.assertEqual(OK, terminal.finish()[0])
        keys = [r.request_id for r in bulks.requests["CancelRuns"]]
        self.assertEqual([keys[0]] * 2 + [keys[2]] * 3, keys)
        self.assertEqual(["", "", "p1", "p1", "p1"], [r.plan for r in bulks.requests["CancelRuns"]])

    def test_said_again_under_its_request_id_it_follows_what_was_executed(self):
        bulks = Bulks(self, cancel=[job(RUNNING, 3, 1, job_id="p1")], get=[job(DONE, 3, 3)])
        status, lines = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--request-id",
                                         "k").finish()
        self.assertEqual((OK, "3 runs cancelled; bulk cancel b1."),
                         (status, lines[-1].removeprefix("\x1b[K")))
        self.assertEqual(1, len(bulks.requests["CancelRuns"]))


class Interrupted(Scripted):
    def test_at_the_question_nothing_is_cancelled_and_the_plan_goes(self):
        bulks = Bulks(self, cancel=[plan(3, "p1")])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w")
        terminal.wait_for(QUESTION)
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual((-signal.SIGINT, "runsctl: interrupted; nothing was cancelled"),
                         (status, lines[-1]))
        self.assertEqual(["p1"], [r.id for r in bulks.requests["AbortBulkCancel"]])
        self.assertEqual(1, len(bulks.requests["CancelRuns"]))

    def test_while_it_works_the_work_goes_on(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for words in (("runs", "cancel", "--workflow", "w", "--yes"), ("bulk-cancels", "watch", "b7")):
                with self.subTest((number, words)):
                    working = job(RUNNING, 1000, 10, job_id="b7")
                    bulks = Bulks(self, cancel=[working], get=[working])
                    terminal = self.at_terminal(bulks, *words)
                    terminal.wait_for(b"10 of 1,000")
                    os.kill(terminal.pid, number)
                    status, lines = terminal.finish()
                    self.assertEqual(-number, status)
                    self.assertEqual(
                        "runsctl: interrupted; the bulk cancel b7 goes on; runsctl bulk-cancels watch "
                        "b7 shows it, runsctl bulk-cancels abort b7 ends it",
                        "".join(lines).rpartition("\x1b[K")[2])
                    self.assertEqual([], bulks.requests["AbortBulkCancel"])

    def test_at_once_while_the_server_is_silent(self):
        gate = self.gate()
        working = job(RUNNING, 1000, 10, job_id="b7")
        bulks = Bulks(self, cancel=[working], get=[gate, working])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes")
        wait_until(lambda: bulks.requests["GetBulkCancel"], "a question how far it is")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual(-signal.SIGINT, status)
        self.assertIn("the bulk cancel b7 goes on", "".join(lines))

    def test_before_the_answer_it_says_that_it_does_not_know(self):
        gate = self.gate()
        bulks = Bulks(self, cancel=[gate, job(DONE, 1, 1)])
        terminal = self.at_terminal(bulks, "runs", "cancel", "a", "b", "--request-id", "k7")
        wait_until(lambda: bulks.requests["CancelRuns"], "the cancel")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual(-signal.SIGINT, status)
        text = "".join(lines)
        self.assertIn("whether the bulk cancel has begun is not known", text)
        self.assertIn("with --request-id k7 follows it", text)

    def test_before_the_answer_of_a_plan_nothing_is_cancelled(self):
        bulks = Bulks(self, cancel=[self.gate(), plan(1)])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w")
        wait_until(lambda: bulks.requests["CancelRuns"], "the plan")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual((-signal.SIGINT, "runsctl: interrupted; nothing was cancelled"),
                         (status, lines[-1]))

    def test_with_json_it_is_one_line_of_json(self):
        working = job(RUNNING, 1000, 10, job_id="b7")
        bulks = Bulks(self, cancel=[working], get=[working])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes", "--json")
        terminal.wait_for(b"10 of 1,000")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.assertEqual(-signal.SIGINT, status)
        text = "".join(lines)
        error = json.loads(text[text.index("{"):])
        self.assertEqual("CANCELLED", error["error"]["status"])
        self.assertIn("watch b7", error["hint"])


class Progress(Scripted):
    def bar(self, columns=100, **env):
        """What the terminal shows of a work that is at its half, and the end."""
        working = job(RUNNING, 1000, 490, 10, job_id="b7")
        gate = self.gate()
        bulks = Bulks(self, cancel=[working], get=[working, working, gate, job(DONE, 1000, 990, 10)])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes",
                                    columns=columns, **env)
        terminal.wait_for(b"500 of 1,000")
        gate.set()
        status, lines = terminal.finish()
        self.assertEqual(OK, status)
        self.assertIn("990 runs cancelled, 10 had ended before; bulk cancel b1.", lines[-2])
        return terminal.shown.decode()

    def test_a_bar_that_fits_and_is_cleared(self):
        for columns in (120, 80, 40, 20):
            shown = self.bar(columns)
            drawn = [line for line in re.split(r"\r|\n|\x1b\[K", shown) if "of 1,000" in line]
            self.assertNotEqual([], drawn)
            self.assertEqual([], [line for line in drawn if len(line) >= columns])
            self.assertEqual(columns >= 80, "[####" in drawn[0], drawn[0])
            self.assertIn("\r\x1b[K990 runs cancelled", shown)

    def test_colors_unless_they_are_not_wanted(self):
        self.assertNotIn("\x1b[32m", self.bar())
        self.assertIn("\x1b[32m####", self.bar(NO_COLOR=""))

    def test_no_bar_on_a_terminal_that_can_draw_none(self):
        working = job(RUNNING, 1000, 490, 10, job_id="b7")
        bulks = Bulks(self, cancel=[working], get=[working, job(DONE, 1000, 1000)])
        status, lines = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes",
                                         TERM="dumb").finish()
        self.assertEqual((OK, ["1,000 runs cancelled; bulk cancel b1."]), (status, lines))

    def test_elsewhere_a_line_now_and_then_and_none_of_what_is_over_soon(self):
        working = job(RUNNING, 1000, 490, 10, job_id="b7")
        for json_too in ((), ("--json",)):
            bulks = Bulks(self, cancel=[working], get=[working, job(DONE, 1000, 1000)])
            done = self.cancel(bulks, "--workflow", "w", "--yes", *json_too)
            self.assertEqual((OK, ""), (done.returncode, done.stderr))
        bulks = Bulks(self, cancel=[working], get=[working])
        ended = threading.Timer(6.5, bulks.answers["GetBulkCancel"].append, [job(DONE, 1000, 1000)])
        ended.start()
        done = self.cancel(bulks, "--workflow", "w", "--yes")
        self.assertEqual((OK, 1), (done.returncode, done.stderr.count("\n")))
        self.assertRegex(done.stderr, r"\Acancelling \[#+ +\] 50% 500 of 1,000\n\Z")

    def test_it_asks_on_while_the_server_is_away(self):
        bulks = Bulks(self, cancel=[job(RUNNING, 3, 1)],
                      get=[LOST, End(Code.UNAVAILABLE), job(DONE, 3, 3)])
        done = self.cancel(bulks, "--workflow", "w", "--yes")
        self.assertEqual((OK, 1), (done.returncode, done.stderr.count("\n")), done.stderr)
        self.assertIn("the server is away (the answer is lost)", done.stderr)
        self.assertIn("b1 outlasts", done.stderr)


class End_(Scripted):
    """The exit code and the last lines."""

    def test_ids(self):
        for answer, code, line in (
                (job(DONE, 3, 3), OK, "3 runs cancelled; bulk cancel b1."),
                (job(DONE, 3, 2, 1), CONFLICT, "2 runs cancelled, 1 had ended before; bulk cancel b1."),
                (job(DONE, 3, 1, 1, 1), NOT_FOUND,
                 "1 run cancelled, 1 had ended before, 1 not found; bulk cancel b1."),
                (job(ABORTED, 3, 1), CONFLICT,
                 "Aborted: 1 run cancelled, 2 left as they were; bulk cancel b1.")):
            bulks = Bulks(self, cancel=[answer])
            done = self.cancel(bulks, "a", "b", "c", "--reason", "why")
            self.assertEqual((code, line, ""), (done.returncode, done.stdout.split("\n")[0], done.stderr))
            more = "Which: runsctl bulk-cancels outcomes b1 --outcome already_final,not_found,open\n"
            self.assertEqual(answer.cancelled < 3, done.stdout.endswith(more))
            request, = bulks.requests["CancelRuns"]
            self.assertEqual((["a", "b", "c"], "why", False),
                             (list(request.ids), request.reason, request.HasField("filter")))
            done = self.cancel(bulks, "a", "b", "c", "--json")
            self.assertEqual((code, answer.cancelled),
                             (done.returncode, json.loads(done.stdout)["cancelled"]))

    def test_what_a_filter_let_through_may_have_ended(self):
        for answer, code in ((job(DONE, 3, 2, 1), OK), (job(ABORTED, 3, 2, 1), CONFLICT)):
            done = self.cancel(Bulks(self, cancel=[answer]), "--workflow", "w", "--yes")
            self.assertEqual(code, done.returncode)

    def test_a_dry_run(self):
        bulks = Bulks(self, cancel=[job(PLANNING, 1, job_id="p1")], get=[plan(12, "p1")])
        done = self.cancel(bulks, "--older-than", "2h", "--dry-run")
        self.assertEqual((OK, ""), (done.returncode, done.stderr))
        lines = done.stdout.splitlines()
        self.assertEqual(["12 runs: named by id", *(f"  run-{i}" for i in range(10)), "  and 2 more",
                          "To cancel them: runsctl runs cancel --plan p1"], lines)
        request, = bulks.requests["CancelRuns"]
        self.assertTrue(request.dry_run and request.filter.HasField("started_before"))
        done = self.cancel(bulks, "x", "--dry-run", "--json")
        self.assertEqual(("planned", 12), tuple(json.loads(done.stdout)[key] for key in ("state", "open")))
        self.assertEqual(["x"], list(bulks.requests["CancelRuns"][1].ids))

    def test_cascade_of_one_run_is_a_bulk_cancel(self):
        bulks = Bulks(self, cancel=[job(DONE, 3, 3)])
        self.assertEqual(OK, self.cancel(bulks, "x", "--cascade").returncode)
        request, = bulks.requests["CancelRuns"]
        self.assertEqual((["x"], True), (list(request.ids), request.cascade))

    def test_errors(self):
        for end, code, text in (
                (End(Code.RESOURCE_EXHAUSTED, "BULK_CANCEL_LIMIT", "too many"), UNAVAILABLE,
                 "bulk-cancels abort ends one"),
                (End(Code.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", "reused"), USAGE,
                 "give another --request-id"),
                (End(Code.UNAVAILABLE, "READ_ONLY", "frozen"), UNAVAILABLE, "organizations unfreeze"),
                (End(Code.FAILED_PRECONDITION, "BULK_CANCEL_ENDED", "ended"), CONFLICT,
                 "bulk-cancels get shows it")):
            done = self.cancel(Bulks(self, cancel=[end]), "--plan", "p", "--yes")
            self.assertEqual((code, "", 1), (done.returncode, done.stdout, done.stderr.count("\n")))
            self.assertIn(text, done.stderr)

    def test_watch(self):
        for answer, code in ((job(DONE, 3, 2, 1), OK), (job(ABORTED, 3, 2), CONFLICT), (plan(3), CONFLICT)):
            bulks = Bulks(self, get=[job(RUNNING, 3, 1) if answer.state != PLANNED else answer, answer])
            self.assertEqual(code, self.ctl(bulks, "bulk-cancels", "watch", "b1").returncode)


@cases([
    ("nothing", (), "ID is missing, or a filter like --workflow, or --plan"),
    ("ids and a filter", ("a", "--workflow", "w"), "exclude each other"),
    ("a filter and a plan", ("--older-than", "1h", "--plan", "p"), "exclude each other"),
    ("ids and a plan", ("a", "--plan", "p"), "exclude each other"),
    ("a plan with what it has", ("--plan", "p", "--cascade"), "--cascade and --dry-run are given when"),
    ("an empty plan", ("--plan", ""), '--plan: "" is the id of no plan'),
    ("an empty workflow", ("--workflow", "", "--older-than", "2h", "--yes"), '--workflow: "" names nothing'),
    ("an empty holder", ("--lease-holder", "", "--yes"), '--lease-holder: "" names nothing'),
    ("an empty source", ("--source-run=", "--yes"), '--source-run: "" names nothing'),
    ("a date as an age", ("--older-than", "2026-01-31", "--yes"), "is no length of time"),
    ("two ends", ("--older-than", "2h", "--started-before", "1h"), "exclude each other"),
    ("an empty range", ("--started-after", "1h", "--older-than", "2h", "--yes"),
     "--started-after 1h is not before --older-than 2h"),
    ("a status that is none", ("--status", "wating", "--yes"), "did you mean waiting?"),
    ("a wait for many", ("a", "b", "--wait", "1s"), "--wait is of one run"),
    ("a sequence of many", ("--workflow", "w", "--yes", "--expected-sequence", "3"),
     "--expected-sequence is of one run"),
    ("a sequence that is none", ("a", "--expected-sequence", "0"), "from 1 to"),
    ("too many ids", tuple("a" * 5001), "is one argument too many"),
])
class Usage(unittest.TestCase):
    def check(self, arguments, fragment):
        done = runsctl("runs", "cancel", *arguments, "--server", "127.0.0.1:1")
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"))
        self.assertIn(fragment, done.stderr)


del Scripted  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()
