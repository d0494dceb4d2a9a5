"""Bulk cancels through the real programs: which runs they are about, what becomes of each, who may
see them, and who hears of it."""

import time
import unittest

import rest
import stubs
from bulk import STATE, WORD, BulkCaller, counts, creation, pb, standing_still
from harness import ALL_SCOPES, DEADLINE_S, create_token, serve_for, wait_until
from leases import STATUS, lease_pb, refused, run_pb


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.runs = BulkCaller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.runs.close)
        cls.count = 0

    def name(self):
        """A workflow's id that no other test has."""
        type(self).count += 1
        return f"{self._testMethodName}-{self.count}"

    def some(self, count, **fields):
        """So many runs of a workflow of their own; returns it and their ids."""
        workflow = self.name()
        return workflow, self.runs.create_many([f"{workflow}.{i:05}" for i in range(count)],
                                               workflow_id=workflow, **fields)

    def post(self, body, path="/v1/runs:cancel", token=None, headers=None):
        return rest.request(self.server.http_port, "POST", path, token or self.token, body,
                            headers)

    def get(self, path, token=None):
        return rest.request(self.server.http_port, "GET", path, token or self.token)

    def data(self, reply, status=200):
        self.assertEqual(status, reply.status, reply.body)
        return reply.json()["data"]


class ByIds(Served):
    def test_each_run_gets_its_outcome(self):
        _, ids = self.some(5)
        self.runs.cancel(ids[1], reason="by hand")
        self.runs.report(ids[2], "success")
        made = self.runs.cancel_runs(ids=ids + ["there-is-none", ids[0]], reason="all of them")
        self.assertIn(WORD[made.state], ("running", "done"))
        self.assertEqual(6, made.total, "one that is named twice counts once")
        done = self.runs.finished(made.id)
        self.assertEqual(("done", (3, 2, 1, 0)), (WORD[done.state], counts(done)))
        self.assertEqual(("tester", "all of them"), (done.actor, done.reason))
        self.assertFalse(done.HasField("filter"))
        self.assertTrue(done.HasField("finished_at"))
        self.assertEqual({ids[0]: "cancelled", ids[1]: "already_final", ids[2]: "already_final",
                          ids[3]: "cancelled", ids[4]: "cancelled",
                          "there-is-none": "not_found"}, self.runs.outcomes(made.id))
        last = self.runs.events(ids[3])[-1]
        self.assertEqual((STATUS["cancelled"], "tester", "all of them"),
                         (last.to_status, last.actor, last.reason))
        self.assertEqual("by hand", self.runs.events(ids[1])[-1].reason, "not overwritten")
        self.assertEqual(STATUS["success"], self.runs.get(ids[2]).status)

    def test_nothing_to_do_is_done_at_once(self):
        made = self.runs.cancel_runs(ids=["none-1", "none-2"])
        self.assertEqual(("done", (0, 0, 2, 0)), (WORD[made.state], counts(made)))

    def test_five_thousand_over_rest(self):
        _, ids = self.some(5000)
        made = self.data(self.post({"ids": ids, "reason": "too many"}))
        self.assertEqual(5000, made["total"])
        done = self.runs.finished(made["id"])
        self.assertEqual((5000, 0, 0, 0), counts(done))
        read = self.data(self.get(f"/v1/bulkCancels/{made['id']}"))
        self.assertEqual(("done", 5000, 0), (read["state"], read["cancelled"], read["open"]))
        self.assertEqual([], read["sample"])
        page = self.data(self.get(f"/v1/bulkCancels/{made['id']}/outcomes?pageSize=1000"))
        self.assertEqual(1000, len(page["outcomes"]))
        self.assertEqual({"runId", "outcome"}, set(page["outcomes"][0]))
        self.assertTrue(page["nextPageToken"])

    def test_outcomes_come_by_page_and_by_what_became_of_them(self):
        _, ids = self.some(7)
        for run_id in ids[:3]:
            self.runs.report(run_id, "failure")
        made = self.runs.cancel_runs(ids=ids + ["gone-1", "gone-2"])
        self.runs.finished(made.id)
        for size in (1, 2, 3, 100):
            self.assertEqual(9, len(self.runs.outcomes(made.id, page_size=size)))
        self.assertEqual(set(ids[:3]), set(self.runs.outcomes(made.id, "already_final")))
        self.assertEqual(set(ids[3:]), set(self.runs.outcomes(made.id, "cancelled")))
        self.assertEqual(9, len(self.runs.outcomes(made.id, "cancelled", "already_final",
                                                   "not_found", page_size=2)))
        self.assertEqual({}, self.runs.outcomes(made.id, "open"))
        # A token is that of its list alone.
        page = self.runs.bulk_call("ListBulkCancelOutcomes", pb.ListBulkCancelOutcomesRequest(
            id=made.id, page_size=1))
        for other in (pb.ListBulkCancelOutcomesRequest(id=made.id, outcome=[1]),
                      pb.ListBulkCancelOutcomesRequest(id="other")):
            other.page_token = page.next_page_token
            with refused(self, "FIELD_INVALID") as error:
                self.runs.bulk_call("ListBulkCancelOutcomes", other)
            self.assertEqual(["pageToken"], list(error[0].fields))


