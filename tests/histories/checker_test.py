"""Tests of the checker: histories made by hand, good and bad, and thousands made by the model."""

import os
import random
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checker  # noqa: E402
import history  # noqa: E402
import model  # noqa: E402

LEASE = {"dispatch": "lease"}
SECOND = 1_000_000
# Times of these stories are in units of 10 ms, which no slack of the clocks reaches.
UNIT = 10_000


class Story(history.History):
    """A history told line by line. Of one run, "r", unless said otherwise."""

    def __init__(self, **terms):
        super().__init__()
        self.terms = terms

    def did(self, op, invoked, returned, outcome, run="r", **call):
        """A call of these times; outcome None: unknown (then returned does not matter)."""
        if op == "create":
            call["terms"] = self.terms
        known = outcome is not None
        self.add(run, {"op": op, "actor": "me", **call}, invoked * UNIT,
                 returned * UNIT if known else None, outcome)
        return self

    def event(self, kind, from_status, to_status, at, attempt=0, holder="", actor="me", reason="",
              run="r", revision=None):
        events = self.events.setdefault(run, [])
        revision = revision or sum(map(len, self.events.values())) + 1
        events.append(model.Event(kind, from_status, to_status, attempt, holder, actor, reason,
                                  at * UNIT, revision))
        return self

    def created(self, holder="", at=1):
        """Created in [0, 2], with the first lease if there is a holder."""
        attempt = 1 if holder else 0
        self.did("create", 0, 2, run_of("running", attempt, holder), holder=holder)
        return self.event("created", "", "running", at, attempt, holder)

    def acquired(self, invoked, returned, at, attempt, holder, lease_end=0):
        self.did("acquire", invoked, returned,
                 run_of("running", attempt, holder, lease_end=lease_end * UNIT), holder=holder,
                 lease_us=SECOND)
        return self.event("acquired", "running", "running", at, attempt, holder)


def run_of(status, attempt=0, holder="", finished=0, **more):
    return {"code": "OK", "status": status, "attempt": attempt, "holder": holder,
            "finished_at": finished * UNIT, **more}


def refused(reason, finished=0, **metadata):
    return {"code": "FAILED_PRECONDITION", "reason": reason, "finished_at": finished * UNIT,
            **metadata}


def cancelled(story, invoked=10, returned=12, at=11):
    story.did("cancel", invoked, returned, run_of("cancelled", finished=at))
    return story.event("status_changed", "running", "cancelled", at)


class Cases(unittest.TestCase):
    def good(self, story):
        checker.check(story)

    def bad(self, story, why):
        with self.assertRaisesRegex(checker.Violation, why):
            checker.check(story)


