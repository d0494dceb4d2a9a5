"""runsctl runs cancel of many, bulk-cancels and runs count: what is asked, shown and cancelled, and
what becomes of the work when the command or the server is killed."""

import concurrent.futures
import json
import os
import re
import signal
import threading
import unittest

import grpc

import contract
import stubs
from harness import ALL_SCOPES, Place, Serve, create_token, program, runsctl, wait_until
from leases import Caller
from relay import Relay
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

    def test_it_says_what_it_does(self):
        gates = [self.gate(), self.gate()]
        bulks = Bulks(self, cancel=[job(PLANNING, 500, job_id="b7")],
                      get=[gates[0], job(RUNNING, 1000, 10, job_id="b7"), gates[1], job(DONE, 1000, 1000)])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes")
        terminal.wait_for(b"collecting 500")
        gates[0].set()
        terminal.wait_for(b"10 of 1,000")
        self.assertNotIn(b"collecting", terminal.shown.rpartition(b"\r")[2])
        gates[1].set()
        self.assertEqual(OK, terminal.finish()[0])

    def test_a_bar_follows_the_width_of_its_terminal(self):
        gate = self.gate()
        working = [job(RUNNING, 1000, done, job_id="b7") for done in (490, 600)]
        bulks = Bulks(self, cancel=[working[0]], get=[gate, working[1]])
        terminal = self.at_terminal(bulks, "runs", "cancel", "--workflow", "w", "--yes", columns=100)
        terminal.wait_for(b"] 49% 490 of 1,000")
        terminal.resize(30)
        gate.set()
        terminal.wait_for(b"600 of 1,000\x1b[K")
        drawn = terminal.shown.decode().rpartition("\r")[2].partition("\x1b")[0]
        self.assertRegex(drawn, r"\Acancelling 60% 600 of 1,000")
        self.assertLess(len(drawn), 30)

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


