"""Organizations as a whole: frozen, exported, deleted, and what the store says of itself."""

import time
import unittest

import grpc

import contract
import rest
import stubs
from harness import DEADLINE_S, Place, Serve, create_token, runsctl, wait_until
from leases import Caller, Refused, acquisition, cancellation, duration, lease_pb, pb, run_pb
from organizations import Admin, admin_token, counts, rows_of, user_token
from test_watch import Client, Reader, reason_of

# What stays of a deleted organization, so that cursors of before never name other events.
TOMBSTONE = {"organization": 1}


class Store(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = user_token(self.place.store)
        self.admin_token = admin_token(self.place.store)
        self.server = self.start()

    def start(self, *options):
        server = Serve(self.place.store, *options)
        self.addCleanup(server.kill)
        self.caller = Caller(server.grpc, self.token)
        self.addCleanup(self.caller.close)
        self.admin = Admin(server.grpc, self.admin_token)
        self.addCleanup(self.admin.close)
        return server

    def restart(self, kill=False):
        if kill:
            self.server.kill()
        else:
            self.assertEqual(0, self.server.stop(), self.server.tail())
        self.server = self.start()

    def refused(self, call, *arguments, **fields):
        with self.assertRaises(Refused) as caught:
            call(*arguments, **fields)
        return caught.exception

    def rest(self, method, path, body=None):
        return rest.request(self.server.http_port, method, path, self.token, body)


class Known(Store):
    def test_an_organization_is_told_by_its_numbers(self):
        self.caller.create("one")
        self.caller.create("two")
        self.caller.cancel("two")
        organization = self.admin.get("acme")
        self.assertEqual(("acme", 3, 0, 1, {"running": 1, "cancelled": 1}),
                         (organization.name, organization.revision, organization.floor_revision,
                          organization.tokens, counts(organization.runs)))
        self.assertEqual(5, len(organization.runs))
        self.assertFalse(organization.HasField("frozen_at"))
        keepers = self.admin.get("keepers")  # which has tokens alone
        self.assertEqual((0, 1, {}), (keepers.revision, keepers.tokens, counts(keepers.runs)))

    def test_one_that_nobody_knows_is_not_found(self):
        for call in (self.admin.get, self.admin.freeze, self.admin.unfreeze, self.admin.export,
                     self.admin.delete):
            error = self.refused(call, "nobody")
            self.assertEqual((grpc.StatusCode.NOT_FOUND, "ORGANIZATION_NOT_FOUND"),
                             (error.code, error.reason), call)
            self.assertIn('"nobody"', error.message)
            for bad in ("", "a b", "x" * 129):
                self.assertEqual(["name"], list(self.refused(call, bad).fields), call)

    def test_it_needs_its_scope(self):
        for scopes in ("runs.read,runs.delete", "tokens.admin", "tokens.admin.own"):
            other = Admin(self.server.grpc, create_token(self.place.store, scopes=scopes))
            self.addCleanup(other.close)
            for call in (other.get, other.freeze, other.unfreeze, other.export, other.delete):
                error = self.refused(call, "acme")
                self.assertEqual((grpc.StatusCode.PERMISSION_DENIED, "organizations.admin"),
                                 (error.code, error.metadata["scope"]))
            self.assertEqual("SCOPE_MISSING", self.refused(other.stats).reason)
        self.assertEqual(2, self.rest("GET", "/v1/runs").status // 100)

    def test_the_store_tells_what_it_has(self):
        before = self.admin.stats()
        self.assertEqual(({}, 0, 0), (counts(before.runs), before.events, before.keys))
        self.assertFalse(before.HasField("oldest_event_at"))
        self.caller.create("one")
        rival = Caller(self.server.grpc, user_token(self.place.store, "rival"))
        self.addCleanup(rival.close)
        rival.create("one")
        rival.cancel("one")
        after = self.admin.stats()
        self.assertEqual((2, {"running": 1, "cancelled": 1}, 3, 0),
                         (after.organizations, counts(after.runs), after.events,
                          after.bulk_cancels))
        self.assertEqual(self.caller.events("one")[0].at, after.oldest_event_at)
        self.assertGreater(after.bytes, 0)
        self.assertGreaterEqual(after.bytes, after.free_bytes)


class Frozen(Store):
    def setUp(self):
        super().setUp()
        self.caller.create("running")
        self.caller.create("waiting")
        self.caller.report("waiting", "waiting")
        self.caller.create("final")
        self.caller.cancel("final")
        self.caller.create_leased("open")
        self.caller.create_leased("held")
        (self.held,) = self.caller.acquire("worker", seconds=2)
        self.caller.create_leased("late")
        self.before = self.everything()

    def everything(self):
        runs = self.caller.call("ListRuns", pb.ListRunsRequest(page_size=1000)).runs
        return [(run, self.caller.events(run.id)) for run in runs]

    def changes(self):
        """Each way to change a run of the organization over gRPC: what is asked, and of which
        method."""
        create = pb.CreateRunRequest(run=run_pb.Run(id="new"))
        create.run.workflow_definition.nodes["root"] = {"type": "manual"}
        held, attempt = self.held.run.id, self.held.attempt
        return [
            ("CreateRun", create),
            ("CancelRun", cancellation("running", "", None)),
            ("CancelRun", cancellation("running", "", 10)),
            ("ReportRun", pb.ReportRunRequest(id="running", status=run_pb.RUN_STATUS_WAITING)),
            ("ReportRun", pb.ReportRunRequest(id="running", status=run_pb.RUN_STATUS_RUNNING,
                                              total_cu={"value": 7})),
            ("AcquireRuns", acquisition("worker")),
            ("AcquireRuns", acquisition("worker", wait=10)),
            ("ReleaseRun", lease_pb.ReleaseRunRequest(id=held, attempt=attempt)),
            ("AcknowledgeCancel", lease_pb.AcknowledgeCancelRequest(id="final")),
            ("DeleteRun", pb.DeleteRunRequest(id="final")),
            ("CancelRuns", stubs.bulk_pb2.CancelRunsRequest(ids=["running"])),
            ("CancelRuns", stubs.bulk_pb2.CancelRunsRequest(filter={"workflow_id": "wf"})),
        ]

    def test_each_change_is_refused_over_both_doors_and_nothing_changes(self):
        self.admin.freeze("acme")
        for method, request in self.changes():
            with self.subTest(method=method, request=str(request)):
                error = self.refused(self.caller.call, method, request)
                self.assertEqual((grpc.StatusCode.UNAVAILABLE, "READ_ONLY", True),
                                 (error.code, error.reason, error.retries))
        for method, path, body in (
                ("POST", "/v1/runs", {"workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}),
                ("POST", "/v1/runs/running/cancel", None),
                ("POST", f"/v1/runs/{self.held.run.id}/release",
                 {"attempt": int(self.held.attempt)}),
                ("POST", "/v1/runs/final/acknowledge-cancel", {}),
                ("DELETE", "/v1/runs/final", None),
                ("POST", "/v1/runs:cancel", {"ids": ["running"]})):
            with self.subTest(method=method, path=path):
                reply = self.rest(method, path, body)
                contract.check_error(self, reply, 503, "READ_ONLY")
                self.assertTrue(reply.headers["Retry-After"])
        self.assertEqual(self.before, self.everything())

    def test_what_changes_nothing_goes_on(self):
        client = Client(self.server.grpc, self.token)
        self.addCleanup(client.close)
        call = client.watch()
        self.addCleanup(call.cancel)
        reader = Reader(call).begun()
        (kept,) = self.caller.acquire("keeper", seconds=60)
        self.admin.freeze("acme")
        count = len(reader.bookmarks())
        wait_until(lambda: len(reader.bookmarks()) > count + 1, "bookmarks")
        self.assertFalse(reader.ended.is_set())
        again = client.watch(snapshot=True)
        self.addCleanup(again.cancel)
        Reader(again).begun()
        self.assertEqual(200, self.rest("GET", "/v1/runs/running").status)
        self.assertEqual(200, self.rest("GET", "/v1/runs:count").status)
        (renewal,) = self.caller.renew("keeper", (kept.run.id, kept.attempt))
        self.assertEqual(lease_pb.LEASE_STATE_HELD, renewal.state)
        # Tokens are administered, and another organization is not frozen.
        create_token(self.place.store, name="another")
        self.assertEqual(2, self.admin.get("acme").tokens)
        rival = Caller(self.server.grpc, user_token(self.place.store, "rival"))
        self.addCleanup(rival.close)
        rival.create("one")
        rival.cancel("one")

    def test_it_is_frozen_once_and_through_restarts_until_the_thaw(self):
        since = self.admin.freeze("acme").frozen_at
        self.assertLess(abs(since.ToSeconds() - time.time()), 60)
        self.assertEqual(since, self.admin.freeze("acme").frozen_at)
        for kill in (False, True):
            self.restart(kill)
            self.assertEqual(since, self.admin.get("acme").frozen_at)
            self.assertEqual("READ_ONLY", self.refused(self.caller.cancel, "running").reason)
        self.assertFalse(self.admin.unfreeze("acme").HasField("frozen_at"))
        self.assertFalse(self.admin.unfreeze("acme").HasField("frozen_at"))
        self.assertEqual(run_pb.RUN_STATUS_CANCELLED, self.caller.cancel("running").status)
        self.restart(True)
        self.assertFalse(self.admin.get("acme").HasField("frozen_at"))
        self.caller.create("after")

    def end_after_the_thaw(self, restarts):
        self.caller.create("due", timeout=1, on_timeout=run_pb.RUN_STATUS_CANCELLED)
        self.admin.freeze("acme")
        if restarts:
            self.restart()
        frozen = time.monotonic()
        wait_until(lambda: time.monotonic() > frozen + 4, "the deadline and the lease's end")
        self.assertEqual(run_pb.RUN_STATUS_RUNNING, self.caller.get("due").status)
        held = self.caller.get(self.held.run.id)
        self.assertEqual("worker", held.lease.holder)
        self.admin.unfreeze("acme")
        wait_until(lambda: self.caller.get("due").status == run_pb.RUN_STATUS_CANCELLED,
                   "the deadline")
        wait_until(lambda: self.caller.get(self.held.run.id).lease.holder == "", "the lease's end")
        self.assertEqual(["TIMEOUT"], [e.reason for e in self.caller.events("due")[1:]])

    def test_deadlines_and_leases_end_after_the_thaw(self):
        self.end_after_the_thaw(restarts=False)

    def test_so_they_do_after_a_restart(self):
        self.end_after_the_thaw(restarts=True)


class Exported(Store):
    def fill(self):
        for number in range(70):  # more than a page
            self.caller.create(f"r{number:02}", workflow_id=f"w{number % 3}")
        for number in range(0, 70, 2):
            self.caller.report(f"r{number:02}", "waiting")
            self.caller.cancel(f"r{number:02}", f"because of {number}")

    def test_it_is_all_that_the_lists_say(self):
        self.fill()
        create_token(self.place.store, name="another")
        self.admin.freeze("acme")
        messages = self.admin.export("acme")
        kinds = [kind for kind, _ in messages]
        self.assertEqual("organization", kinds[0])
        self.assertEqual(self.admin.get("acme"), messages[0][1])
        runs = list(self.caller.call("ListRuns", pb.ListRunsRequest(page_size=1000)).runs)
        self.assertEqual(runs, [message.run for kind, message in messages if kind == "run"])
        exported = {}
        for kind, message in messages:
            if kind == "run":
                exported[message.run.id] = (message.sequence, [])
            if kind == "event":
                exported[message.run_id][1].append(message)
        for run in runs:
            sequence, events = exported[run.id]
            self.assertEqual(self.caller.events(run.id), events)
            self.assertEqual(sequence, events[-1].sequence)
        tokens = [message for kind, message in messages if kind == "token"]
        self.assertEqual([("acme", "another"), ("acme", "tester")],
                         [(token.organization_id, token.name) for token in tokens])
        end = messages[-1]
        self.assertEqual("end", end[0])
        self.assertEqual((70, 70 + 2 * 35, 2), (end[1].runs, end[1].events, end[1].tokens))
        self.assertEqual([kinds.count(kind) for kind in ("run", "event", "token")],
                         [end[1].runs, end[1].events, end[1].tokens])

    def test_bulk_cancels_are_in_it_with_their_runs(self):
        self.fill()
        self.caller.call("CancelRuns", stubs.bulk_pb2.CancelRunsRequest(
            ids=["r01", "r02", "unknown"], reason="many at once"))
        bulk = stubs.bulk_grpc.BulkCancelsServiceStub(self.caller.channel)

        def listed():
            reply = bulk.ListBulkCancels(stubs.bulk_pb2.ListBulkCancelsRequest(),
                                         metadata=self.caller.metadata, timeout=DEADLINE_S)
            return list(reply.bulk_cancels)
        wait_until(lambda: listed()[0].open == 0, "its end")
        messages = self.admin.export("acme")
        (job,) = [message for kind, message in messages if kind == "bulk_cancel"]
        self.assertEqual(listed(), [job])
        outcomes = bulk.ListBulkCancelOutcomes(
            stubs.bulk_pb2.ListBulkCancelOutcomesRequest(id=job.id),
            metadata=self.caller.metadata, timeout=DEADLINE_S).outcomes
        self.assertEqual(list(outcomes),
                         [message for kind, message in messages if kind == "bulk_cancel_run"])
        self.assertEqual((1, 3), (messages[-1][1].bulk_cancels, messages[-1][1].bulk_cancel_runs))

    def test_of_one_without_runs_it_is_its_tokens(self):
        self.assertEqual(["organization", "token", "end"],
                         [kind for kind, _ in self.admin.export("keepers")])

    def test_a_client_that_leaves_ends_it(self):
        self.fill()
        for _ in range(20):
            call = self.admin.stub.ExportOrganization(
                stubs.organizations_pb2.ExportOrganizationRequest(name="acme"),
                metadata=self.admin.metadata, timeout=DEADLINE_S)
            next(call)
            next(call)
            call.cancel()
        self.assertEqual("end", self.admin.export("acme")[-1][0])

    def test_it_goes_on_while_runs_change_and_go(self):
        self.fill()
        call = self.admin.stub.ExportOrganization(
            stubs.organizations_pb2.ExportOrganizationRequest(name="acme"),
            metadata=self.admin.metadata, timeout=DEADLINE_S)
        next(call)
        for number in range(0, 70, 2):
            self.caller.call("DeleteRun", pb.DeleteRunRequest(id=f"r{number:02}"))
        kinds = [message.WhichOneof("item") for message in call]
        self.assertEqual("end", kinds[-1])
        self.assertGreaterEqual(kinds.count("run"), 35)

    def create_large(self, count, kilobytes):
        """More than gRPC takes for a client that does not read."""
        for number in range(count):
            run = run_pb.Run(id=f"large{number}", workflow_id="wf")
            run.workflow_definition.nodes.update({"root": {"type": "manual"}})
            run.prop_values.update({"text": "x" * kilobytes * 1024})
            self.caller.call("CreateRun", pb.CreateRunRequest(run=run))

    def test_of_one_that_is_deleted_meanwhile_it_has_no_end(self):
        self.create_large(40, 1000)
        self.admin.freeze("acme")
        for deletes in (False, True):
            with self.subTest(deletes=deletes):
                call = self.admin.stub.ExportOrganization(
                    stubs.organizations_pb2.ExportOrganizationRequest(name="acme"),
                    metadata=self.admin.metadata, timeout=DEADLINE_S)
                self.assertEqual("organization", next(call).WhichOneof("item"))
                if deletes:
                    self.admin.delete("acme")
                else:
                    self.admin.unfreeze("acme")
                kinds = []
                with self.assertRaises(grpc.RpcError) as caught:
                    for message in call:
                        kinds.append(message.WhichOneof("item"))
                self.assertEqual((grpc.StatusCode.FAILED_PRECONDITION, "ORGANIZATION_NOT_FROZEN"),
                                 (caught.exception.code(), reason_of(caught.exception)))
                self.assertNotIn("end", kinds)
                if not deletes:
                    self.admin.freeze("acme")


class Deleted(Store):
    def fill(self, count=150):
        """Returns a cursor behind some of the changes."""
        client = Client(self.server.grpc, self.token)
        self.addCleanup(client.close)
        for number in range(count):
            self.caller.create(f"r{number}", workflow_id=f"w{number % 3}")
        cursor = Reader(client.watch()).begun().cursor()
        for number in range(0, count, 2):
            self.caller.cancel(f"r{number}")
        self.caller.create_leased("leased")
        self.caller.acquire("worker", seconds=60)
        self.caller.call("CancelRun", pb.CancelRunRequest(id="r1", request_id="key-1"))
        # Keys of changes that make no event, too.
        self.caller.call("ReportRun", pb.ReportRunRequest(
            id="leased", status=run_pb.RUN_STATUS_RUNNING, attempt=1, request_id="key-2"))
        self.caller.call("CancelRuns", stubs.bulk_pb2.CancelRunsRequest(
            ids=["r3", "r5"], dry_run=True, request_id="key-3"))
        return cursor

    def test_only_one_that_is_frozen(self):
        self.fill(3)
        error = self.refused(self.admin.delete, "acme")
        self.assertEqual((grpc.StatusCode.FAILED_PRECONDITION, "ORGANIZATION_NOT_FROZEN"),
                         (error.code, error.reason))
        self.assertEqual(4, sum(counts(self.admin.get("acme").runs).values()))

    def test_not_the_callers_own(self):
        self.admin.freeze("keepers")
        error = self.refused(self.admin.delete, "keepers")
        self.assertEqual((grpc.StatusCode.INVALID_ARGUMENT, ["name"]),
                         (error.code, list(error.fields)))
        self.assertEqual(1, self.admin.get("keepers").tokens)

    def test_nothing_of_it_is_left(self):
        cursor = self.fill()
        rival_token = user_token(self.place.store, "rival")
        rival = Caller(self.server.grpc, rival_token)
        self.addCleanup(rival.close)
        rival.create("one")
        self.admin.freeze("acme")
        watching = Client(self.server.grpc, self.token)
        self.addCleanup(watching.close)
        reader = Reader(watching.watch()).begun()
        self.assertEqual(151, self.admin.delete("acme"))
        # Its tokens open nothing any more, nor what they opened.
        refused = self.refused(self.caller.get, "r1")
        self.assertEqual((grpc.StatusCode.UNAUTHENTICATED, "TOKEN_INVALID"),
                         (refused.code, refused.reason))
        self.assertEqual(401, self.rest("GET", "/v1/runs").status)
        self.assertTrue(reader.ended.wait(DEADLINE_S))
        self.assertEqual(grpc.StatusCode.UNAUTHENTICATED, reader.error.code())
        self.assertEqual("ORGANIZATION_NOT_FOUND", self.refused(self.admin.get, "acme").reason)
        self.assertEqual("ORGANIZATION_NOT_FOUND", self.refused(self.admin.delete, "acme").reason)
        self.assertEqual({"running": 1}, counts(self.admin.stats().runs))
        self.assertEqual("one", rival.get("one").id)
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.assertEqual(TOMBSTONE, rows_of(self.place.store, "acme"))
        done = runsctl("check", "--store", self.place.store)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        # A new organization of the name has nothing of the old one.
        self.server = self.start()
        self.assertEqual("TOKEN_INVALID", self.refused(self.caller.get, "r1").reason)
        caller = Caller(self.server.grpc, user_token(self.place.store))
        self.addCleanup(caller.close)
        caller.create("r1")
        self.assertEqual(1, len(caller.events("r1")))
        self.assertFalse(self.admin.get("acme").HasField("frozen_at"))
        expired = rest.request(self.server.http_port, "GET", f"/v1/runs:watch?cursor={cursor}",
                               caller.metadata[0][1].removeprefix("Bearer "))
        contract.check_error(self, expired, 410, "CURSOR_EXPIRED")

    def test_killed_in_the_middle_it_goes_on(self):
        self.fill(600)
        self.admin.freeze("acme")
        call = self.admin.stub.DeleteOrganization.future(
            stubs.organizations_pb2.DeleteOrganizationRequest(name="acme"),
            metadata=self.admin.metadata, timeout=DEADLINE_S)
        wait_until(lambda: call.done() or
                   sum(counts(self.admin.get("acme").runs).values()) < 601, "a step")
        self.restart(kill=True)
        try:
            self.admin.delete("acme")
        except Refused as error:  # it was over before the kill
            self.assertEqual("ORGANIZATION_NOT_FOUND", error.reason)
        self.assertEqual(0, self.server.stop(), self.server.tail())
        self.assertEqual(TOMBSTONE, rows_of(self.place.store, "acme"))
        done = runsctl("check", "--store", self.place.store)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
