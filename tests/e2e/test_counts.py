"""GET /v1/runs:count through the real programs: what it counts is what the lists have."""

import collections
import unittest

import rest
from bulk import BulkCaller, pb
from harness import Place, Serve, create_token
from leases import STATUS

WORDS = list(STATUS)


class Counts(unittest.TestCase):
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

    def count(self, query="", token=None, status=200):
        reply = rest.request(self.server.http_port, "GET", f"/v1/runs:count{query}",
                             token or self.token)
        self.assertEqual(status, reply.status, reply.body)
        return reply.json()["data"] if status == 200 else reply.error

    def by_workflow(self, query=""):
        """{workflow: {status: count}} by pages of two."""
        found, token = {}, ""
        while True:
            page = self.count(f"?byWorkflow=true&pageSize=2&pageToken={token}{query}")
            for workflow in page["byWorkflow"]:
                self.assertNotIn(workflow["workflowId"], found)
                counts = {c["status"]: c["count"] for c in workflow["byStatus"]}
                self.assertEqual(workflow["total"], sum(counts.values()))
                found[workflow["workflowId"]] = counts
            token = page["nextPageToken"]
            if not token:
                return found

    def check(self, expected):
        """expected: {(workflow, status): count}."""
        total = collections.Counter()
        for (_, status), count in expected.items():
            total[status] += count
        whole = self.count()
        self.assertEqual({word: total[word] for word in WORDS},
                         {c["status"]: c["count"] for c in whole["byStatus"]})
        self.assertEqual(sum(total.values()), whole["total"])
        found = self.by_workflow()
        self.assertEqual({w for w, _ in expected}, set(found))
        for workflow, counts in found.items():
            self.assertEqual({word: expected.get((workflow, word), 0) for word in WORDS}, counts)

    def test_it_is_true_after_each_kind_of_change_and_after_a_kill(self):
        self.check({})
        ids = {w: self.runs.create_many([f"{w}.{i}" for i in range(20)], workflow_id=w)
               for w in ("a", "b", "c")}
        self.check({(w, "running"): 20 for w in "abc"})
        self.runs.report(ids["a"][0], "waiting")
        self.runs.report(ids["a"][1], "success")
        self.runs.report(ids["b"][0], "failure")
        self.runs.cancel(ids["b"][1])
        made = self.runs.cancel_runs(filter=pb.RunFilter(workflow_id="c"))
        self.runs.finished(made.id)
        expected = {("a", "running"): 18, ("a", "waiting"): 1, ("a", "success"): 1,
                    ("b", "running"): 18, ("b", "failure"): 1, ("b", "cancelled"): 1,
                    ("c", "cancelled"): 20}
        self.check(expected)
        self.runs.close()
        self.server.kill()
        self.serve()
        self.check(expected)
        self.runs.create("more", workflow_id="a")
        self.check({**expected, ("a", "running"): 19})

    def test_filters_and_who_asks(self):
        self.runs.create_many([f"r{i}" for i in range(5)], workflow_id="w")
        self.runs.cancel("r0")
        self.assertEqual(4, self.count("?status=running&status=waiting")["total"])
        self.assertEqual([{"status": "cancelled", "count": 1}],
                         self.count("?status=cancelled")["byStatus"])
        self.assertEqual(0, self.count("?workflowId=other")["total"])
        self.assertEqual(5, self.count("?workflowId=w")["total"])
        self.assertEqual({"w": {"cancelled": 1}}, self.by_workflow("&status=cancelled"))
        self.assertEqual({}, self.by_workflow("&status=failure"))
        stranger = create_token(self.place.store, org="stranger")
        self.assertEqual(0, self.count(token=stranger)["total"])
        for query, field in (("?status=9", "status"), ("?pageSize=-1", "pageSize"),
                             ("?byWorkflow=true&pageToken=x", "pageToken"),
                             ("?workflowId=" + "x" * 1025, "workflowId")):
            error = self.count(query, status=400)
            self.assertEqual([field], [v["field"] for v in error["fieldViolations"]])
        self.count(token=create_token(self.place.store, scopes="runs.cancel"), status=403)


if __name__ == "__main__":
    unittest.main()