class Statuses(Cases):
    def test_a_cancel_and_a_late_report(self):
        self.good(cancelled(Story().created()).did(
            "report", 13, 14, refused("RUN_ALREADY_FINISHED", 11, status="cancelled", actor="me"),
            status="success", attempt=0))

    def test_a_refusal_that_names_who_did_not_end_the_run(self):
        self.bad(cancelled(Story().created()).did(
            "cancel", 13, 14, refused("RUN_ALREADY_FINISHED", 11, status="cancelled", actor="you")),
            "no order explains")

    def test_a_report_that_overwrites_a_cancel(self):
        self.bad(cancelled(Story().created())
                 .did("report", 13, 14, run_of("success", finished=13), status="success", attempt=0)
                 .event("status_changed", "cancelled", "success", 13), "after the final status")

    def test_two_final_answers_and_one_event(self):
        self.bad(cancelled(Story().created()).did(
            "report", 10, 14, run_of("success", finished=11), status="success", attempt=0),
            "no order explains")

    def test_an_acknowledged_cancel_that_has_no_event(self):
        story = Story().created().did("cancel", 3, 4, run_of("cancelled", finished=3))
        self.bad(story, "no order explains")

    def test_an_event_that_nobody_made(self):
        self.bad(Story().created().event("status_changed", "running", "cancelled", 5),
                 "event 2 is nobody's")

    def test_an_event_of_other_words_than_was_asked(self):
        story = Story().created().did("cancel", 3, 6, run_of("cancelled", finished=5), reason="why")
        self.bad(story.event("status_changed", "running", "cancelled", 5, reason="else"),
                 "no order explains")

    def test_a_cancel_of_unknown_outcome_happens_late_or_never(self):
        self.good(Story().created().did("cancel", 3, 4, None))
        late = Story().created().did("cancel", 3, 4, None)
        late.did("get", 8, 9, run_of("running", stopped_at=0))
        late.event("status_changed", "running", "cancelled", 11)
        self.good(late.did("get", 12, 13, run_of("cancelled", finished=11, stopped_at=0)))

    def test_a_cancel_of_unknown_outcome_does_not_happen_twice(self):
        story = Story().created().did("report", 3, 4, None, status="waiting", attempt=0)
        story.did("report", 5, 6, run_of("running"), status="running", attempt=0)
        story.event("status_changed", "running", "waiting", 4)
        story.event("status_changed", "waiting", "running", 6)
        self.good(story)
        self.bad(story.event("status_changed", "running", "waiting", 8), "event 4 is nobody's")

    def test_a_read_of_the_past_after_the_answer(self):
        story = cancelled(Story().created())
        self.bad(story.did("get", 13, 14, run_of("running", stopped_at=0)), "no order explains")

    def test_reads_beside_the_cancel_see_either_but_not_back_and_forth(self):
        before = run_of("running", stopped_at=0)
        since = run_of("cancelled", finished=11, stopped_at=0)
        self.good(cancelled(Story().created(), 10, 30).did("get", 12, 13, since)
                  .did("get", 14, 15, since))
        self.good(cancelled(Story().created(), 10, 30, 11).did("get", 12, 13, before)
                  .did("get", 14, 15, since))
        self.bad(cancelled(Story().created(), 10, 30).did("get", 12, 13, since)
                 .did("get", 14, 15, before), "no order explains")

    def test_a_second_creation(self):
        self.good(Story().created().did("create", 3, 4, {"code": "ALREADY_EXISTS"}))
        self.bad(Story().created().did("create", 3, 4, run_of("running")), "no order explains")
        self.bad(Story().did("create", 0, 2, {"code": "ALREADY_EXISTS"}), "no order explains")

    def test_a_final_time_that_is_not_the_events(self):
        self.bad(Story().created().did("cancel", 10, 12, run_of("cancelled", finished=12))
                 .event("status_changed", "running", "cancelled", 11), "no order explains")

    def test_a_change_before_it_was_called_and_a_time_out_of_its_interval(self):
        self.bad(Story().created().did("cancel", 10, 12, run_of("cancelled", finished=13))
                 .event("status_changed", "running", "cancelled", 13), "no order explains")
        early = Story().created().did("cancel", 10, 12, run_of("cancelled", finished=7), reason="q")
        self.bad(early.event("status_changed", "running", "cancelled", 7, reason="q"),
                 "is not in")