class Refusals(Served):
    def test_a_filter_that_names_nothing_is_refused_in_all_its_forms(self):
        alive = self.some(3)[1]
        for body in ({"filter": {}}, {"filter": {"workflowId": ""}},
                     {"filter": {"status": []}},
                     {"filter": {"workflowId": "", "sourceRunId": "", "leaseHolder": "",
                                 "status": [], "startedAfter": None, "startedBefore": None}},
                     {"filter": {}, "dryRun": True}):
            reply = self.post(body)
            self.assertEqual(400, reply.status, reply.body)
            self.assertEqual("FIELD_INVALID", reply.error["reason"])
            (violation,) = reply.error["fieldViolations"]
            self.assertEqual("filter", violation["field"])
            self.assertIn("must name something", violation["description"])
        for body in ({}, {"filter": None}, {"ids": []}, {"ids": [], "plan": ""},
                     {"dryRun": True, "reason": "x"}):
            reply = self.post(body)
            self.assertEqual(400, reply.status, reply.body)
            self.assertEqual(["ids"], [v["field"] for v in reply.error["fieldViolations"]])
        # What no part of a filter is must not be dropped from it.
        for body in ({"filter": {"workflow": "x"}}, {"filter": {"status": ["paused"]}},
                     {"filter": {"olderThan": "2h"}}, {"workflowId": "x"}):
            self.assertEqual(400, self.post(body).status)
        with refused(self, "FIELD_INVALID"):
            self.runs.cancel_runs(filter=pb.RunFilter())
        self.assertEqual({STATUS["running"]}, {self.runs.get(run_id).status for run_id in alive})

    def test_each_names_field_limit_and_what_was_given(self):
        rows = [
            ({"ids": ["a b"]}, "ids[0]", 'got "a b"'),
            ({"ids": ["r"] * 5001}, "ids", "has 5001 ids, at most 5000 are allowed"),
            ({"ids": ["r"], "filter": {"workflowId": "w"}}, "filter", "together with ids"),
            ({"ids": ["r"], "plan": "p"}, "plan", "together with ids"),
            ({"plan": "p", "dryRun": True}, "dryRun", "leave it out"),
            ({"plan": "p", "cascade": True}, "cascade", "leave it out"),
            ({"ids": ["r"], "reason": "x" * 1025}, "reason",
             "has 1025 bytes, at most 1024 are allowed"),
            ({"filter": {"status": ["success"]}}, "filter.status[0]",
             "must be running or waiting, got success"),
            ({"filter": {"sourceRunId": "a/b"}}, "filter.sourceRunId", 'got "a/b"'),
            ({"filter": {"leaseHolder": "x" * 257}}, "filter.leaseHolder", "at most 256"),
            ({"filter": {"workflowId": "x" * 1025}}, "filter.workflowId", "at most 1024"),
        ]
        for body, field, words in rows:
            reply = self.post(body)
            self.assertEqual(400, reply.status, reply.body)
            (violation,) = reply.error["fieldViolations"]
            self.assertEqual(field, violation["field"])
            self.assertIn(words, violation["description"])

    def test_there_is_no_such_bulk_cancel(self):
        for call in (lambda: self.runs.bulk("none"), lambda: self.runs.abort("none"),
                     lambda: self.runs.outcomes("none"),
                     lambda: self.runs.cancel_runs(plan="none")):
            with refused(self, "BULK_CANCEL_NOT_FOUND") as error:
                call()
            self.assertIn('"none"', error[0].message)
        self.assertEqual(404, self.get("/v1/bulkCancels/none").status)
        self.assertEqual(404, self.post({}, "/v1/bulkCancels/none/abort").status)

    def test_it_takes_the_scope_of_a_cancel(self):
        reader = create_token(self.place.store, scopes="runs.read,runs.create,runs.report")
        for reply in (self.post({"ids": ["r"]}, token=reader),
                      self.get("/v1/bulkCancels", token=reader),
                      self.get("/v1/bulkCancels/b", token=reader),
                      self.get("/v1/bulkCancels/b/outcomes", token=reader),
                      self.post({}, "/v1/bulkCancels/b/abort", token=reader)):
            self.assertEqual((403, "runs.cancel"),
                             (reply.status, reply.error["metadata"]["scope"]))


