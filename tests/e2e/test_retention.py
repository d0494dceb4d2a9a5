"""Runs that leave: by their age (--retain-finished) and one by one (DeleteRun), on a real file; also
when the server is killed meanwhile."""

import http.client
import os
import signal
import subprocess
import threading
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, program, runsctl, wait_until
from leases import Caller, Refused, pb, refused, run_pb
from organizations import HOUR_S, Admin, admin_token, counts, make_older, opened, user_token
from test_watch import Client, Reader, reason_of

KEPT_S = HOUR_S  # the least that the option takes


class Store(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = user_token(self.place.store)
        self.admin = admin_token(self.place.store)

    def start(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(server.kill)
        return server

    def client(self, server, token=None):
        client = Client(server.grpc, token or self.token)
        self.addCleanup(client.close)
        return client

    def runs(self, server):
        """The ids of all runs of the organization."""
        found, page = set(), ""
        while True:
            reply = rest.request(server.http_port, "GET",
                                 f"/v1/runs?pageSize=1000&pageToken={page}", self.token)
            self.assertEqual(200, reply.status, reply.body)
            data = reply.json()["data"]
            found |= {run["id"] for run in data["runs"]}
            page = data["nextPageToken"]
            if not page:
                return found

    def check(self):
        done = runsctl("check", "--store", self.place.store)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


class ByAge(Store):
    def fill(self, count):
        """Old runs, of which some are active and one is ended later, and young ones; returns the ids
        of those that are to go, of all others, and a cursor among the old and one behind them."""
        server = self.start()
        client = self.client(server)
        for name in ("active", "ends-late", "waits"):
            client.create(name)
        cursors = [Reader(client.watch()).begun().cursor()]
        gone = {f"old-{number}" for number in range(count)}
        for run_id in sorted(gone):
            client.create(run_id)
            client.cancel(run_id)
        newest = client.events(max(gone))[1].revision
        cursors.append(Reader(client.watch()).begun().cursor())
        self.assertEqual(0, server.stop(), server.tail())
        make_older(self.place.store, KEPT_S + 60, newest)
        server = self.start()
        client = self.client(server)
        client.cancel("ends-late")
        kept = {"active", "ends-late", "waits"}
        for number in range(20):
            client.create(f"young-{number}")
            client.cancel(f"young-{number}")
            kept.add(f"young-{number}")
        self.assertEqual(0, server.stop(), server.tail())
        return gone, kept, cursors

    def wait_until_gone(self, server, kept):
        wait_until(lambda: self.runs(server) == kept, "the deletion of what is old")

    def test_it_deletes_what_is_old_and_final_and_nothing_else(self):
        gone, kept, cursors = self.fill(300)
        server = self.start()  # without the option nothing is ever deleted
        self.assertEqual(gone | kept, self.runs(server))
        self.assertEqual(0, server.stop(), server.tail())
        server = self.start("--retain-finished", "1h")
        self.wait_until_gone(server, kept)
        client = self.client(server)
        for run_id in sorted(gone)[:5]:
            reply = rest.request(server.http_port, "GET", f"/v1/runs/{run_id}", self.token)
            contract.check_error(self, reply, 404, "RUN_NOT_FOUND")
        self.assertEqual(2, len(client.events("ends-late")))  # the old one of a kept run, too
        # The feed's floor is the newest event of what is gone: below it nobody can go on.
        expired = Reader(client.watch(cursor=cursors[0]))
        self.assertTrue(expired.ended.wait(DEADLINE_S))
        self.assertEqual("CURSOR_EXPIRED", reason_of(expired.error))
        over_rest = rest.request(server.http_port, "GET", f"/v1/runs:watch?cursor={cursors[0]}",
                                 self.token)
        contract.check_error(self, over_rest, 410, "CURSOR_EXPIRED")
        call = client.watch(cursor=cursors[1])
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        reader.wait_for_changes(41)
        self.assertEqual([603 + 1 + i for i in range(41)], [c.revision for c in reader.changes()])
        admin = Admin(server.grpc, self.admin)
        self.addCleanup(admin.close)
        organization = admin.get("acme")
        self.assertEqual((603, 644), (organization.floor_revision, organization.revision))
        self.assertEqual({"running": 2, "cancelled": 21}, counts(organization.runs))
        self.assertEqual({"running": 2, "cancelled": 21}, counts(admin.stats().runs))
        self.assertEqual(0, server.stop(), server.tail())
        with opened(self.place.store) as file:
            self.assertEqual([(len(kept),)], file.execute("SELECT count(*) FROM run").fetchall())
            self.assertEqual([(len(kept),)],
                             file.execute("SELECT count(*) FROM run_body").fetchall())
            # Those of kept runs: three old creations, and what came later.
            self.assertEqual([(3 + 41,)], file.execute("SELECT count(*) FROM event").fetchall())
        self.check()

    def test_its_pages_are_used_again(self):
        _, kept, _ = self.fill(300)
        server = self.start("--retain-finished", "1h")
        self.wait_until_gone(server, kept)
        admin = Admin(server.grpc, self.admin)
        self.addCleanup(admin.close)
        wait_until(lambda: admin.stats().free_bytes > 0, "free pages")
        before = admin.stats()
        client = self.client(server)
        for number in range(150):
            client.create(f"new-{number}")
            client.cancel(f"new-{number}")
        self.assertEqual(before.bytes, admin.stats().bytes)

    def test_killed_in_the_middle_it_goes_on_where_it_was(self):
        gone, kept, _ = self.fill(1500)
        left = [len(gone)]
        for _ in range(50):
            server = self.start("--retain-finished", "1h")
            wait_until(lambda: len(self.runs(server) & gone) < left[-1], "some deletions")
            server.kill()
            server = self.start()  # nothing goes on without the option
            runs = self.runs(server)
            self.assertEqual(kept, runs - gone)
            left.append(len(runs & gone))
            admin = Admin(server.grpc, self.admin)
            self.assertEqual(len(runs), sum(counts(admin.get("acme").runs).values()))
            admin.close()
            self.assertEqual(0, server.stop(), server.tail())
            self.check()
            if left[-1] == 0:
                break
        self.assertEqual(0, left[-1], left)

    def test_what_is_no_time_or_too_short_is_refused(self):
        for given, message in (("soon", "is no length of time"), ("59m", "is less than 1h"),
                               ("0s", "is less than 1h"), ("-1h", "is no length of time")):
            for command in ([program("runsd")], [program("runsctl"), "serve"]):
                done = subprocess.run([*command, "--store", "memory:", "--retain-finished", given],
                                      capture_output=True, text=True, timeout=DEADLINE_S,
                                      check=False)
                self.assertEqual(2, done.returncode, done.stderr)
                self.assertIn(f'--retain-finished: "{given}" {message}', done.stderr)


class ByHand(Store):
    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.caller = Caller(self.server.grpc, self.token)
        self.addCleanup(self.caller.close)

    def delete(self, run_id, caller=None):
        return (caller or self.caller).call("DeleteRun", pb.DeleteRunRequest(id=run_id))

    def refusal(self, run_id, caller=None):
        with self.assertRaises(Refused) as caught:
            self.delete(run_id, caller)
        return caught.exception

    def test_a_final_run_goes_with_its_history(self):
        self.caller.create("one")
        self.caller.create("two")
        self.caller.cancel("one")
        self.delete("one")  # at once, though its rows may be behind
        self.assertEqual("RUN_NOT_FOUND", self.refusal("one").reason)
        for method, request in (("GetRun", pb.GetRunRequest(id="one")),
                                ("ListRunEvents", pb.ListRunEventsRequest(id="one")),
                                ("CancelRun", pb.CancelRunRequest(id="one"))):
            with self.assertRaises(Refused) as caught:
                self.caller.call(method, request)
            self.assertEqual("RUN_NOT_FOUND", caught.exception.reason)
        self.assertEqual({"two"}, self.runs(self.server))
        # Its id is free.
        self.caller.create("one")
        self.assertEqual(1, len(self.caller.events("one")))
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.check()

    def test_an_executor_of_a_deleted_run_has_no_say_in_the_one_that_follows(self):
        def start(holder):
            self.caller.create_leased("nightly")
            (acquired,) = self.caller.acquire(holder, run_ids=["nightly"])
            return acquired.attempt

        first = start("a")
        self.caller.cancel("nightly")
        self.delete("nightly")
        second = start("b")
        self.assertGreater(second, first)
        for call in (lambda: self.caller.report("nightly", "success", attempt=first),
                     lambda: self.caller.release("nightly", first)):
            with refused(self, "ATTEMPT_STALE", attempt=second, status="running"):
                call()
        self.assertEqual("b", self.caller.get("nightly").lease.holder)
        self.caller.cancel("nightly")
        with refused(self, "ATTEMPT_STALE", attempt=second, status="cancelled"):
            self.caller.acknowledge("nightly", first)
        self.delete("nightly")
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.check()
        self.server = self.start()
        self.caller = Caller(self.server.grpc, self.token)
        self.addCleanup(self.caller.close)
        self.assertGreater(start("c"), second)

    def test_over_rest(self):
        self.caller.create("one")
        active = rest.request(self.server.http_port, "DELETE", "/v1/runs/one", self.token)
        contract.check_error(self, active, 409, "RUN_NOT_FINISHED")
        self.assertEqual("running", active.error["metadata"]["status"])
        self.caller.cancel("one")
        done = rest.request(self.server.http_port, "DELETE", "/v1/runs/one", self.token)
        self.assertEqual(200, done.status, done.body)
        self.assertEqual({}, done.json()["data"])
        again = rest.request(self.server.http_port, "DELETE", "/v1/runs/one", self.token)
        contract.check_error(self, again, 404, "RUN_NOT_FOUND")

    def test_what_is_not_final_or_not_there_stays(self):
        self.caller.create("running")
        self.caller.create("waiting")
        self.caller.report("waiting", "waiting")
        for run_id in ("running", "waiting"):
            refused = self.refusal(run_id)
            self.assertEqual((grpc.StatusCode.FAILED_PRECONDITION, "RUN_NOT_FINISHED",
                              {"status": run_id}),
                             (refused.code, refused.reason, refused.metadata))
        self.assertEqual((grpc.StatusCode.NOT_FOUND, "RUN_NOT_FOUND"),
                         (self.refusal("unknown").code, self.refusal("unknown").reason))
        for bad in ("", "a b", "x" * 129):
            self.assertEqual(["id"], list(self.refusal(bad).fields))
        self.assertEqual({"running", "waiting"}, self.runs(self.server))

    def test_another_organizations_run_is_as_one_that_is_not_there(self):
        self.caller.create("one")
        self.caller.cancel("one")
        rival = Caller(self.server.grpc, user_token(self.place.store, "rival"))
        self.addCleanup(rival.close)
        theirs, absent = self.refusal("one", rival), self.refusal("two", rival)
        self.assertEqual("RUN_NOT_FOUND", theirs.reason)
        self.assertEqual(absent.message.replace("two", "one"), theirs.message)
        self.assertEqual("one", self.caller.get("one").id)

    def test_it_needs_a_scope_of_its_own(self):
        self.caller.create("one")
        self.caller.cancel("one")
        for scopes in ("runs.read,runs.cancel,runs.create,runs.report", "organizations.admin",
                       "tokens.admin"):
            other = Caller(self.server.grpc, create_token(self.place.store, scopes=scopes))
            self.addCleanup(other.close)
            refused = self.refusal("one", other)
            self.assertEqual((grpc.StatusCode.PERMISSION_DENIED, "runs.delete"),
                             (refused.code, refused.metadata["scope"]))
        self.assertEqual("one", self.caller.get("one").id)

    def test_watches_hear_who_deleted_what(self):
        client = self.client(self.server)
        call = client.watch()
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        whole = client.watch(include_run=True)
        self.addCleanup(whole.cancel)
        with_runs = Reader(whole).begun()
        self.caller.create("one")
        self.caller.cancel("one")
        self.delete("one")
        for one in (reader, with_runs):
            one.wait_for_changes(3)
            deletion = one.changes()[2]
            self.assertEqual((run_pb.RUN_EVENT_KIND_DELETED, "one", 3, "tester", "127.0.0.1",
                              run_pb.RUN_STATUS_CANCELLED, run_pb.RUN_STATUS_CANCELLED),
                             (deletion.kind, deletion.run_id, deletion.sequence, deletion.actor,
                              deletion.remote_address, deletion.from_status, deletion.to_status))
            self.assertTrue(deletion.request_id)
        (message,) = [m for m in with_runs.messages if m.WhichOneof("item") == "change" and
                      m.change.kind == run_pb.RUN_EVENT_KIND_DELETED]
        self.assertFalse(message.HasField("run"))
        # It stays in the feed, at the floor and behind.
        cursor = reader.cursor()
        again = client.watch(since=reader.changes()[2].at)
        self.addCleanup(again.cancel)
        told = Reader(again).begun()
        told.wait_for_changes(1)
        self.assertEqual([run_pb.RUN_EVENT_KIND_DELETED], [c.kind for c in told.changes()])
        self.caller.create("two")
        on = client.watch(cursor=cursor)
        self.addCleanup(on.cancel)
        Reader(on).begun().wait_for_changes(1)

    def test_killed_behind_the_reply_it_is_gone_for_good(self):
        for number in range(20):
            self.caller.create(f"r{number}")
            self.caller.cancel(f"r{number}")
        deleted = []

        def delete_all():
            try:
                for number in range(20):
                    self.delete(f"r{number}")
                    deleted.append(f"r{number}")
            except Refused:
                pass
        thread = threading.Thread(target=delete_all)
        thread.start()
        wait_until(lambda: len(deleted) > 5, "some deletions")
        self.server.kill()
        thread.join(DEADLINE_S)
        server = self.start()
        runs = self.runs(server)
        self.assertEqual(set(), runs & set(deleted))
        self.assertGreaterEqual(len(runs), 20 - len(deleted) - 1)  # one may not have been answered
        self.assertEqual(0, server.stop(), server.tail())
        self.check()


if __name__ == "__main__":
    unittest.main()