class Attempts(Cases):
    def late_report(self, outcome):
        story = Story(**LEASE).created().acquired(3, 5, 4, 1, "a")
        story.did("release", 6, 8, run_of("running", 1), attempt=1)
        story.event("released", "running", "running", 7, 1, "a")
        story.acquired(9, 11, 10, 2, "b")
        return story.did("report", 12, 14, outcome, status="success", attempt=1)

    def test_a_late_report_of_an_old_attempt(self):
        self.good(self.late_report(refused("ATTEMPT_STALE", attempt=2, status="running")))

    def test_a_late_report_that_is_taken(self):
        story = self.late_report(run_of("success", 2, finished=13))
        self.bad(story.event("status_changed", "running", "success", 13, 2, "b"),
                 "no order explains")

    def test_a_late_report_that_is_told_another_attempt(self):
        self.bad(self.late_report(refused("ATTEMPT_STALE", attempt=1, status="running")),
                 "no order explains")

    def test_a_stale_report_of_a_final_run_is_stale(self):
        story = cancelled(Story(**LEASE).created())
        self.good(story.did("report", 13, 14, refused("ATTEMPT_STALE", 11, attempt=0,
                                                      status="cancelled"),
                            status="success", attempt=1))
        self.bad(story.did("report", 13, 14, refused("RUN_ALREADY_FINISHED", 11, attempt=0,
                                                     status="cancelled"),
                           status="success", attempt=1), "no order explains")

    def test_an_attempt_that_comes_again_or_is_left_out(self):
        for attempt in (1, 3):
            story = Story(**LEASE).created("a")
            story.did("release", 6, 8, run_of("running", 1), attempt=1)
            story.event("released", "running", "running", 7, 1, "a")
            self.bad(story.acquired(9, 11, 10, attempt, "b"), "no order|the attempt goes from 1")

    def test_two_holders_at_once(self):
        self.bad(Story(**LEASE).created("a").acquired(9, 11, 10, 2, "b"), "no order explains")

    def test_a_run_that_is_not_dispatched_by_lease(self):
        self.bad(Story().created().acquired(3, 5, 4, 1, "a"), "no order explains")

    def test_an_acquisition_whose_answer_was_lost(self):
        story = Story(**LEASE).created().did("acquire", 3, 4, None, run=None, holder="a")
        story.event("acquired", "running", "running", 4, 1, "a")
        self.good(story)
        self.bad(story.event("released", "running", "running", 7, 1, "a"), "event 3 is nobody's")

    def test_the_first_lease_comes_with_the_creation(self):
        self.good(Story(**LEASE).created("a").did(
            "renew", 3, 4, {"code": "OK", "state": "held", "attempt": 1}, attempt=1, holder="a"))

    def test_nothing_to_acquire(self):
        story = Story(**LEASE).created("a")
        self.good(story.did("acquire_none", 3, 4, {"code": "OK"}, holder="b"))
        self.bad(Story(**LEASE).created().did("acquire_none", 3, 4, {"code": "OK"}, holder="b"),
                 "no order explains")

    def test_a_release_by_who_does_not_hold_it(self):
        self.good(Story(**LEASE).created().did(
            "release", 3, 4, refused("RUN_NOT_HELD", attempt=0, status="running"), attempt=0))
        self.good(Story(**LEASE).created("a").did(
            "release", 3, 4, refused("ATTEMPT_STALE", attempt=1, status="running"), attempt=7))


class Leases(Cases):
    def lost(self, at, fails=False, to_status="running", lease_end=50, renewed=0):
        story = Story(**LEASE, fails_on_lease_loss=fails).created().acquired(
            3, 5, 4, 1, "a", lease_end)
        if renewed:
            story.did("renew", 20, 21, {"code": "OK", "state": "held", "attempt": 1,
                                        "lease_end": renewed * UNIT}, attempt=1, holder="a")
        return story.event("lease_lost", "running", to_status, at, 1, "a", "runsd", "LEASE_LOST")

    def test_a_lease_that_ends(self):
        self.good(self.lost(50))
        self.good(self.lost(50, fails=True, to_status="failure"))

    def test_a_lease_that_ends_by_another_policy(self):
        self.bad(self.lost(50, fails=True), "nobody's")
        self.bad(self.lost(50, to_status="failure"), "nobody's")

    def test_a_lease_that_ends_before_it_was_promised(self):
        self.bad(self.lost(49), "before what was promised")
        self.good(self.lost(70, renewed=70))
        self.bad(self.lost(69, renewed=70), "before what was promised")

    def test_a_renewal_of_a_lost_attempt(self):
        told = {"code": "OK", "state": "lost", "attempt": 1}
        self.good(self.lost(50).did("renew", 60, 61, told, attempt=1, holder="a"))
        held = {"code": "OK", "state": "held", "attempt": 1, "lease_end": 160 * UNIT}
        self.bad(self.lost(50).did("renew", 60, 61, held, attempt=1, holder="a"),
                 "before what was promised")
        self.bad(self.lost(50).did("report", 60, 61, run_of("waiting", 1), status="waiting",
                                   attempt=1).event("status_changed", "running", "waiting", 60, 1)
                 .did("renew", 70, 71, held, attempt=1, holder="a"), "no order explains")
        self.bad(self.lost(50).did("renew", 30, 31, told, attempt=1, holder="a"),
                 "no order explains")

    def test_a_renewal_that_is_lost_before_the_event_is_there(self):
        told = {"code": "OK", "state": "lost", "attempt": 1}
        def story(returned):
            return Story(**LEASE).created().acquired(3, 5, 4, 1, "a", 50).did(
                "renew", 45, returned, told, attempt=1, holder="a")
        self.good(story(50))
        self.bad(story(49), "no order explains")

    def test_a_renewal_of_a_finished_run(self):
        story = cancelled(Story(**LEASE).created(), 10, 12)
        told = {"code": "OK", "state": "finished", "attempt": 0, "status": "cancelled",
                "actor": "me", "reason": ""}
        self.good(story.did("renew", 13, 14, told, attempt=0, holder="a"))
        self.bad(story.did("renew", 15, 16, {**told, "state": "held"}, attempt=0, holder="a"),
                 "no order explains")

    def test_a_report_by_a_holder_that_nobody_replaced(self):
        self.good(self.lost(50).did("report", 60, 62, run_of("success", 1, finished=61),
                                    status="success", attempt=1)
                  .event("status_changed", "running", "success", 61, 1, ""))

    def test_a_lease_that_ends_too_soon_after_a_start(self):
        story = self.lost(60)
        story.starts = [20 * UNIT]
        self.bad(story, "after a start of the server")
        story = self.lost(121)
        story.starts = [20 * UNIT]
        self.good(story)

    def test_a_lease_that_nobody_ended(self):
        story = Story(**LEASE).created().acquired(3, 5, 4, 1, "a", 50)
        story.end, story.patience_us = 200 * UNIT, SECOND
        self.bad(story, "nobody ended it")
        story.end = 149 * UNIT
        self.good(story)

    def test_a_wait_that_was_not_woken(self):
        story = Story(**LEASE).created()
        story.did("acquire_waited", 10, 900, {"code": "OK"}, holder="b")
        self.bad(story, "and got nothing")
        story.disturbed.append((500 * UNIT, 501 * UNIT))
        self.good(story)
        self.good(Story(**LEASE).created("a").did("acquire_waited", 10, 900, {"code": "OK"},
                                                  holder="b"))