class ByFilter(Served):
    def ids_of(self, **filter_fields):
        """The runs that a filter lets through, by a dry run."""
        plan = self.runs.cancel_runs(filter=pb.RunFilter(**filter_fields), dry_run=True)
        self.assertEqual("planned", WORD[plan.state])
        found = set(self.runs.outcomes(plan.id))
        self.assertEqual(found, set(self.runs.outcomes(plan.id, "open")))
        self.assertEqual(len(found), plan.total)
        self.assertEqual(found, set(plan.sample))
        self.runs.abort(plan.id)
        return found

    def test_each_part_narrows(self):
        workflow, ids = self.some(3)
        source = self.name()
        forks = self.runs.create_many([f"{source}.{i}" for i in range(2)], workflow_id=workflow,
                                      source_run_id=source)
        held = self.runs.create_leased(f"{workflow}.held", workflow_id=workflow, holder="the-one",
                                       seconds=60).id
        self.runs.create_leased(f"{workflow}.other", workflow_id=workflow, holder="another",
                                seconds=60)
        self.runs.report(ids[0], "waiting")
        self.runs.report(ids[1], "success")
        everything = set(ids) | set(forks) | {held, f"{workflow}.other"}
        self.assertEqual(everything - {ids[1]}, self.ids_of(workflow_id=workflow))
        self.assertEqual({ids[0]}, self.ids_of(workflow_id=workflow, status=[STATUS["waiting"]]))
        self.assertEqual(everything - {ids[0], ids[1]},
                         self.ids_of(workflow_id=workflow, status=[STATUS["running"]]))
        self.assertEqual(set(forks), self.ids_of(source_run_id=source))
        self.assertEqual(set(), self.ids_of(source_run_id=source, workflow_id="another"))
        self.assertEqual({held}, self.ids_of(lease_holder="the-one"))
        self.assertEqual(set(), self.ids_of(lease_holder="the-o"))
        middle = self.runs.get(ids[2]).started_at
        before = pb.RunFilter(workflow_id=workflow, started_before=middle)
        after = pb.RunFilter(workflow_id=workflow, started_after=middle)
        older = self.runs.cancel_runs(filter=before, dry_run=True)
        younger = self.runs.cancel_runs(filter=after, dry_run=True)
        both = set(self.runs.outcomes(older.id)) | set(self.runs.outcomes(younger.id))
        self.assertNotIn(ids[2], both, "both bounds are exclusive")
        self.assertEqual(everything - {ids[1], ids[2]} - both, set())
        self.assertIn(held, self.runs.outcomes(younger.id))
        self.runs.abort(older.id)
        self.runs.abort(younger.id)

    def test_cancels_what_it_lets_through_and_nothing_else(self):
        workflow, ids = self.some(1500)
        _, others = self.some(5)
        reply = self.data(self.post({"filter": {"workflowId": workflow}, "reason": "stop"}))
        self.assertEqual(workflow, reply["filter"]["workflowId"])
        done = self.runs.finished(reply["id"])
        self.assertEqual((1500, 0, 0, 0), counts(done))
        self.assertEqual({STATUS["cancelled"]},
                         set(self.runs.statuses(workflow_id=workflow).values()))
        self.assertEqual(set(ids), set(self.runs.outcomes(done.id)))
        self.assertEqual({STATUS["running"]}, {self.runs.get(run_id).status for run_id in others})

    def test_no_run_matches(self):
        done = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id=self.name()))
        self.assertEqual(("done", (0, 0, 0, 0)), (WORD[done.state], counts(done)))

    def test_runs_that_are_created_later_are_not_meant(self):
        workflow, ids = self.some(3)
        plan = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id=workflow), dry_run=True)
        late = self.runs.create(f"{workflow}.late", workflow_id=workflow).id
        self.runs.cancel_runs(plan=plan.id)
        self.assertEqual((3, 0, 0, 0), counts(self.runs.finished(plan.id)))
        self.assertEqual(STATUS["running"], self.runs.get(late).status)
        self.assertEqual(set(ids), set(self.runs.outcomes(plan.id)))


