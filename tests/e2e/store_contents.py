"""A store with content of every kind, made through a real server, and all that a server says of one:
what tests of copies compare."""

import contextlib
import json
import uuid

import contract
from bulk import STATE, BulkCaller, pb as bulk_pb
from harness import Serve, runsctl, wait_until
from organizations import Admin, admin_token, user_token
from rest import request

# In whose order runs are listed: ids that are UUIDs, and others.
RUN_ID = "0192f0c1-2d3e-7a4b-8c5d-0123456789ab"


class Contents:
    """Runs of all statuses in three organizations, with leases, deadlines, families, keys, a
    deletion, jobs that are done, planned and at work, tokens of all kinds, and a frozen organization.

    Of what is at work nothing goes on by itself: the server was stopped."""

    def __init__(self, store, extra_runs=0):
        self.store = store
        self.token = user_token(store)
        self.other = user_token(store, org="globex", name="other")
        self.cold = user_token(store, org="initech", name="cold")
        self.admin = admin_token(store)
        self.tokens = {"acme": self.token, "globex": self.other, "initech": self.cold}
        server = Serve(store)
        try:
            self._fill(server, extra_runs)
        finally:
            if server.stop() != 0:
                raise AssertionError(server.tail())
        self._tokens()

    def _fill(self, server, extra_runs):
        with contextlib.ExitStack() as stack:
            acme = BulkCaller(server.grpc, self.token)
            globex = BulkCaller(server.grpc, self.other)
            stack.callback(acme.close)
            stack.callback(globex.close)
            self._runs(server, acme)
            self._leases(acme)
            self._family(acme)
            self._jobs(acme)
            globex.create_many([f"g-{i}" for i in range(70)])
            globex.cancel("g-3", "why not")
            globex.create_many([f"x-{i}" for i in range(extra_runs)], workflow_id="bulk-load")
            self._deletion(server, acme)
            self._frozen(server)

    def _runs(self, server, acme):
        for run_id, changes in (("full", {}), (RUN_ID, {"workflowId": "payout"})):
            reply = request(server.http_port, "POST", "/v1/runs", self.token,
                            contract.new_run(id=run_id, **changes),
                            {"Idempotency-Key": f"create-{run_id}"})
            if reply.status != 200:
                raise AssertionError(reply.body)
        for status in ("success", "failure", "waiting"):
            acme.create(f"r-{status}")
            acme.report(f"r-{status}", status)
        acme.create("r-cancelled")
        self.keyed = {"Idempotency-Key": "cancel-1"}
        reply = request(server.http_port, "POST", "/v1/runs/r-cancelled/cancel", self.token,
                        {"reason": "over budget"}, self.keyed)
        if reply.status != 200:
            raise AssertionError(reply.body)
        acme.create("r-deadline", timeout=3600)
        acme.create("r-waits", waiting_timeout=3600)
        acme.report("r-waits", "waiting")
        acme.create_many([f"n-{i:03}" for i in range(150)], workflow_id="many")

    def _leases(self, acme):
        acme.create_leased("l-held")
        acme.create_leased("l-stopped")
        acme.acquire("worker-1", seconds=600)
        acme.acquire("worker-1", seconds=600)
        acme.create_leased("l-open")
        acme.cancel("l-stopped", "halt")
        acme.acknowledge("l-stopped", 1, "stopped it")

    def _family(self, acme):
        acme.create_many(["p-root"])
        acme.create_many(["p-a", "p-b"], parent="p-root")
        acme.create_many(["p-a-1", str(uuid.UUID(int=7))], parent="p-a")

    def _jobs(self, acme):
        many = bulk_pb.RunFilter(workflow_id="many")
        acme.finished(acme.cancel_runs(ids=["n-000", "n-001", "nowhere"], request_id="job-1").id)
        acme.finished(acme.cancel_runs(ids=["p-root"], cascade=True, reason="the family").id)
        planned = acme.cancel_runs(filter=many, dry_run=True)
        wait_until(lambda: acme.bulk(planned.id).state == STATE["planned"], "the plan")
        aborted = acme.cancel_runs(filter=many, dry_run=True)
        acme.abort(aborted.id)

    def _deletion(self, server, acme):
        acme.create("gone")
        acme.cancel("gone")
        for run_id in ("gone",):
            reply = request(server.http_port, "DELETE", f"/v1/runs/{run_id}", self.token)
            if reply.status != 200:
                raise AssertionError(reply.body)
        acme.create("gone")  # another one of that id

    def _frozen(self, server):
        cold = BulkCaller(server.grpc, self.cold)
        cold.create_many(["c-1", "c-2"])
        cold.close()
        admin = Admin(server.grpc, self.admin)
        admin.freeze("initech")
        admin.close()

    def _tokens(self):
        for arguments in (("create", "--org", "acme", "--name", "old", "--scopes", "runs.read"),
                          ("create", "--org", "acme", "--name", "turned", "--scopes", "runs.read"),
                          ("rotate", "turned", "--org", "acme", "--overlap", "1h"),
                          ("revoke", "old", "--org", "acme"),
                          ("create", "--org", "acme", "--name", "limited", "--scopes", "runs.read"),
                          ("set-limits", "limited", "--org", "acme", "--limit-reads", "5")):
            done = runsctl("tokens", *arguments, "--store", self.store)
            if done.returncode != 0:
                raise AssertionError((arguments, done.stderr))


def pages(port, token, path):
    """All bodies of a list, by its pages of 7."""
    bodies, cursor = [], ""
    while True:
        sign = "&" if "?" in path else "?"
        reply = request(port, "GET", f"{path}{sign}pageSize=7{cursor}", token)
        if reply.status != 200:
            raise AssertionError((path, reply.status, reply.body))
        data = reply.json()["data"]
        bodies.append(data)
        if not data.get("nextPageToken"):
            return bodies
        cursor = f"&pageToken={data['nextPageToken']}"


def everything(server, tokens):
    """What a server says of all that its store has, but for who asked: by path."""
    said = {}
    for organization, token in tokens.items():
        ids = []
        for page in pages(server.http_port, token, "/v1/runs"):
            said.setdefault((organization, "/v1/runs"), []).append(page)
            ids += [run["id"] for run in page["runs"]]
        for run_id in ids:
            said[organization, run_id] = request(server.http_port, "GET", f"/v1/runs/{run_id}",
                                                 token).json()["data"]
            said[organization, run_id, "events"] = request(
                server.http_port, "GET", f"/v1/runs/{run_id}/events", token).json()["data"]
        said[organization, "count"] = request(server.http_port, "GET", "/v1/runs:count",
                                              token).json()["data"]
        jobs = pages(server.http_port, token, "/v1/bulkCancels")
        said[organization, "jobs"] = jobs
        for page in jobs:
            for job in page.get("bulkCancels", []):
                # The order of ids that are UUIDs, and of others, is the back-end's own.
                said[organization, job["id"]] = sorted(
                    (outcome["runId"], outcome["outcome"]) for outcomes in pages(
                        server.http_port, token, f"/v1/bulkCancels/{job['id']}/outcomes")
                    for outcome in outcomes["outcomes"])
    return said


def token_list(store):
    done = runsctl("tokens", "list", "--store", store, "--json")
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return sorted(json.loads(done.stdout)["tokens"], key=lambda t: (t["organizationId"], t["name"]))