class Deadlines(Cases):
    def timed_out(self, at, terms=None, to_status="failure"):
        story = Story(timeout_us=100 * UNIT, **terms or {}).created()
        return story.event("status_changed", "running", to_status, at, actor="runsd",
                           reason="TIMEOUT")

    def test_a_timeout(self):
        self.good(self.timed_out(101))
        self.good(self.timed_out(101, {"on_timeout": "cancelled"}, "cancelled"))

    def test_a_timeout_before_its_time(self):
        self.bad(self.timed_out(100), "10000 us too early")

    def test_a_timeout_by_another_policy(self):
        self.bad(self.timed_out(101, None, "cancelled"), "nobody's")

    def test_a_timeout_over_a_cancel(self):
        story = Story(timeout_us=100 * UNIT).created()
        self.bad(cancelled(story).event("status_changed", "cancelled", "failure", 101,
                                        actor="runsd", reason="TIMEOUT"), "after the final status")

    def test_an_early_timeout_of_a_run_that_is_not_waiting_any_more(self):
        story = Story(waiting_timeout_us=100 * UNIT).created()
        story.did("report", 10, 12, run_of("waiting"), status="waiting", attempt=0)
        story.event("status_changed", "running", "waiting", 11)
        story.did("report", 13, 15, run_of("running"), status="running", attempt=0)
        story.event("status_changed", "waiting", "running", 14)
        self.good(story)
        self.bad(story.event("status_changed", "running", "failure", 200, actor="runsd",
                             reason="TIMEOUT"), "nothing is due")

    def test_a_deadline_that_was_forgotten(self):
        story = Story(timeout_us=100 * UNIT).created()
        story.end, story.patience_us = 202 * UNIT, SECOND
        self.bad(story, "its deadline was")
        story.end = 200 * UNIT
        self.good(story)