class Served(unittest.TestCase):
    """The real programs, on a file, on a socket that outlasts a kill."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store, name="tester", scopes=ALL_SCOPES + ",runs.delete")
        self.socket = f"unix:{self.place.path}/grpc"
        self.begin()
        self.addCleanup(lambda: self.server.stop())
        self.caller = Caller(self.socket, self.token)
        self.addCleanup(self.caller.close)

    def begin(self):
        self.server = Serve(self.place.store, grpc=(self.socket,))

    def env(self):
        return {"RUNSCTL_TOKEN": self.token, "RUNSCTL_SERVER": self.socket, "TERM": "xterm", "NO_COLOR": "1"}

    def ctl(self, *arguments):
        return runsctl(*arguments, env=self.env())

    def json(self, *arguments, code=OK):
        done = self.ctl(*arguments, "--json")
        self.assertEqual((code, ""), (done.returncode, done.stderr))
        return json.loads(done.stdout)

    def at_terminal(self, *arguments):
        terminal = Terminal((program("runsctl"), *arguments), 100, self.env())
        self.addCleanup(terminal.kill)
        return terminal

    def create(self, count, workflow, prefix="run", **fields):
        """Makes runs, many calls at once."""
        ids = [f"{prefix}-{i:05}" for i in range(count)]
        with concurrent.futures.ThreadPoolExecutor(32) as threads:
            list(threads.map(lambda run_id: self.caller.create(run_id, workflow_id=workflow, **fields), ids))
        return ids

    def statuses(self, *arguments):
        """How many runs have each status, of those that there are."""
        counted = self.json("runs", "count", *arguments)
        self.assertEqual(counted["total"], sum(one["count"] for one in counted["byStatus"]))
        return {one["status"]: one["count"] for one in counted["byStatus"] if one["count"] > 0}

    def begin_killing_when(self, condition, what):
        """Once condition() is true the server is killed and begun again."""
        wait_until(condition, what)
        self.server.kill()
        self.begin()


class Real(Served):
    def test_exactly_the_plan_that_was_shown_less_what_has_ended(self):
        ids = self.create(30, "a")
        self.create(3, "b", "other")
        terminal = self.at_terminal("runs", "cancel", "--workflow", "a", "--reason", "no budget")
        terminal.wait_for(QUESTION)
        self.assertIn(b'30 runs: running or waiting, of workflow "a"\r\n', terminal.shown)
        self.assertEqual(10, len(re.findall(rb"\n  run-\d{5}\r", terminal.shown)))
        self.create(5, "a", "later")
        for run_id in ids[:2]:
            self.caller.report(run_id, "success")
        terminal.type(b"y\n")
        status, lines = terminal.finish()
        self.assertEqual(OK, status, lines)
        self.assertRegex("\n".join(lines), r"28 runs cancelled, 2 had ended before; bulk cancel \S+\.\n")
        self.assertEqual({"running": 5, "success": 2, "cancelled": 28}, self.statuses("--workflow", "a"))
        self.assertEqual({"running": 3}, self.statuses("--workflow", "b"))
        event = self.caller.events(ids[9])[-1]
        self.assertEqual(("tester", "no budget"), (event.actor, event.reason))

    def test_no_is_no_and_leaves_no_plan(self):
        self.create(3, "a")
        terminal = self.at_terminal("runs", "cancel", "--workflow", "a")
        terminal.wait_for(QUESTION)
        terminal.type(b"n\n")
        self.assertEqual(FAILED, terminal.finish()[0])
        self.assertEqual({"running": 3}, self.statuses())
        self.assertEqual(["aborted"], [b["state"] for b in self.json("bulk-cancels", "list")["bulkCancels"]])

    def test_a_dry_run_and_its_plan(self):
        self.create(12, "a")
        plan_id = self.json("runs", "cancel", "--workflow", "a", "--dry-run", "--reason", "why")["id"]
        self.assertEqual({"running": 12}, self.statuses())
        self.assertEqual("planned", self.json("bulk-cancels", "get", plan_id)["state"])
        done = self.ctl("bulk-cancels", "get", plan_id)
        self.assertIn(f"runsctl runs cancel --plan {plan_id}\n", done.stdout)
        ended = self.json("runs", "cancel", "--plan", plan_id, "--yes")
        self.assertEqual(("done", 12), (ended["state"], ended["cancelled"]))
        self.assertEqual("why", self.caller.events("run-00000")[-1].reason)
        done = self.ctl("runs", "cancel", "--plan", plan_id, "--yes")
        self.assertEqual((CONFLICT, ""), (done.returncode, done.stdout))
        self.assertIn("bulk-cancels get shows it", done.stderr)

    def test_ids_and_what_became_of_each(self):
        ids = self.create(3, "a")
        self.caller.report(ids[1], "failure")
        bulk_id = self.json("runs", "cancel", *ids, "ghost", code=NOT_FOUND)["id"]
        outcomes = self.json("bulk-cancels", "outcomes", bulk_id)
        self.assertEqual({ids[0]: "cancelled", ids[1]: "already_final", ids[2]: "cancelled",
                          "ghost": "not_found"},
                         {one["runId"]: one["outcome"] for one in outcomes["outcomes"]})
        done = self.ctl("bulk-cancels", "outcomes", bulk_id, "--outcome", "not_found,already_final")
        self.assertRegex(done.stdout, r"\ARUN +OUTCOME\nghost +not_found\n\S+1 +already_final\n\Z")
        pages, token = [], ()
        while token is not None:
            page = self.json("bulk-cancels", "outcomes", bulk_id, "--page-size", "3", *token)
            pages.append([one["runId"] for one in page["outcomes"]])
            token = ("--page-token", page["nextPageToken"]) if page["nextPageToken"] else None
        self.assertEqual([3, 1], [len(page) for page in pages])
        every = self.json("bulk-cancels", "outcomes", bulk_id, "--page-size", "2", "--all")
        self.assertEqual((sum(pages, []), ""), ([o["runId"] for o in every["outcomes"]],
                                                every["nextPageToken"]))
        self.assertIn("More: --all, or --page-token ",
                      self.ctl("bulk-cancels", "outcomes", bulk_id, "--page-size", "2").stdout)
        done = self.ctl("bulk-cancels", "outcomes", bulk_id, "--outcome", "open")
        self.assertEqual((OK, "There are no such runs in it.\n"), (done.returncode, done.stdout))
        done = self.ctl("bulk-cancels", "outcomes", bulk_id, "--outcome", "opne")
        self.assertIn("did you mean open?", done.stderr)

    def test_an_abort_of_a_plan(self):
        self.create(3, "a")
        plan_id = self.json("runs", "cancel", "--older-than", "0s", "--dry-run")["id"]
        self.assertEqual("aborted", self.json("bulk-cancels", "abort", plan_id)["state"])
        for words in (("bulk-cancels", "abort", plan_id), ("runs", "cancel", "--plan", plan_id, "--yes")):
            done = self.ctl(*words)
            self.assertEqual((CONFLICT, ""), (done.returncode, done.stdout))
        self.assertEqual({"running": 3}, self.statuses())
        self.assertEqual(NOT_FOUND, self.ctl("bulk-cancels", "get", "ghost").returncode)
        self.assertRegex(self.ctl("bulk-cancels", "list").stdout,
                         rf"\AID +STATE +TOTAL +CANCELLED +CREATED +ACTOR +RUNS\n{plan_id} +aborted +3 +0 +"
                         r"\S+Z +tester +running or waiting, started before \S+Z\n\Z")

    def test_the_same_request_id_is_the_same_work(self):
        ids = self.create(3, "a")
        first, second = (self.json("runs", "cancel", *ids, "--request-id", "k") for _ in range(2))
        self.assertEqual(first, second)
        self.assertEqual(3, first["cancelled"])
        self.assertEqual(USAGE, self.ctl("runs", "cancel", *ids[:2], "--request-id", "k").returncode)

    def test_families(self):
        run_file = self.place.path / "run.json"
        run_file.write_text(json.dumps(contract.new_run()))
        create = ("runs", "create", "--file", str(run_file), "--quiet")
        self.assertEqual(OK, self.ctl(*create, "--id", "parent").returncode)
        self.assertEqual(OK, self.ctl(*create, "--id", "child", "--parent", "parent").returncode)
        self.assertEqual(OK, self.ctl(*create, "--id", "grandchild", "--parent", "child").returncode)
        self.assertRegex(self.ctl("runs", "get", "grandchild").stdout, r"(?m)^parent run +child$")
        ended = self.json("runs", "cancel", "parent", "--cascade")
        self.assertEqual((3, 3), (ended["total"], ended["cancelled"]))
        done = self.ctl(*create, "--parent", "child")
        self.assertEqual((CONFLICT, ""), (done.returncode, done.stdout))
        self.assertIn('its ancestor "child" is cancelled', done.stderr)
        done = self.ctl(*create, "--parent", "ghost")
        self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
        self.assertIn("run.parentRunId", done.stderr)

    def test_a_cancel_of_what_was_looked_at(self):
        run_id, = self.create(1, "a")
        self.caller.report(run_id, "waiting")
        done = self.ctl("runs", "cancel", run_id, "--expected-sequence", "1")
        self.assertEqual((CONFLICT, ""), (done.returncode, done.stdout))
        self.assertIn("is 2, not 1; nothing was changed; status: waiting; runsctl runs events", done.stderr)
        self.assertEqual("cancelled", self.json("runs", "cancel", run_id, "--expected-sequence", "2")["status"])

    def test_counts(self):
        self.create(3, "a")
        self.create(2, "b", "other")
        self.caller.cancel("run-00000")
        self.caller.report("other-00000", "waiting")
        self.assertEqual({"running": 3, "waiting": 1, "cancelled": 1}, self.statuses())
        self.assertEqual({"running": 2}, self.statuses("--workflow", "a", "--status", "running,waiting"))
        self.assertRegex(self.ctl("runs", "count").stdout,
                         r"\Arunning +3\nwaiting +1\nsuccess +0\nfailure +0\ncancelled +1\ntotal +5\n\Z")
        self.assertRegex(self.ctl("runs", "count", "--by-workflow", "--status", "running,cancelled").stdout,
                         r"\AWORKFLOW +running +cancelled +TOTAL\na +2 +1 +3\nb +1 +0 +1\n\Z")
        counted = self.json("runs", "count", "--by-workflow")
        self.assertEqual([("a", 3), ("b", 2)], [(w["workflowId"], w["total"]) for w in counted["byWorkflow"]])
        self.assertEqual(5, len(counted["byStatus"]))

    def test_a_deletion(self):
        run_id, = self.create(1, "a")
        done = self.ctl("runs", "delete", run_id)
        self.assertEqual((CONFLICT, ""), (done.returncode, done.stdout))
        self.assertIn("runs cancel ends it", done.stderr)
        self.caller.cancel(run_id)
        wait_until(lambda: self.ctl("runs", "delete", run_id).returncode == OK, "the deletion")
        self.assertEqual(NOT_FOUND, self.ctl("runs", "delete", run_id).returncode)
        self.assertEqual(NOT_FOUND, self.ctl("runs", "get", run_id).returncode)


class Lost(Served):
    """What a kill, a silence and an interruption leave."""

    def test_a_kill_midway_is_outlasted(self):
        count = 10000
        self.create(count, "a")
        terminal = self.at_terminal("runs", "cancel", "--workflow", "a", "--yes")

        def is_midway():
            listed = self.caller_of_bulks().ListBulkCancels(
                stubs.bulk_pb2.ListBulkCancelsRequest(), metadata=self.caller.metadata).bulk_cancels
            return listed and 0 < listed[0].cancelled < count
        self.begin_killing_when(is_midway, "cancels")
        status, lines = terminal.finish()
        self.assertEqual(OK, status, lines[-3:])
        self.assertIn("10,000 runs cancelled; bulk cancel ", "".join(lines))
        self.assertEqual({"cancelled": count}, self.statuses())
        # Each once: a second event of a run would be another sequence.
        for i in range(0, count, 97):
            events = self.caller.events(f"run-{i:05}")
            self.assertEqual([1, 2], [event.sequence for event in events])

    def test_a_kill_before_the_answer_makes_one_work_of_it(self):
        self.create(40, "a")

        def kill_and_begin():
            self.server.kill()
            self.begin()
        relay = Relay(self, self.socket, lost=["CancelRuns"], before_loss=kill_and_begin)
        done = runsctl("runs", "cancel", "--workflow", "a", "--yes", "--json", "--timeout-ms", "60000",
                       env={**self.env(), "RUNSCTL_SERVER": relay.address})
        self.assertEqual(OK, done.returncode, done.stderr)
        asked = [request for name, request in relay.calls if name == "CancelRuns"]
        self.assertEqual((2, asked[0]), (len(asked), asked[1]))
        listed = self.json("bulk-cancels", "list")["bulkCancels"]
        self.assertEqual([(json.loads(done.stdout)["id"], 40)], [(b["id"], b["cancelled"]) for b in listed])

    def caller_of_bulks(self):
        return stubs.bulk_grpc.BulkCancelsServiceStub(self.caller.channel)

    def test_an_interruption_leaves_the_work_to_the_server(self):
        self.create(300, "a")
        terminal = self.at_terminal("runs", "cancel", "--workflow", "a")
        terminal.wait_for(QUESTION)
        self.server.popen.send_signal(signal.SIGSTOP)
        terminal.type(b"y\n")
        terminal.wait_for(b"y\r\n")
        terminal.type(b"\x03")
        status, lines = terminal.finish()
        self.server.popen.send_signal(signal.SIGCONT)
        self.assertEqual(-signal.SIGINT, status)
        found = re.search(r"runsctl bulk-cancels get (\S+) says it", "".join(lines))
        plan_id = found.group(1) if found else None
        if plan_id is None:  # the signal came before the call had begun
            self.assertIn("nothing was cancelled", "".join(lines))
            plan_id = self.json("bulk-cancels", "list")["bulkCancels"][0]["id"]
        # Whatever the server got, all or nothing of the plan is done.
        wait_until(lambda: self.json("bulk-cancels", "get", plan_id)["state"] != "running", "the end")
        state = self.json("bulk-cancels", "get", plan_id)
        self.assertEqual(300 if state["state"] == "done" else 0, self.statuses().get("cancelled", 0))

    def test_a_watch_goes_on_over_a_restart(self):
        self.create(5, "a")
        bulk_id = self.json("runs", "cancel", "--workflow", "a", "--yes")["id"]
        self.server.kill()
        self.begin()
        done = self.ctl("bulk-cancels", "watch", bulk_id)
        self.assertEqual((OK, f"5 runs cancelled; bulk cancel {bulk_id}.\n"), (done.returncode, done.stdout))


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


del Scripted, Served  # they have no tests of their own

if __name__ == "__main__":
    unittest.main()
