"""Bulk cancels go on: after kill -9, beside others, and to their end."""

import unittest

from bulk import WORD, BulkCaller, counts, pb, standing_still
from harness import Place, Serve, create_token, serve_for, wait_until
from leases import STATUS

RUNS = 3000


class Kill(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.serve()

    def serve(self):
        self.server = Serve(self.place.store)
        self.addCleanup(self.server.stop)
        self.runs = BulkCaller(self.server.grpc, self.token)
        self.addCleanup(self.runs.close)

    def kill_and_serve(self):
        self.runs.close()
        self.server.kill()
        self.serve()

    def check(self, bulk, ids, **fields):
        """Each outcome is true, and each run was cancelled once."""
        self.assertEqual(("done", 0), (WORD[bulk.state], bulk.open))
        outcomes = self.runs.outcomes(bulk.id)
        self.assertEqual(sorted(ids), sorted(outcomes))
        self.assertEqual({"cancelled"}, set(outcomes.values()))
        statuses = self.runs.statuses(**fields)
        self.assertEqual({STATUS["cancelled"]}, {statuses[run_id] for run_id in ids})
        for run_id in ids[::97]:
            self.assertEqual([1, 2], [e.sequence for e in self.runs.events(run_id)])

    def test_midway_it_goes_on_by_itself(self):
        rounds = caught = 0
        while caught < 2:
            rounds += 1
            workflow = f"wf-{rounds}"
            ids = self.runs.create_many([f"{workflow}.{i}" for i in range(RUNS)],
                                        workflow_id=workflow)
            if rounds % 2 == 1:
                made = self.runs.cancel_runs(ids=ids)
            else:
                plan = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id=workflow),
                                             dry_run=True)
                made = self.runs.cancel_runs(plan=plan.id)
            box = []

            def has_begun():
                box[:] = [self.runs.bulk(made.id)]
                return box[0].cancelled > 0

            wait_until(has_begun, "the first cancels")
            self.kill_and_serve()
            caught += WORD[box[0].state] == "running"
            self.check(self.runs.finished(made.id), ids, workflow_id=workflow)

    def test_before_the_first_step(self):
        ids = self.runs.create_many([f"r.{i}" for i in range(10)])
        with standing_still(self.server) as kill:
            made = self.runs.cancel_runs(ids=ids)
            kill()
        self.serve()
        self.check(self.runs.finished(made.id), ids)

    def test_a_plan_and_an_abort_are_what_they_were(self):
        ids = self.runs.create_many([f"r.{i}" for i in range(10)])
        plan = self.runs.cancel_runs(ids=ids, dry_run=True)
        with standing_still(self.server) as kill:
            made = self.runs.cancel_runs(ids=ids)
            self.runs.abort(made.id)
            kill()
        self.serve()
        self.assertEqual(("planned", (0, 0, 0, 10)),
                         (WORD[self.runs.bulk(plan.id).state], counts(self.runs.bulk(plan.id))))
        self.assertEqual("aborted", WORD[self.runs.bulk(made.id).state])
        self.runs.cancel_runs(plan=plan.id)
        self.check(self.runs.finished(plan.id), ids)
        self.assertEqual({"open"}, set(self.runs.outcomes(made.id).values()))

    def test_an_orderly_stop_leaves_it_to_the_next_start(self):
        ids = self.runs.create_many([f"r.{i}" for i in range(10)])
        with standing_still(self.server):
            made = self.runs.cancel_runs(ids=ids)
        self.runs.close()
        self.assertEqual(0, self.server.stop())
        self.serve()
        self.check(self.runs.finished(made.id), ids)


class Fair(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.runs = BulkCaller(cls.server.grpc, cls.token)
        cls.addClassCleanup(cls.runs.close)
        cls.rival = BulkCaller(cls.server.grpc, create_token(cls.place.store, org="rival"))
        cls.addClassCleanup(cls.rival.close)

    def test_an_organization_with_much_to_do_does_not_keep_another_waiting(self):
        many = self.runs.create_many([f"r.{i:05}" for i in range(6000)])
        few = self.rival.create_many([f"r.{i}" for i in range(10)])
        with standing_still(self.server):
            large = [self.runs.cancel_runs(ids=many[i::3]) for i in range(3)]
            small = self.rival.cancel_runs(ids=few)
        self.rival.finished(small.id)
        for made in large:
            self.assertEqual((2000, 0, 0, 0), counts(self.runs.finished(made.id)))
        end = max(self.rival.get(run_id).finished_at.ToNanoseconds() for run_id in few)
        earlier = [run_id for run_id in many
                   if self.runs.get(run_id).finished_at.ToNanoseconds() < end]
        # A step or two of the large ones, of 512 each.
        self.assertLessEqual(len(earlier), 1024)

    def test_the_bulk_cancels_of_an_organization_go_on_side_by_side(self):
        ids = self.runs.create_many([f"s.{i:05}" for i in range(4000)])
        with standing_still(self.server):
            first = self.runs.cancel_runs(ids=ids[:3900])
            second = self.runs.cancel_runs(ids=ids[3900:])
        self.runs.finished(first.id)
        self.runs.finished(second.id)
        end = max(self.runs.get(run_id).finished_at.ToNanoseconds() for run_id in ids[3900:])
        last = max(self.runs.get(run_id).finished_at.ToNanoseconds() for run_id in ids[:3900])
        self.assertLess(end, last, "the short one does not wait for the long one")


if __name__ == "__main__":
    unittest.main()
