"""Leases through the real programs: who holds a run, until when, and who hears of its end."""

import threading
import time
import unittest

import grpc

import rest
from harness import DEADLINE_S, create_token, runsctl, serve_for, wait_until
from leases import (Caller, Refused, acquisition, cancellation, lease_pb, pb, refused, run_pb)

HELD = lease_pb.LEASE_STATE_HELD
FINISHED = lease_pb.LEASE_STATE_FINISHED
LOST = lease_pb.LEASE_STATE_LOST
NOT_FOUND = lease_pb.LEASE_STATE_NOT_FOUND

# A field's path as the name of a keyword.
TABLE = str.maketrans(".[]", "___")


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.runs = Caller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.runs.close)
        cls.count = 0

    def name(self):
        """A run's id that no other test has; its workflow is its own too."""
        type(self).count += 1
        return f"{self._testMethodName}-{self.count}"

    def leased(self, **fields):
        run_id = self.name()
        self.runs.create_leased(run_id, workflow_id=run_id, **fields)
        return run_id

    def held(self, holder="a", seconds=60, **fields):
        """A new run with a first lease; attempt 1."""
        run_id = self.name()
        self.runs.create_leased(run_id, workflow_id=run_id, holder=holder, seconds=seconds,
                                **fields)
        return run_id

    def acquire(self, run_id, holder, **more):
        return self.runs.acquire(holder, workflow_id=run_id, **more)


class Acquire(Served):
    def test_a_run_is_one_s_with_its_attempt_and_its_end(self):
        run_id = self.leased()
        before = time.time()
        (acquired,) = self.acquire(run_id, "a", seconds=60)
        self.assertEqual((run_id, 1), (acquired.run.id, acquired.attempt))
        self.assertEqual(("a", 1), (acquired.run.lease.holder, acquired.run.lease.attempt))
        self.assertGreaterEqual(acquired.lease_end.ToNanoseconds() / 1e9, before + 60)
        self.assertEqual([], self.acquire(run_id, "b"))
        self.assertEqual("a", self.runs.get(run_id).lease.holder)
        kinds = [event.kind for event in self.runs.events(run_id)]
        self.assertEqual(2, len(kinds))

    def test_the_oldest_come_first_and_no_more_than_asked_for(self):
        workflow = self.name()
        ids = [f"{workflow}-{i}" for i in range(5)]
        for run_id in ids:
            self.runs.create_leased(run_id, workflow_id=workflow)
        first = self.runs.acquire("a", workflow_id=workflow, max_runs=3)
        rest = self.runs.acquire("a", workflow_id=workflow, max_runs=100)
        self.assertEqual(ids, [a.run.id for a in first] + [a.run.id for a in rest])

    def test_by_ids(self):
        ids = [self.leased() for _ in range(3)]
        acquired = self.runs.acquire("a", run_ids=[ids[2], "there-is-none", ids[0]], max_runs=9)
        self.assertEqual({ids[0], ids[2]}, {a.run.id for a in acquired})

    def test_an_external_run_is_nobody_s(self):
        run_id = self.name()
        self.runs.create(run_id, workflow_id=run_id)
        self.assertEqual([], self.acquire(run_id, "a"))
        self.assertFalse(self.runs.get(run_id).HasField("lease"))

    def test_the_first_lease_comes_with_the_creation(self):
        run_id = self.held(holder="maker", seconds=60)
        run = self.runs.get(run_id)
        self.assertEqual(("maker", 1), (run.lease.holder, run.lease.attempt))
        self.assertEqual([], self.acquire(run_id, "b"))
        (renewal,) = self.runs.renew("maker", (run_id, 1))
        self.assertEqual(HELD, renewal.state)

    def test_large_runs_come_in_several_replies(self):
        workflow = self.name()
        for i in range(3):
            run = run_pb.Run(id=f"{workflow}-{i}", workflow_id=workflow,
                             dispatch=run_pb.RUN_DISPATCH_LEASE)
            run.workflow_definition.nodes.update({"root": {"type": "manual"}})
            run.prop_values.update({"text": "x" * (2 << 20)})
            self.runs.call("CreateRun", pb.CreateRunRequest(run=run))
        for _ in range(3):
            self.assertEqual(1, len(self.runs.acquire("a", workflow_id=workflow, max_runs=9)))
        self.assertEqual(0, len(self.runs.acquire("a", workflow_id=workflow, max_runs=9)))


