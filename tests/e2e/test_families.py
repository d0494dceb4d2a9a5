"""Runs that are parts of others, and cancels of whole families."""

import threading
import unittest

import rest
from bulk import WORD, BulkCaller, counts, creation, pb
from harness import create_token, serve_for
from leases import STATUS, Caller, Refused, refused
from leases import pb as service_pb

MOST_ANCESTORS = 64


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.runs = BulkCaller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.runs.close)
        cls.deleter = Caller(cls.server.grpc, create_token(cls.place.store, scopes="runs.delete"))
        cls.addClassCleanup(cls.deleter.close)
        cls.count = 0

    def name(self):
        type(self).count += 1
        return f"{self._testMethodName}-{self.count}"

    def child(self, parent=None, run_id=None, caller=None):
        run_id = run_id or self.name()
        return (caller or self.runs).call("CreateRun", creation(run_id, parent=parent)).id

    def family(self, *fans):
        """A root with fans[0] children that have fans[1] children each, and so on; the ids by
        generation."""
        generations = [[self.child()]]
        for fan in fans:
            generations.append([self.child(parent) for parent in generations[-1]
                                for _ in range(fan)])
        return generations

    def delete(self, run_id):
        self.deleter.call("DeleteRun", service_pb.DeleteRunRequest(id=run_id))

    def status(self, run_id):
        return self.runs.get(run_id).status