class Stops(Cases):
    def stopped(self, at=14):
        story = cancelled(Story().created())
        story.did("acknowledge", 13, 15, run_of("cancelled", finished=11, stopped_at=at * UNIT),
                  attempt=0)
        return story.event("stopped", "cancelled", "cancelled", 14)

    def test_an_acknowledgement_once_and_again(self):
        self.good(self.stopped())
        again = run_of("cancelled", finished=11, stopped_at=14 * UNIT)
        self.good(self.stopped().did("acknowledge", 16, 17, again, attempt=0))
        self.bad(self.stopped(13), "no order explains")

    def test_a_second_event_of_it(self):
        again = run_of("cancelled", finished=11, stopped_at=17 * UNIT)
        self.bad(self.stopped().did("acknowledge", 16, 18, again, attempt=0)
                 .event("stopped", "cancelled", "cancelled", 17), "no order explains")

    def test_an_acknowledgement_of_a_run_that_is_not_cancelled(self):
        self.good(Story().created().did(
            "acknowledge", 3, 4, refused("RUN_NOT_CANCELLED", status="running"), attempt=0))
        self.good(cancelled(Story().created()).did(
            "acknowledge", 13, 14, refused("ATTEMPT_STALE", 11, attempt=0, status="cancelled"),
            attempt=2))

    def test_a_cancel_that_waited(self):
        self.good(self.stopped().did("saw_stop", 10, 16, {"code": "OK", "stopped_at": 14 * UNIT}))
        self.bad(self.stopped().did("saw_stop", 10, 16, {"code": "OK", "stopped_at": 15 * UNIT}),
                 "no order explains")
        self.bad(self.stopped().did("saw_stop", 10, 12, {"code": "OK", "stopped_at": 14 * UNIT}),
                 "no order explains")


class Organizations(Cases):
    def two_runs(self, first, second):
        story = Story()
        for run, revision, invoked in (("r", first, 0), ("s", second, 10)):
            story.did("create", invoked, invoked + 2, run_of("running"), run=run)
            story.event("created", "", "running", invoked + 1, run=run, revision=revision)
        return story

    def test_revisions_without_a_gap(self):
        self.good(self.two_runs(1, 2))

    def test_a_gap_and_a_double(self):
        self.bad(self.two_runs(1, 3), "has revision 3, not 2")
        self.bad(self.two_runs(1, 1), "has revision 1, not 2")
        self.bad(self.two_runs(2, 3), "has revision 2, not 1")

    def test_revisions_against_real_time(self):
        def story(first, second):
            told = self.two_runs(1, 2)
            for run, invoked, revision in (("r", 20, first), ("s", 30, second)):
                told.did("cancel", invoked, invoked + 2, run_of("cancelled", finished=invoked + 1),
                         run=run, reason=run)
                told.event("status_changed", "running", "cancelled", invoked + 1, run=run,
                           reason=run, revision=revision)
            return told
        self.good(story(3, 4))
        self.bad(story(4, 3), "answered before one with a smaller revision was called")

    def test_a_read_of_events_in_the_middle(self):
        first = ["created", "", "running", 0, "", "me", "", 1 * UNIT]
        self.good(cancelled(Story().created()).did("events", 3, 4, {"code": "OK", "count": 1,
                                                                   "events": [first]}))
        first[-1] = 2 * UNIT
        self.bad(cancelled(Story().created()).did(
            "events", 3, 4, {"code": "OK", "count": 1, "events": [first]}), "are not its first")


class Files(Cases):
    def test_a_history_is_read_as_it_was_written(self):
        story = cancelled(Story(**LEASE).created("a"))
        story.starts, story.disturbed, story.end, story.patience_us = [3], [(4, 5)], 6, 7
        with tempfile.NamedTemporaryFile() as file:
            history.write(story, file.name)
            again = history.read(file.name)
        for name in ("operations", "events", "starts", "disturbed", "end", "patience_us"):
            self.assertEqual(getattr(story, name), getattr(again, name))