class Plans(Served):
    def test_a_plan_cancels_nothing_until_it_is_executed(self):
        workflow, ids = self.some(250)
        plan = self.data(self.post({"filter": {"workflowId": workflow}, "dryRun": True}))
        self.assertEqual(("planned", 250, 250, True),
                         (plan["state"], plan["total"], plan["open"], plan["dryRun"]))
        self.assertEqual(100, len(plan["sample"]))
        self.assertLess(set(plan["sample"]), set(ids))
        self.assertNotIn("startedAt", plan)
        self.assertIn("expiresAt", plan)
        self.assertEqual({STATUS["running"]},
                         set(self.runs.statuses(workflow_id=workflow).values()))
        # Since then some have ended, and one came.
        self.runs.report(ids[0], "success")
        self.runs.cancel(ids[1])
        self.runs.create(f"{workflow}.new", workflow_id=workflow)
        executed = self.data(self.post({"plan": plan["id"], "reason": "sure"}))
        self.assertEqual(plan["id"], executed["id"])
        done = self.runs.finished(plan["id"])
        self.assertEqual((248, 2, 0, 0), counts(done))
        self.assertEqual("sure", done.reason)
        self.assertEqual(set(ids), set(self.runs.outcomes(plan["id"])))
        self.assertEqual({ids[0], ids[1]}, set(self.runs.outcomes(plan["id"], "already_final")))
        self.assertEqual("sure", self.runs.events(ids[2])[-1].reason)
        self.assertEqual(STATUS["running"], self.runs.get(f"{workflow}.new").status)

    def test_a_plan_of_ids(self):
        _, ids = self.some(3)
        plan = self.runs.cancel_runs(ids=ids + ["none"], dry_run=True)
        self.assertEqual(("planned", (0, 0, 1, 3)), (WORD[plan.state], counts(plan)))
        self.assertEqual(set(ids), set(plan.sample))
        self.runs.cancel_runs(plan=plan.id)
        self.assertEqual((3, 0, 1, 0), counts(self.runs.finished(plan.id)))

    def test_a_run_that_is_created_anew_under_an_id_of_the_plan_is_not_meant(self):
        workflow, ids = self.some(3)
        plans = [self.runs.cancel_runs(dry_run=True, **which) for which in
                 ({"filter": pb.RunFilter(workflow_id=workflow)}, {"ids": ids, "cascade": True})]
        for plan in plans:
            wait_until(lambda: WORD[self.runs.bulk(plan.id).state] == "planned", "the plan")
        self.runs.report(ids[1], "success")
        deleter = create_token(self.place.store, scopes="runs.delete", name="deleter")
        deleted = rest.request(self.server.http_port, "DELETE", f"/v1/runs/{ids[1]}", deleter)
        self.assertEqual(200, deleted.status, deleted.body)
        self.runs.create(ids[1], workflow_id=workflow)
        for plan in plans:
            self.runs.cancel_runs(plan=plan.id)
            self.assertEqual(1, self.runs.finished(plan.id).not_found)
            self.assertEqual({ids[1]}, set(self.runs.outcomes(plan.id, "not_found")))
        self.assertEqual([STATUS["cancelled"], STATUS["running"], STATUS["cancelled"]],
                         [self.runs.get(run_id).status for run_id in ids])

    def test_a_plan_is_executed_once(self):
        _, ids = self.some(2)
        plan = self.runs.cancel_runs(ids=ids, dry_run=True)
        self.runs.cancel_runs(plan=plan.id)
        self.runs.finished(plan.id)
        with refused(self, "BULK_CANCEL_ENDED", state="done"):
            self.runs.cancel_runs(plan=plan.id)
        aborted = self.runs.cancel_runs(ids=ids, dry_run=True)
        self.runs.abort(aborted.id)
        with refused(self, "BULK_CANCEL_ENDED", state="aborted"):
            self.runs.cancel_runs(plan=aborted.id)
        reply = self.post({"plan": plan.id})
        self.assertEqual((409, "done"), (reply.status, reply.error["metadata"]["state"]))
        no_plan = self.runs.cancel_runs(ids=self.some(1)[1])
        self.runs.finished(no_plan.id)
        with refused(self, "BULK_CANCEL_ENDED", state="done"):
            self.runs.cancel_runs(plan=no_plan.id)