class LongPoll(Served):
    def test_a_run_that_is_created_meanwhile_ends_the_wait(self):
        run_id = self.name()
        waiting = self.runs.acquire_soon("a", workflow_id=run_id)
        self.assertEqual([], self.acquire(run_id, "b"))
        self.runs.create_leased(run_id, workflow_id=run_id)
        self.assertEqual([run_id], [a.run.id for a in waiting.result().runs])

    def test_a_released_run_and_a_lost_one_end_the_wait(self):
        released, lost = self.held(), self.held(seconds=1)
        for_released = self.runs.acquire_soon("b", workflow_id=released)
        for_lost = self.runs.acquire_soon("b", workflow_id=lost)
        self.runs.release(released, 1)
        self.assertEqual(2, for_released.result().runs[0].attempt)
        self.assertEqual(2, for_lost.result().runs[0].attempt)

    def test_without_a_run_the_wait_ends_in_time(self):
        begin = time.monotonic()
        self.assertEqual([], self.acquire(self.name(), "a", wait=0.3))
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_the_wait_is_kept_below_the_deadline(self):
        self.assertEqual([], self.acquire(self.name(), "a", wait=300, timeout=2))

    def test_of_many_that_wait_each_gets_one(self):
        workflow = self.name()
        waits = [self.runs.acquire_soon(f"w{i}", workflow_id=workflow) for i in range(20)]
        for i in range(20):
            self.runs.create_leased(f"{workflow}-{i}", workflow_id=workflow)
        got = [a.run.id for wait in waits for a in wait.result().runs]
        self.assertEqual(sorted(f"{workflow}-{i}" for i in range(20)), sorted(got))

    def test_who_waits_for_other_things_does_not_keep_it(self):
        workflow = self.name()
        others = [self.runs.acquire_soon("x", workflow_id=f"{workflow}-other-{i}")
                  for i in range(30)]
        ids = self.runs.acquire_soon("y", run_ids=[f"{workflow}-by-id"])
        wanted = self.runs.acquire_soon("z", workflow_id=workflow)
        self.runs.create_leased(f"{workflow}-1", workflow_id=workflow)
        self.assertEqual(1, len(wanted.result().runs))
        self.runs.create_leased(f"{workflow}-by-id", workflow_id="any")
        self.assertEqual(1, len(ids.result().runs))
        for other in others:
            other.cancel()

    def test_nothing_is_acquired_for_a_caller_that_is_gone(self):
        run_id = self.name()
        waiting = self.runs.acquire_soon("gone", workflow_id=run_id)
        logged = len(self.server.lines)
        waiting.cancel()
        self.server.wait_for_log(
            lambda l: l.get("code") == "CANCELLED" and "AcquireRuns" in l.get("method", ""),
            "the call's end")
        self.assertGreater(len(self.server.lines), logged)
        self.runs.create_leased(run_id, workflow_id=run_id)
        (acquired,) = self.acquire(run_id, "b")
        self.assertEqual(1, acquired.attempt)


    def test_a_token_that_is_revoked_meanwhile_acquires_nothing(self):
        run_id = self.name()
        token = create_token(self.place.store, name=run_id)
        other = Caller(self.server.grpc, token)
        self.addCleanup(other.close)
        waiting = other.acquire_soon("a", workflow_id=run_id)
        # It waits once the one that came after it has run into its end.
        self.assertEqual([], other.acquire("b", workflow_id=run_id, wait=0.2))
        done = runsctl("tokens", "revoke", "--store", self.place.store, "--org", "acme", run_id)
        self.assertEqual(0, done.returncode, done.stderr)
        self.runs.create_leased(run_id, workflow_id=run_id)
        error = Refused(waiting.exception())
        self.assertEqual((grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"),
                         (error.code, error.reason))
        self.assertEqual("", self.runs.get(run_id).lease.holder)
        (acquired,) = self.acquire(run_id, "c", seconds=60)
        self.assertEqual(1, acquired.attempt)


class Renew(Served):
    def test_each_lease_is_answered_by_itself(self):
        held, done, lost, acquired = self.held(), self.held(), self.held(), self.leased()
        self.runs.cancel(done, reason="enough")
        self.runs.release(lost, 1)
        self.acquire(lost, "other")
        self.acquire(acquired, "a")
        renewals = self.runs.renew("a", (held, 1), (done, 1), (lost, 1), ("none", 1),
                                   (acquired, 1), (held, 2))
        self.assertEqual([HELD, FINISHED, LOST, NOT_FOUND, HELD, LOST],
                         [r.state for r in renewals])
        self.assertEqual([held, done, lost, "none", acquired, held], [r.run_id for r in renewals])
        self.assertTrue(renewals[0].HasField("lease_end"))
        self.assertEqual((run_pb.RUN_STATUS_CANCELLED, "tester", "enough"),
                         (renewals[1].status, renewals[1].actor, renewals[1].reason))
        self.assertEqual(2, renewals[2].attempt)

    def test_another_holder_s_lease_is_lost(self):
        run_id = self.held()
        self.assertEqual([LOST], [r.state for r in self.runs.renew("b", (run_id, 1))])
        self.assertEqual([HELD], [r.state for r in self.runs.renew("a", (run_id, 1))])

    def test_a_renewed_lease_stays_and_one_that_is_not_ends(self):
        kept, left = self.held(seconds=1), self.held(seconds=1)
        waiting = self.runs.acquire_soon("b", workflow_id=left)
        while not waiting.done():
            begun = time.time()
            (renewal,) = self.runs.renew("a", (kept, 1), seconds=60)
            self.assertEqual(HELD, renewal.state)
            # No longer than a restart would keep it for.
            end = renewal.lease_end.ToNanoseconds() / 1e9
            self.assertLess(begun + 0.99, end)
            self.assertLess(end, time.time() + 1.01)
        self.assertEqual(2, waiting.result().runs[0].attempt)
        self.assertEqual([LOST], [r.state for r in self.runs.renew("a", (left, 1))])
        events = self.runs.events(left)
        loss = [e for e in events if e.kind == run_pb.RUN_EVENT_KIND_LEASE_LOST]
        self.assertEqual([("runsd", "LEASE_LOST", "a")],
                         [(e.actor, e.reason, e.holder) for e in loss])

    def test_a_lost_lease_fails_the_run_whose_terms_say_so(self):
        run_id = self.held(seconds=1, on_lease_loss=run_pb.LEASE_LOSS_FAILURE)
        wait_until(lambda: self.runs.get(run_id).status == run_pb.RUN_STATUS_FAILURE, "the failure")
        (renewal,) = self.runs.renew("a", (run_id, 1))
        self.assertEqual((FINISHED, run_pb.RUN_STATUS_FAILURE, "runsd", "LEASE_LOST"),
                         (renewal.state, renewal.status, renewal.actor, renewal.reason))

    def test_a_renewal_of_a_final_run_changes_nothing(self):
        run_id = self.held()
        self.runs.report(run_id, "success", attempt=1)
        before = self.runs.events(run_id)
        self.assertEqual([FINISHED], [r.state for r in self.runs.renew("a", (run_id, 1))])
        self.assertEqual(before, self.runs.events(run_id))

    def test_ten_thousand_at_once(self):
        run_id = self.held()
        leases = [(run_id, 1)] + [(f"none-{i}", 1) for i in range(9999)]
        states = [r.state for r in self.runs.renew("a", *leases)]
        self.assertEqual([HELD] + [NOT_FOUND] * 9999, states)


class Fencing(Served):
    def test_a_report_of_another_attempt_is_stale(self):
        run_id = self.held()
        self.runs.release(run_id, 1)
        self.acquire(run_id, "b")
        with refused(self, "ATTEMPT_STALE", attempt=2, status="running") as error:
            self.runs.report(run_id, "success", attempt=1)
        self.assertEqual(grpc.StatusCode.FAILED_PRECONDITION, error[0].code)
        self.assertFalse(error[0].retries)
        with refused(self, "ATTEMPT_STALE", attempt=2):
            self.runs.report(run_id, "success")
        self.runs.report(run_id, "success", attempt=2)
        with refused(self, "RUN_ALREADY_FINISHED", status="success"):
            self.runs.report(run_id, "failure", attempt=2)
        with refused(self, "ATTEMPT_STALE", attempt=2, status="success") as error:
            self.runs.report(run_id, "failure", attempt=1)
        self.assertIn("finishedAt", error[0].metadata)

    def test_a_run_that_was_never_acquired_takes_attempt_0_alone(self):
        run_id = self.name()
        self.runs.create(run_id)
        with refused(self, "ATTEMPT_STALE", attempt=0):
            self.runs.report(run_id, "success", attempt=1)
        self.runs.report(run_id, "success")

    def test_who_lost_the_lease_to_nobody_may_report(self):
        run_id = self.held(seconds=1)
        wait_until(lambda: not self.runs.get(run_id).lease.holder, "the end of the lease")
        self.assertEqual(run_pb.RUN_STATUS_SUCCESS,
                         self.runs.report(run_id, "success", attempt=1).status)

    def test_a_release_is_of_the_attempt_that_holds(self):
        run_id = self.held()
        with refused(self, "ATTEMPT_STALE", attempt=1):
            self.runs.release(run_id, 2)
        self.assertEqual("", self.runs.release(run_id, 1).lease.holder)
        with refused(self, "RUN_NOT_HELD", attempt=1, status="running"):
            self.runs.release(run_id, 1)
        self.acquire(run_id, "b")
        self.runs.cancel(run_id)
        with refused(self, "RUN_ALREADY_FINISHED", status="cancelled"):
            self.runs.release(run_id, 2)
        with refused(self, "RUN_NOT_FOUND"):
            self.runs.release("there-is-none", 1)


class Stop(Served):
    def test_the_holder_s_word_ends_the_wait_of_the_cancel(self):
        run_id = self.held()
        cancelling = self.runs.start("CancelRun", cancellation(run_id, wait=30))
        wait_until(lambda: self.runs.renew("a", (run_id, 1))[0].state == FINISHED, "the cancel")
        self.assertFalse(cancelling.done())
        stopped = self.runs.acknowledge(run_id, 1, reason="killed")
        self.assertTrue(stopped.HasField("stopped_at"))
        cancelled = cancelling.result()
        self.assertEqual(stopped, cancelled)
        self.assertGreaterEqual(cancelled.stopped_at.ToNanoseconds(),
                                cancelled.finished_at.ToNanoseconds())
        last = self.runs.events(run_id)[-1]
        self.assertEqual((run_pb.RUN_EVENT_KIND_STOPPED, "killed"), (last.kind, last.reason))

    def test_the_wait_ends_without_that_word_and_the_run_is_cancelled(self):
        run_id = self.held()
        cancelled = self.runs.cancel(run_id, wait=0.3)
        self.assertEqual(run_pb.RUN_STATUS_CANCELLED, cancelled.status)
        self.assertFalse(cancelled.HasField("stopped_at"))

    def test_an_external_run_is_waited_for_too(self):
        run_id = self.name()
        self.runs.create(run_id)
        cancelling = self.runs.start("CancelRun", cancellation(run_id, wait=30))
        wait_until(lambda: self.runs.get(run_id).status == run_pb.RUN_STATUS_CANCELLED, "it")
        self.assertFalse(cancelling.done())
        self.runs.acknowledge(run_id)
        self.assertTrue(cancelling.result().HasField("stopped_at"))

    def test_nobody_is_waited_for_who_is_not_there(self):
        never, released = self.leased(), self.held()
        self.runs.release(released, 1)
        for run_id in (never, released):
            self.assertEqual(run_pb.RUN_STATUS_CANCELLED,
                             self.runs.cancel(run_id, wait=300).status)

    def test_the_word_is_said_twice_and_stays_the_first(self):
        run_id = self.held()
        self.runs.cancel(run_id)
        first = self.runs.acknowledge(run_id, 1)
        self.assertEqual(first, self.runs.acknowledge(run_id, 1))
        self.assertEqual(3, len(self.runs.events(run_id)))

    def test_only_the_current_attempt_of_a_cancelled_run(self):
        run_id = self.held()
        with refused(self, "RUN_NOT_CANCELLED", status="running"):
            self.runs.acknowledge(run_id, 1)
        self.runs.cancel(run_id)
        with refused(self, "ATTEMPT_STALE", attempt=1, status="cancelled"):
            self.runs.acknowledge(run_id)
        with refused(self, "RUN_NOT_FOUND"):
            self.runs.acknowledge("there-is-none")


class BadInput(Served):
    """Each field with its limit, and what was given."""

    def wrong(self, method, request, **fields):
        with refused(self, "FIELD_INVALID") as error:
            self.runs.call(method, request)
        told = error[0].fields
        self.assertEqual(set(fields), {name.translate(TABLE) for name in told}, told)
        for name, part in fields.items():
            told_of = next(text for path, text in told.items() if path.translate(TABLE) == name)
            self.assertIn(part, told_of)

    def test_acquire(self):
        self.wrong("AcquireRuns", lease_pb.AcquireRunsRequest(), lease="required")
        self.wrong("AcquireRuns", acquisition("x" * 257, 3601, 301, max_runs=101,
                                              workflow_id="w" * 1025, run_ids=["a/b"]),
                   lease_holder="257 bytes, at most 256", lease_duration="got 3601s",
                   wait="from 0s to 300s, got 301s", maxRuns="from 0 to 100, got 101",
                   workflowId="1025 bytes, at most 1024", runIds_0_='got "a/b"')
        self.wrong("AcquireRuns", acquisition("a\nb", 0.5, max_runs=-1, run_ids=["r"] * 1001),
                   lease_holder="control characters", lease_duration="got 0s and 500000000",
                   maxRuns="got -1", runIds="1001 ids, at most 1000")

    def test_renew(self):
        one = lease_pb.HeldLease(run_id="", attempt=0)
        self.wrong("RenewLeases", lease_pb.RenewLeasesRequest(leases=[one]), lease="required",
                   leases_0__runId='got ""', leases_0__attempt="at least 1, got 0")
        many = lease_pb.RenewLeasesRequest(leases=[lease_pb.HeldLease(run_id="r", attempt=1)] * 10001)
        many.lease.holder = "a"
        self.wrong("RenewLeases", many, leases="10001 leases, at most 10000")

    def test_the_rest(self):
        self.wrong("ReleaseRun", lease_pb.ReleaseRunRequest(id="..", reason="r" * 1025),
                   id='got ".."', attempt="at least 1, got 0", reason="1025 bytes, at most 1024")
        self.wrong("AcknowledgeCancel", lease_pb.AcknowledgeCancelRequest(id="a b", attempt=-1),
                   id='got "a b"', attempt="at least 0, got -1")
        self.wrong("ReportRun", pb.ReportRunRequest(id="r", status=3, attempt=-1),
                   attempt="at least 0, got -1")
        self.wrong("CancelRun", cancellation("r", wait=300.5), wait="got 300s and 500000000")

    def test_create(self):
        run = run_pb.Run(on_lease_loss=2, on_timeout=4, lease=run_pb.RunLease(attempt=1))
        run.workflow_definition.nodes.update({"root": {"type": "manual"}})
        run.stopped_at.seconds = 1
        request = pb.CreateRunRequest(run=run, lease=lease_pb.LeaseRequest(holder="a"))
        self.wrong("CreateRun", request, run_lease="set by the service",
                   run_stoppedAt="set by the service", run_onLeaseLoss="dispatch is lease",
                   run_onTimeout="timeout or waitingTimeout", lease="dispatch is lease")


class OverRest(Served):
    def post(self, path, body):
        """The status, and the data or the error."""
        reply = rest.request(self.server.http_port, "POST", path, self.token, body)
        return reply.status, reply.json().get("data") or reply.error

    def test_release_acknowledge_and_a_cancel_that_waits(self):
        run_id = self.held()
        status, run = self.post(f"/v1/runs/{run_id}/release", {"attempt": 1})
        self.assertEqual((200, {"attempt": 1, "holder": ""}), (status, run["lease"]))
        self.acquire(run_id, "b", seconds=60)
        box = []
        waiting = threading.Thread(target=lambda: box.append(
            self.post(f"/v1/runs/{run_id}/cancel", {"reason": "enough", "wait": "60s"})))
        waiting.start()
        wait_until(lambda: self.runs.get(run_id).status == run_pb.RUN_STATUS_CANCELLED, "it")
        self.assertEqual([], box)
        status, run = self.post(f"/v1/runs/{run_id}/acknowledge-cancel", {"attempt": 2})
        self.assertEqual(200, status)
        waiting.join(DEADLINE_S)
        self.assertEqual([(200, run)], box)
        self.assertEqual("cancelled", run["status"])
        self.assertIn("stoppedAt", run)
        status, error = self.post(f"/v1/runs/{run_id}/release", {"attempt": 1})
        self.assertEqual((409, "ATTEMPT_STALE"), (status, error["reason"]))

    def test_a_run_says_its_terms(self):
        run_id = self.name()
        _, run = self.post("/v1/runs", {
            "id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}},
            "dispatch": "lease", "onLeaseLoss": "failure", "timeout": "60s",
            "waitingTimeout": "1.5s", "onTimeout": "cancelled"})
        self.assertEqual(("lease", "failure", "60s", "1.500s", "cancelled"),
                         tuple(run[k] for k in ("dispatch", "onLeaseLoss", "timeout",
                                                "waitingTimeout", "onTimeout")))
        self.assertNotIn("lease", run)


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls, "--max-long-polls", "3")
        cls.runs = Caller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.runs.close)

    def test_more_that_wait_are_refused_and_a_cancel_does_not_wait(self):
        waits = [self.runs.acquire_soon("a", wait=300) for _ in range(3)]
        box = []

        def is_full():
            for i, waiting in enumerate(waits):
                if waiting.done() and not waiting.cancelled():  # a try of ours had its place
                    waits[i] = self.runs.acquire_soon("a", wait=300)
            try:
                self.runs.acquire("b", wait=0.001)
                return False
            except Refused as error:
                box.append(error)
                return True

        wait_until(is_full, "the refusal")
        self.assertEqual((grpc.StatusCode.RESOURCE_EXHAUSTED, "QUEUE_FULL", True),
                         (box[0].code, box[0].reason, box[0].retries))
        self.assertIn("3 calls that wait", box[0].message)
        self.assertEqual([], self.runs.acquire("b"))  # without a wait
        self.runs.create("external")
        self.assertEqual(run_pb.RUN_STATUS_CANCELLED, self.runs.cancel("external", wait=300).status)
        for waiting in waits:
            waiting.cancel()
        wait_until(lambda: not is_full(), "room")


if __name__ == "__main__":
    unittest.main()