class Keys(Cases):
    KEYED = {"key": "k", "reason": "why"}

    def story(self, first, at=11):
        """Cancelled under a key in [10, 12], with that answer."""
        story = Story().created().did("cancel", 10, 12, first, **self.KEYED)
        return story.event("status_changed", "running", "cancelled", at, reason="why")

    @staticmethod
    def answer(replayed):
        return run_of("cancelled", finished=11, replayed=replayed)

    def test_the_same_again(self):
        story = self.story(self.answer(False))
        for at in (13, 15, 17):
            story.did("cancel", at, at + 1, self.answer(True), **self.KEYED)
        self.good(story)

    def test_the_same_at_once(self):
        self.good(self.story(self.answer(True)).did("cancel", 10, 13, self.answer(False),
                                                    **self.KEYED))

    def test_both_say_that_they_did_it(self):
        self.bad(self.story(self.answer(False)).did("cancel", 10, 13, self.answer(False),
                                                    **self.KEYED), "no order explains")

    def test_none_says_that_it_did_it(self):
        self.bad(self.story(self.answer(True)).did("cancel", 10, 13, self.answer(True),
                                                   **self.KEYED), "nobody's|no order explains")

    def test_the_first_answer_is_lost(self):
        self.good(self.story(None).did("cancel", 13, 14, self.answer(True), **self.KEYED))

    def test_the_first_was_not_carried_out(self):
        self.good(self.story(None, at=14).did("cancel", 13, 15, run_of(
            "cancelled", finished=14, replayed=False), **self.KEYED))

    def test_a_replay_of_what_never_was(self):
        story = Story().created().did("cancel", 10, 12, None, **self.KEYED)
        self.bad(story.did("cancel", 13, 14, self.answer(True), **self.KEYED), "no order explains")

    def test_a_key_that_is_forgotten(self):
        self.bad(self.story(self.answer(False)).did(
            "cancel", 13, 14, refused("RUN_ALREADY_FINISHED", 11, status="cancelled", actor="me"),
            **self.KEYED), "no order explains")

    def test_another_key(self):
        self.good(self.story(self.answer(False)).did(
            "cancel", 13, 14, refused("RUN_ALREADY_FINISHED", 11, status="cancelled", actor="me"),
            key="k2", reason="why2"))

    def test_a_report_again_after_the_attempt_has_passed(self):
        story = Story(**LEASE).created("a").did(
            "report", 3, 4, run_of("success", 1, finished=3, replayed=False), status="success",
            attempt=1, **self.KEYED)
        story.event("status_changed", "running", "success", 3, 1, "a", reason="why")
        self.good(story.did("report", 5, 6, run_of("success", 1, finished=3, replayed=True),
                            status="success", attempt=1, **self.KEYED))

    def test_a_cancel_of_a_run_that_has_changed(self):
        def changed(sequence):
            return {"code": "ABORTED", "reason": "RUN_CHANGED", "status": "running",
                    "sequence": sequence, "finished_at": 0}
        self.good(Story().created().did("cancel", 5, 6, changed(1), expected=2))
        for wrong in (dict(sequence=1, expected=1), dict(sequence=2, expected=3)):
            self.bad(Story().created().did("cancel", 5, 6, changed(wrong["sequence"]),
                                           expected=wrong["expected"]), "no order explains")
        self.bad(cancelled(Story().created()).did(
            "cancel", 13, 14, refused("RUN_ALREADY_FINISHED", 11, status="cancelled", actor="me"),
            expected=1), "no order explains")