class Creation(Served):
    def test_a_run_says_whose_part_it_is(self):
        root = self.child()
        self.assertFalse(self.runs.get(root).HasField("parent_run_id"))
        part = self.child(root)
        self.assertEqual(root, self.runs.get(part).parent_run_id.value)
        reply = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                             {"parentRunId": part, "workflowId": "w",
                              "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}})
        self.assertEqual(200, reply.status, reply.body)
        self.assertEqual(part, reply.json()["data"]["parentRunId"])
        alone = rest.request(self.server.http_port, "GET", f"/v1/runs/{root}", self.token)
        self.assertNotIn("parentRunId", alone.json()["data"])

    def test_the_parent_is_a_run_of_the_organization(self):
        stranger = BulkCaller(self.server.grpc, create_token(self.place.store, org="stranger"))
        self.addCleanup(stranger.close)
        theirs = self.child(caller=stranger)
        for parent in ("there-is-none", theirs):
            with refused(self, "FIELD_INVALID") as error:
                self.child(parent)
            self.assertEqual(
                {"run.parentRunId": f'names no run of the organization, got "{parent}"'},
                error[0].fields)
        for parent in ("", "a/b"):
            with refused(self, "FIELD_INVALID") as error:
                self.child(parent)
            self.assertEqual(["run.parentRunId"], list(error[0].fields))
        own = self.name()
        with refused(self, "FIELD_INVALID"):
            self.child(own, run_id=own)

    def test_a_family_has_an_end(self):
        parent = self.child()
        for _ in range(MOST_ANCESTORS):
            parent = self.child(parent)
        with refused(self, "FIELD_INVALID") as error:
            self.child(parent)
        self.assertIn(f"names a run with {MOST_ANCESTORS} ancestors", error[0].fields["run.parentRunId"])

    def test_no_child_under_a_cancelled_ancestor(self):
        root, part, grandchild = (g[0] for g in self.family(1, 1))
        self.runs.cancel(root)
        for parent in (root, part, grandchild):
            late = self.name()
            with refused(self, "PARENT_CANCELLED", ancestorId=root):
                self.child(parent, run_id=late)
            with refused(self, "RUN_NOT_FOUND"):
                self.runs.get(late)
        self.assertEqual(STATUS["running"], self.status(part), "one cancel is of one run")
        reply = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                             {"parentRunId": part,
                              "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}})
        self.assertEqual((409, "PARENT_CANCELLED"), (reply.status, reply.error["reason"]))

    def test_a_parent_that_ended_otherwise_may_have_children(self):
        root = self.child()
        self.runs.report(root, "success")
        self.child(root)

    def test_an_id_that_is_taken_is_taken_whatever_the_parent(self):
        root = self.child()
        part = self.child(root)
        self.runs.cancel(root)
        with refused(self, "RUN_ALREADY_EXISTS"):
            self.child(root, run_id=part)


class Cascade(Served):
    def cancel(self, **fields):
        made = self.runs.cancel_runs(cascade=True, **fields)
        return self.runs.finished(made.id)

    def test_all_descendants_and_nobody_else(self):
        generations = self.family(3, 2, 2)
        others = self.family(2)
        everyone = [run_id for generation in generations for run_id in generation]
        done = self.cancel(ids=generations[0], reason="the whole tree")
        self.assertEqual((len(everyone), 0, 0, 0), counts(done))
        self.assertTrue(done.cascade)
        self.assertEqual(sorted(everyone), sorted(self.runs.outcomes(done.id)))
        self.assertEqual({STATUS["cancelled"]}, {self.status(i) for i in everyone})
        self.assertEqual("the whole tree", self.runs.events(generations[3][0])[-1].reason)
        self.assertEqual({STATUS["running"]},
                         {self.status(i) for generation in others for i in generation})

    def test_without_it_one_is_one(self):
        root, children = self.family(2)
        done = self.runs.finished(self.runs.cancel_runs(ids=root).id)
        self.assertEqual((1, 0, 0, 0), counts(done))
        self.assertEqual({STATUS["running"]}, {self.status(i) for i in children})

    def test_below_runs_that_are_final(self):
        (root,), (part,), (leaf,) = self.family(1, 1)
        self.runs.cancel(root)
        self.runs.report(part, "success")
        self.assertEqual((1, 2, 0, 0), counts(self.cancel(ids=[root])))
        self.assertEqual(STATUS["cancelled"], self.status(leaf))

    def test_below_runs_that_were_deleted(self):
        """A finished run between, deleted by hand: nobody escapes, and nobody comes after."""
        root, part, leaf, bud = (g[0] for g in self.family(1, 1, 1))
        self.runs.report(part, "success")
        self.delete(part)
        with refused(self, "FIELD_INVALID") as error:
            self.child(bud, run_id=part)
        self.assertEqual(
            {"run.parentRunId": f'names a run that descends from it, got "{bud}"'}, error[0].fields)
        plan = self.runs.bulk(self.runs.cancel_runs(ids=[root], cascade=True, dry_run=True).id)
        self.assertEqual(("planned", 3), (WORD[plan.state], plan.total))
        done = self.cancel(ids=[root])
        self.assertEqual((3, 0, 0, 0), counts(done))
        self.assertEqual(sorted([root, leaf, bud]), sorted(self.runs.outcomes(done.id)))
        self.assertEqual(STATUS["cancelled"], self.status(bud))
        self.assertEqual(part, self.runs.get(leaf).parent_run_id.value)

    def test_no_child_below_a_cancelled_run_through_a_deleted_one(self):
        root, part, leaf = (g[0] for g in self.family(1, 1))
        self.runs.report(part, "success")
        self.delete(part)
        self.runs.cancel(root)
        with refused(self, "PARENT_CANCELLED", ancestorId=root):
            self.child(leaf)
        # Created anew it is what it says, and takes its children along.
        self.child(run_id=part)
        self.child(leaf)
        self.assertEqual((0, 1, 0, 0), counts(self.cancel(ids=[root])))
        self.assertEqual((3, 0, 0, 0), counts(self.cancel(ids=[part])))

    def test_a_plan_shows_the_descendants(self):
        generations = self.family(2, 2)
        everyone = [run_id for generation in generations for run_id in generation]
        plan = self.runs.cancel_runs(ids=generations[0], cascade=True, dry_run=True)
        wait = self.runs.bulk(plan.id)
        self.assertEqual(("planned", 7), (WORD[wait.state], wait.total))
        self.assertEqual(sorted(everyone), sorted(self.runs.outcomes(plan.id)))
        self.runs.cancel_runs(plan=plan.id)
        self.assertEqual((7, 0, 0, 0), counts(self.runs.finished(plan.id)))

    def test_a_wide_family(self):
        root = self.child()
        ids = self.runs.create_many([f"{root}.{i}" for i in range(1500)])
        wide = [f"{root}.c{i}" for i in range(1500)]
        for begin in range(0, len(wide), 200):
            for call in [self.runs.start("CreateRun", creation(i, parent=root))
                         for i in wide[begin:begin + 200]]:
                call.result()
        self.assertEqual((1501, 0, 0, 0), counts(self.cancel(ids=[root])))
        self.assertEqual(STATUS["running"], self.status(ids[0]))

    def test_children_that_are_created_meanwhile_do_not_escape(self):
        """As https://github.com/dbos-inc/dbos-transact-ts/issues/1262 had it."""
        for round_number in range(5):
            root = self.child()
            made, stop = [root], threading.Event()

            def multiply(seed, made=made, stop=stop):
                caller = BulkCaller(self.server.grpc, self.token)
                number = 0
                while not stop.is_set():
                    number += 1
                    parent = made[(number * 7919 + seed) % len(made)]
                    try:
                        made.append(self.child(parent, caller=caller,
                                               run_id=f"{root}.{seed}.{number}"))
                    except Refused as error:
                        # Of a deep one also, where the numbers will have it so.
                        if error.reason not in ("PARENT_CANCELLED", "FIELD_INVALID"):
                            raise
                caller.close()

            threads = [threading.Thread(target=multiply, args=(seed,)) for seed in range(3)]
            for thread in threads:
                thread.start()
            while len(made) < 40 * (round_number + 1):
                stop.wait(0.001)
            done = self.cancel(ids=[root])
            stop.set()
            for thread in threads:
                thread.join()
            alive = [run_id for run_id in made if self.status(run_id) != STATUS["cancelled"]]
            self.assertEqual([], alive, f"of {len(made)} that were created")
            self.assertEqual((len(made), 0, 0, 0), counts(done))


if __name__ == "__main__":
    unittest.main()