class Abort(Served):
    def test_what_is_open_stays_as_it_is(self):
        _, ids = self.some(30)
        with standing_still(self.server):
            made = self.runs.cancel_runs(ids=ids)
            self.assertEqual("running", WORD[made.state])
            aborted = self.runs.abort(made.id)
            self.assertEqual(("aborted", (0, 0, 0, 30)), (WORD[aborted.state], counts(aborted)))
        with refused(self, "BULK_CANCEL_ENDED", state="aborted"):
            self.runs.abort(made.id)
        # Another one, so that the thread has had its turn.
        self.runs.finished(self.runs.cancel_runs(ids=self.some(1)[1]).id)
        self.assertEqual({"open"}, set(self.runs.outcomes(made.id).values()))
        self.assertEqual({STATUS["running"]}, {self.runs.get(run_id).status for run_id in ids})

    def test_midway_each_outcome_is_true(self):
        caught = False
        while not caught:
            workflow, ids = self.some(3000)
            made = self.runs.cancel_runs(ids=ids)
            wait_until(lambda: self.runs.bulk(made.id).cancelled > 0, "the first cancels")
            try:
                self.runs.abort(made.id)
            except Exception as error:  # it was faster
                self.assertEqual("BULK_CANCEL_ENDED", error.reason)
            ended = self.runs.finished(made.id)
            caught = WORD[ended.state] == "aborted"
            outcomes = self.runs.outcomes(made.id)
            statuses = self.runs.statuses(workflow_id=workflow)
            self.assertEqual(3000, len(outcomes))
            for run_id in ids:
                expected = "cancelled" if statuses[run_id] == STATUS["cancelled"] else "open"
                self.assertEqual(expected, outcomes[run_id], run_id)
            self.assertEqual(ended.cancelled, len(self.runs.outcomes(made.id, "cancelled")))

    def test_what_is_done_cannot_be_aborted(self):
        made = self.runs.cancel_runs(ids=["none"])
        with refused(self, "BULK_CANCEL_ENDED", state="done"):
            self.runs.abort(made.id)
        reply = self.post({}, f"/v1/bulkCancels/{made.id}/abort")
        self.assertEqual((409, "done"), (reply.status, reply.error["metadata"]["state"]))