class Made:
    """A random history that the model itself made: each operation takes effect at an instant of
    its own, in an interval around it; some outcomes are forgotten, some operations never happen."""

    def __init__(self, seed, length=40):
        self.random = random.Random(seed)
        self.terms = {"dispatch": self.random.choice(["lease", "lease", "external"]),
                      "fails_on_lease_loss": self.random.random() < 0.3,
                      "on_timeout": self.random.choice([model.FAILURE, model.CANCELLED]),
                      "timeout_us": self.random.choice([0, 0, 150 * UNIT]),
                      "waiting_timeout_us": self.random.choice([0, 0, 60 * UNIT])}
        self.state = model.NOWHERE
        self.story = history.History()
        self.events = self.story.events.setdefault("r", [])
        self.now = 0
        self.keyed = []
        self.replays = 0
        for number in range(length):
            self.now += self.random.randint(1, 12) * UNIT
            if self.random.random() < 0.2:
                self.by_server()
            self.by_client(number)

    def take(self, change):
        event = model.Event(*change, at=self.now, revision=len(self.events) + 1)
        self.state = model.after(self.state, event, model.Terms(**self.terms))
        self.events.append(event)

    def by_server(self):
        kind = self.random.choice([model.LEASE_LOST, model.STATUS_CHANGED])
        reason = model.LEASE_LOST_REASON if kind == model.LEASE_LOST else model.TIMEOUT_REASON
        for status in (self.state.status, model.FAILURE, model.CANCELLED):
            event = model.Event(kind, self.state.status, status, self.state.attempt,
                                self.state.holder, model.SERVER, reason, self.now)
            if model.server_may(self.state, event) is None:
                self.take(event.change())
                return

    def call(self, number):
        rng = self.random
        op = "create" if not self.state.status else rng.choice(
            ["get", "report", "report", "report", "acquire", "acquire", "renew", "release",
             "acknowledge", "cancel" if rng.random() < 0.3 else "get", "create", "events"])
        call = {"op": op, "actor": "me"}
        if op == "create":
            call["terms"] = self.terms
            if self.terms["dispatch"] == "lease" and rng.random() < 0.3:
                call["holder"] = f"h{number}"
        if op in ("report", "renew", "release", "acknowledge"):
            call["attempt"] = max(0, self.state.attempt - (rng.random() < 0.2))
        if op == "report":
            active = ["waiting", "running"]
            call["status"] = rng.choice(2 * active + ["success", "failure"]
                                        if rng.random() < 0.5 else active)
        if op == "renew":
            call["holder"] = self.state.holder or "nobody"
        if op == "acquire":
            call["holder"] = rng.choice("abc")
        if op in ("report", "cancel", "release", "acknowledge") and rng.random() < 0.5:
            call["reason"] = f"op{number}"
        if op == "cancel" and rng.random() < 0.3:
            call["expected"] = self.state.sequence - rng.randint(0, 1)
        if op == "cancel" or call.get("status") in model.FINAL:
            call.update(key=f"key{number}", reason=f"op{number}")
            self.keyed.append(call)
        elif self.keyed and rng.random() < 0.1:
            return rng.choice(self.keyed)
        return call

    def by_client(self, number):
        call = self.call(number)
        invoked = self.now - self.random.randint(0, 30) * UNIT
        returned = self.now + self.random.randint(0, 30) * UNIT
        if self.random.random() < 0.1:  # never happens
            self.story.add("r", call, invoked)
            return
        step = model.step(self.state, call)
        if step.change is not None:
            self.take(step.change)
        answer = step.answer(self.state)
        self.replays += answer.get("replayed", False)
        if self.random.random() < 0.1:
            self.story.add("r", call, invoked)
        elif answer["code"]:  # an acquire of a run that is not open has no reply of its own
            self.story.add("r", call, invoked, returned, answer)


def damaged(story, rng):
    """A change to the history after which nothing explains it."""
    events = story.events["r"]
    at = rng.randrange(len(events))
    kind = rng.choice(["lose", "repeat", "alter"])
    if kind == "lose":
        del events[at]
    elif kind == "repeat":
        events.insert(at, events[at])
    else:
        name, value = rng.choice([("attempt", events[at].attempt + 1), ("holder", "stranger"),
                                  ("to_status", "waiting" if events[at].to_status == "running"
                                   else "running"), ("actor", "stranger")])
        events[at] = model.dataclasses.replace(events[at], **{name: value})
    for i, event in enumerate(events):
        events[i] = model.dataclasses.replace(event, revision=i + 1)
    return kind, at


class Thousands(Cases):
    def test_what_the_model_does_is_explained(self):
        kinds, replays = set(), 0
        for seed in range(1500):
            with self.subTest(seed=seed):
                made = Made(seed)
                story, replays = made.story, replays + made.replays
                kinds |= {e.kind for e in story.events["r"]}
                self.good(story)
        self.assertEqual({"created", "status_changed", "acquired", "released", "lease_lost",
                          "stopped"}, kinds)
        self.assertLess(1000, replays)

    def test_damaged_events_are_not(self):
        missed = []
        for seed in range(1500):
            made = Made(seed)
            if not made.events:
                continue
            damage = damaged(made.story, random.Random(seed))
            try:
                checker.check(made.story)
                missed.append((seed, damage))
            except checker.Violation:
                pass
        # An event at the end, of an operation of unknown outcome, can be lost unseen.
        self.assertLess(len(missed), 60, missed)
        self.assertEqual([], [m for m in missed if m[1][0] != "lose"], missed)


if __name__ == "__main__":
    unittest.main()
