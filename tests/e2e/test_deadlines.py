"""Deadlines and leases through restarts, kills and pauses of the real programs."""

import os
import signal
import time
import unittest

import grpc

from harness import Place, Serve, create_token, wait_until
from leases import STATUS, Caller, cancellation, lease_pb, refused, run_pb

RUNNING, WAITING = STATUS["running"], STATUS["waiting"]
FAILURE, CANCELLED = STATUS["failure"], STATUS["cancelled"]


class Server(unittest.TestCase):
    """A server of each test's own, which it may kill."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.server = None
        self.start()
        self.addCleanup(lambda: self.server.popen.poll() is None and self.server.kill())

    def start(self):
        self.server = Serve(self.place.store)
        self.runs = Caller(self.server.grpc, self.token)
        self.addCleanup(self.runs.close)

    def restart(self, kill=True):
        self.runs.close()
        if kill:
            self.server.kill()
        else:
            self.assertEqual(0, self.server.stop())
        self.start()

    def pause(self, seconds):
        """Stops the process for a time that has to pass."""
        os.kill(self.server.popen.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.server.popen.pid, signal.SIGCONT)

    def await_status(self, run_id, status):
        wait_until(lambda: self.runs.get(run_id).status == status, f"{run_id}'s end")

    def timeouts(self, run_id):
        return [e for e in self.runs.events(run_id) if e.reason == "TIMEOUT"]


class Deadlines(Server):
    def test_a_run_fails_or_is_cancelled_at_its_end(self):
        begin = time.time()
        self.runs.create("fails", timeout=1)
        self.runs.create("is-cancelled", timeout=1, on_timeout=CANCELLED)
        self.runs.create("goes-on", timeout=3600)
        self.await_status("fails", FAILURE)
        self.await_status("is-cancelled", CANCELLED)
        for run_id in ("fails", "is-cancelled"):
            (event,) = self.timeouts(run_id)
            self.assertEqual("runsd", event.actor)
            self.assertGreaterEqual(event.at.ToNanoseconds() / 1e9, begin + 1)
        self.assertEqual(RUNNING, self.runs.get("goes-on").status)

    def test_waiting_has_an_end_of_its_own_each_time(self):
        self.runs.create("r", waiting_timeout=1)
        self.runs.report("r", "waiting")
        self.runs.report("r", "running")
        self.runs.report("r", "waiting")
        last = self.runs.events("r")[-1]
        self.await_status("r", FAILURE)
        (event,) = self.timeouts("r")
        self.assertGreaterEqual(event.at.ToNanoseconds() - last.at.ToNanoseconds(), 10**9)

    def test_a_finished_run_has_no_deadline(self):
        self.runs.create("done", timeout=1)
        self.runs.report("done", "success")
        self.runs.create("later", timeout=2)
        self.await_status("later", FAILURE)
        self.assertEqual(STATUS["success"], self.runs.get("done").status)

    def test_a_new_attempt_does_not_restart_it(self):
        self.runs.create_leased("r", timeout=2, holder="a", seconds=60)
        started = self.runs.get("r").started_at.ToNanoseconds()
        self.runs.release("r", 1)
        self.runs.acquire("b", seconds=60)
        self.await_status("r", FAILURE)
        (event,) = self.timeouts("r")
        self.assertEqual("b", event.holder)
        self.assertGreaterEqual(event.at.ToNanoseconds() - started, 2 * 10**9)
        (renewal,) = self.runs.renew("b", ("r", 2))
        self.assertEqual((lease_pb.LEASE_STATE_FINISHED, FAILURE, "runsd", "TIMEOUT"),
                         (renewal.state, renewal.status, renewal.actor, renewal.reason))

    def test_what_passed_while_the_server_was_away_is_ended_once_when_it_is_back(self):
        for i in range(100):
            self.runs.create(f"r{i}", timeout=1)
        self.runs.create("goes-on", timeout=3600)
        self.server.kill()
        time.sleep(1)  # the second that the runs have
        self.start()
        for i in range(100):
            self.await_status(f"r{i}", FAILURE)
            self.assertEqual(1, len(self.timeouts(f"r{i}")))
        self.assertEqual(RUNNING, self.runs.get("goes-on").status)

    def test_a_pause_loses_none(self):
        self.runs.create("r", timeout=1)
        self.pause(1.5)
        self.await_status("r", FAILURE)
        self.assertEqual(1, len(self.timeouts("r")))


class Pauses(Server):
    def renewed(self, *leases, holder="a"):
        return [r.state for r in self.runs.renew(holder, *leases)]

    def test_a_lease_lasts_for_its_duration_after_a_kill_and_is_its_holder_s(self):
        self.runs.create_leased("r", holder="a", seconds=2)
        self.server.kill()
        time.sleep(2)  # the lease would have ended
        self.start()
        self.assertEqual([lease_pb.LEASE_STATE_HELD], self.renewed(("r", 1)))
        self.runs.create_leased("left", workflow_id="left", holder="a", seconds=2)
        self.restart()
        served = time.monotonic()
        (acquired,) = self.runs.acquire("b", workflow_id="left", wait=30)
        # Started a little before we could know it.
        self.assertGreater(time.monotonic() - served, 1)
        self.assertEqual(2, acquired.attempt)

    def test_a_lease_lasts_for_its_duration_after_a_pause(self):
        self.runs.create_leased("r", holder="a", seconds=2)
        self.pause(3)
        resumed = time.monotonic()
        self.server.wait_for_log(lambda l: "stood still" in l.get("message", ""), "the pause")
        self.assertEqual("a", self.runs.get("r").lease.holder)
        (acquired,) = self.runs.acquire("b", wait=30)
        self.assertGreaterEqual(time.monotonic() - resumed, 2)
        self.assertEqual(2, acquired.attempt)

    def test_an_executor_s_late_report_is_refused(self):
        self.runs.create_leased("r", holder="paused", seconds=1)
        (acquired,) = self.runs.acquire("other", seconds=60, wait=30)
        with refused(self, "ATTEMPT_STALE", attempt=2):
            self.runs.report("r", "success", attempt=1)
        self.restart()
        with refused(self, "ATTEMPT_STALE", attempt=2):
            self.runs.report("r", "success", attempt=1)
        self.assertEqual(STATUS["success"],
                         self.runs.report("r", "success", attempt=acquired.attempt).status)

    def test_attempts_go_on_after_a_restart(self):
        self.runs.create_leased("r")
        for attempt in range(1, 6):
            (acquired,) = self.runs.acquire("a")
            self.assertEqual(attempt, acquired.attempt)
            self.runs.release("r", attempt)
            self.restart(kill=attempt % 2 == 0)

    def test_a_stop_answers_who_waits(self):
        self.runs.create_leased("held", holder="a", seconds=60)
        acquiring = self.runs.acquire_soon("b", wait=300, workflow_id="none", timeout=400)
        cancelling = self.runs.start("CancelRun", cancellation("held", wait=300), 400)
        self.await_status("held", CANCELLED)
        self.assertFalse(acquiring.done() or cancelling.done())
        begin = time.monotonic()
        self.assertEqual(0, self.server.stop())
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, acquiring.exception().code())
        self.assertIn("stopping", acquiring.exception().details())
        self.assertEqual(CANCELLED, cancelling.result().status)


if __name__ == "__main__":
    unittest.main()