class Bounds(Served):
    def test_an_organization_has_at_most_sixteen_that_are_not_over(self):
        rival = BulkCaller(self.server.grpc, create_token(self.place.store, org="rival"))
        self.addCleanup(rival.close)
        _, ids = self.some(1)
        plans = [self.runs.cancel_runs(ids=ids, dry_run=True) for _ in range(16)]
        for fields in ({"ids": ids}, {"ids": ids, "dry_run": True},
                       {"filter": pb.RunFilter(workflow_id="w")}):
            with refused(self, "BULK_CANCEL_LIMIT") as error:
                self.runs.cancel_runs(**fields)
            self.assertIn("16", error[0].message)
            self.assertTrue(error[0].retries)
        reply = self.post({"ids": ids})
        self.assertEqual(429, reply.status)
        self.assertIn("Retry-After", reply.headers)
        self.assertEqual(STATUS["running"], self.runs.get(ids[0]).status)
        rival.cancel_runs(ids=["none"])
        self.runs.abort(plans[0].id)
        self.runs.cancel_runs(plan=plans[1].id)
        self.runs.finished(plans[1].id)
        self.assertEqual((0, 1, 0, 0), counts(self.runs.cancel_runs(ids=ids)))
        for plan in plans[2:]:
            self.runs.abort(plan.id)

    def test_the_list_has_the_newest_first_and_no_samples(self):
        _, ids = self.some(1)
        made = [self.runs.cancel_runs(ids=ids, dry_run=True, reason=f"n{i}") for i in range(5)]
        for size in (1, 2, 100):
            mine = [b for b in self.runs.bulks(page_size=size) if b.reason.startswith("n")]
            self.assertEqual([b.id for b in reversed(made)], [b.id for b in mine])
            self.assertEqual([[]] * 5, [list(b.sample) for b in mine])
        page = self.data(self.get("/v1/bulkCancels?pageSize=2"))
        self.assertEqual(2, len(page["bulkCancels"]))
        reply = self.get("/v1/bulkCancels?pageSize=-1")
        self.assertEqual(["pageSize"], [v["field"] for v in reply.error["fieldViolations"]])
        for token in ("x", page["nextPageToken"] + "x"):
            reply = self.get(f"/v1/bulkCancels?pageToken={token}")
            self.assertEqual(["pageToken"], [v["field"] for v in reply.error["fieldViolations"]])
        for plan in made:
            self.runs.abort(plan.id)

    def test_another_organization_sees_nothing(self):
        token = create_token(self.place.store, org="stranger")
        stranger = BulkCaller(self.server.grpc, token)
        self.addCleanup(stranger.close)
        workflow, ids = self.some(3)
        plan = self.runs.cancel_runs(ids=ids, dry_run=True)
        for call in (lambda: stranger.bulk(plan.id), lambda: stranger.abort(plan.id),
                     lambda: stranger.outcomes(plan.id),
                     lambda: stranger.cancel_runs(plan=plan.id)):
            with refused(self, "BULK_CANCEL_NOT_FOUND") as error:
                call()
            with refused(self, "BULK_CANCEL_NOT_FOUND") as unknown:
                stranger.bulk("0" * len(plan.id))
            self.assertEqual(unknown[0].message.replace("0" * len(plan.id), plan.id),
                             error[0].message)
        self.assertEqual([], stranger.bulks())
        self.assertEqual((0, 0, 3, 0), counts(stranger.cancel_runs(ids=ids)))
        everything = stranger.cancel_runs(
            filter=pb.RunFilter(status=[STATUS["running"], STATUS["waiting"]]))
        self.assertEqual((0, 0, 0, 0), counts(stranger.finished(everything.id)))
        self.assertEqual({STATUS["running"]},
                         set(self.runs.statuses(workflow_id=workflow).values()))
        self.assertEqual("planned", WORD[self.runs.bulk(plan.id).state])
        self.runs.abort(plan.id)


class Keys(Served):
    """The same request with the same key."""

    def test_a_bulk_cancel_is_made_once(self):
        workflow, ids = self.some(3)
        body = {"filter": {"workflowId": workflow}, "reason": "once"}
        key = {"Idempotency-Key": '"bulk-1"'}
        first = self.post(body, headers=key)
        made = self.data(first)
        self.assertNotIn("Idempotency-Replayed", first.headers)
        self.runs.finished(made["id"])
        late = self.runs.create(f"{workflow}.late", workflow_id=workflow).id
        again = self.post(body, headers=key)
        self.assertEqual("true", again.headers["Idempotency-Replayed"])
        self.assertEqual((made["id"], "done", 3),
                         tuple(self.data(again)[k] for k in ("id", "state", "cancelled")))
        self.assertEqual(STATUS["running"], self.runs.get(late).status)
        other = self.post({**body, "reason": "twice"}, headers=key)
        self.assertEqual((422, "IDEMPOTENCY_KEY_REUSED"), (other.status, other.error["reason"]))
        self.assertEqual(1, sum(b.reason == "once" for b in self.runs.bulks()))
        self.assertEqual(made["id"], self.runs.cancel_runs(
            filter=pb.RunFilter(workflow_id=workflow), reason="once", request_id="bulk-1").id)
        self.assertEqual(ids, sorted(self.runs.outcomes(made["id"])))

    def test_a_plan_is_executed_once_and_the_answer_comes_again(self):
        _, ids = self.some(3)
        plan = self.runs.cancel_runs(ids=ids, dry_run=True)
        key = {"Idempotency-Key": "plan-1"}
        self.data(self.post({"plan": plan.id}, headers=key))
        self.runs.finished(plan.id)
        again = self.post({"plan": plan.id}, headers=key)
        self.assertEqual("done", self.data(again)["state"])
        self.assertEqual("true", again.headers["Idempotency-Replayed"])
        self.assertEqual(409, self.post({"plan": plan.id}).status)
        self.assertEqual(409, self.post({"plan": plan.id},
                                        headers={"Idempotency-Key": "plan-2"}).status)
        self.assertEqual(422, self.post({"ids": ids}, headers=key).status)

    def test_a_bad_key_makes_nothing(self):
        before = len(self.runs.bulks())
        with refused(self, "FIELD_INVALID") as error:
            self.runs.cancel_runs(ids=["none"], request_id="x" * 256)
        self.assertEqual(["requestId"], list(error[0].fields))
        self.assertEqual(before, len(self.runs.bulks()))


class Hearing(Served):
    """Executors and watchers."""

    def test_the_leases_of_cancelled_runs_end(self):
        workflow = self.name()
        held = [f"{workflow}.{i}" for i in range(20)]
        for run_id in held:
            self.runs.create_leased(run_id, workflow_id=workflow, holder="w", seconds=3600)
        self.assertEqual({lease_pb.LEASE_STATE_HELD},
                         {r.state for r in self.runs.renew("w", *((i, 1) for i in held))})
        waiting = self.runs.acquire_soon("v", workflow_id=workflow)
        made = self.runs.cancel_runs(filter=pb.RunFilter(lease_holder="w"), reason="enough")
        self.assertEqual((20, 0, 0, 0), counts(self.runs.finished(made.id)))
        renewals = self.runs.renew("w", *((run_id, 1) for run_id in held))
        self.assertEqual({(lease_pb.LEASE_STATE_FINISHED, STATUS["cancelled"], "tester",
                           "enough")},
                         {(r.state, r.status, r.actor, r.reason) for r in renewals})
        run = self.runs.get(held[0])
        self.assertEqual((1, ""), (run.lease.attempt, run.lease.holder))
        self.assertEqual("w", self.runs.events(held[0])[-1].holder, "who held it until then")
        with refused(self, "RUN_ALREADY_FINISHED", status="cancelled"):
            self.runs.report(held[0], "success", attempt=1)
        self.assertIsNotNone(self.runs.acknowledge(held[0], 1).stopped_at)
        waiting.cancel()

    def test_a_watcher_sees_each_cancel_once(self):
        workflow, ids = self.some(700)
        watch = self.runs.stub.WatchRuns(
            stubs.feed_pb2.WatchRunsRequest(workflow_id=workflow,
                                            status=[STATUS["cancelled"]]),
            metadata=self.runs.metadata, timeout=DEADLINE_S)
        next(watch)  # it has begun: a bookmark
        made = self.runs.cancel_runs(ids=ids)
        seen = []
        for message in watch:
            if message.WhichOneof("item") == "change":
                seen.append(message.change.run_id)
            if message.WhichOneof("item") == "bookmark" and len(seen) >= len(ids):
                break
        watch.cancel()
        self.assertEqual(ids, sorted(seen))
        self.assertEqual((700, 0, 0, 0), counts(self.runs.finished(made.id)))

    def test_single_cancels_beside_it_win_or_lose_but_count_once(self):
        workflow, ids = self.some(2000)
        made = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id=workflow))
        mine = set()
        calls = [(run_id, self.runs.start("CancelRun", stubs.service_pb2.CancelRunRequest(
            id=run_id, reason="single"))) for run_id in reversed(ids)]
        for run_id, call in calls:
            if call.exception() is None:
                mine.add(run_id)
        done = self.runs.finished(made.id)
        outcomes = self.runs.outcomes(made.id)
        self.assertEqual(mine, {r for r, word in outcomes.items() if word == "already_final"})
        self.assertEqual((2000 - len(mine), len(mine), 0, 0), counts(done))
        for run_id in ids[::100]:
            events = self.runs.events(run_id)
            self.assertEqual(2, len(events))
            self.assertEqual("single" if run_id in mine else "", events[-1].reason)


class InTime(Served):
    def test_the_answer_to_a_filter_does_not_wait_for_long(self):
        workflow, _ = self.some(1)
        begin = time.monotonic()
        made = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id=workflow), timeout=30)
        self.assertLess(time.monotonic() - begin, 20)
        self.assertEqual((1, 0, 0, 0), counts(self.runs.finished(made.id)))


if __name__ == "__main__":
    unittest.main()
