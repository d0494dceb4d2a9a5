"""Free-form objects keep what JSON can say, U+0000 too, and no JSON of ours says that a status is
unspecified."""

import json
import unittest

import contract
import gateways
import rest
from harness import Place, Serve, runsctl, serve_for
from stubs import bearer, service_grpc, service_pb2

import grpc

NUL = {"a\0b": "x\0y\0", "\0": ["\0", {"k\0": "\0"}], "k": "k", "k\0": 1, "empty": ""}
EXACT = {"big": 9007199254740991, "tenth": 0.1, "small": 5e-324, "large": 1.7976931348623157e308,
         "whole": 1.0, "negative": -1.5e-7}


class FreeForm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)

    def create(self, **changes):
        reply = rest.request(self.server.http_port, "POST", "/v1/runs", self.token,
                             contract.new_run(**changes))
        self.assertEqual(200, reply.status, reply.body)
        return reply.json()["data"]

    def get(self, run_id):
        return rest.request(self.server.http_port, "GET", f"/v1/runs/{run_id}", self.token)

    def runsctl(self, *arguments, **options):
        done = runsctl(*arguments, env={"RUNSCTL_TOKEN": self.token,
                                        "RUNSCTL_SERVER": self.server.grpc}, **options)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_nul_is_kept_over_rest_grpc_and_runsctl(self):
        definition = contract.new_run()["workflowDefinition"]
        definition["blockExpansions"] = NUL
        definition["nodes"]["root"]["note\0"] = "\0"
        given = {"propValues": {**NUL, "amount": 1}, "executionState": NUL,
                 "workflowDefinition": definition}
        created = self.create(**given)
        reply = self.get(created["id"])
        self.assertIn(rb"x\u0000y\u0000", reply.body)
        by_ctl = self.runsctl("runs", "get", created["id"], "--json")
        for key, value in given.items():
            for where, run in (("created", created), ("got", reply.json()["data"]),
                               ("runsctl", by_ctl)):
                self.assertEqual(value, run[key], f"{key} {where}")
        with grpc.insecure_channel(self.server.grpc) as channel:
            run = service_grpc.RunsServiceStub(channel).GetRun(
                service_pb2.GetRunRequest(id=created["id"]), metadata=bearer(self.token))
        self.assertEqual("x\0y\0", run.prop_values["a\0b"])
        self.assertEqual("\0", run.execution_state["\0"][0])

    def test_a_replay_keeps_it_and_people_see_it(self):
        keys = {"amount": 1, "to": 1, "to\0x": 2, "to\0y": 3}
        created = self.create(propValues={**NUL, **keys}, executionState=NUL)
        replay = self.runsctl("runs", "create", "--like", created["id"], "--json")
        self.assertEqual({**NUL, **keys}, replay["propValues"])
        self.assertEqual(created["id"], replay["sourceRunId"])
        self.assertEqual(created["workflowDefinition"], replay["workflowDefinition"])
        shown = runsctl("runs", "get", created["id"], "--server", self.server.grpc, "--token",
                        self.token)
        self.assertEqual(0, shown.returncode, shown.stderr)
        self.assertIn("to\\u0000y", shown.stdout)
        self.assertIn("x\\u0000y", shown.stdout)

    def test_a_report_keeps_it_too(self):
        created = self.create()
        reported = self.runsctl("runs", "report", created["id"], "--status", "waiting",
                                "--execution-state", "-", "--json", input=json.dumps(NUL))
        self.assertEqual(NUL, reported["executionState"])
        self.assertEqual(NUL, self.get(created["id"]).json()["data"]["executionState"])

    def test_numbers_come_back_as_they_were(self):
        given = {**EXACT, "amount": 1}
        created = self.create(propValues=given)
        self.assertEqual(given, self.get(created["id"]).json()["data"]["propValues"])

    def test_the_first_event_has_no_status_before(self):
        created = self.create()
        reply = rest.request(self.server.http_port, "GET", f"/v1/runs/{created['id']}/events",
                             self.token)
        events = reply.json()["data"]["events"]
        self.assertEqual(["runId", "sequence", "toStatus", "at", "actor", "reason", "revision",
                          "attempt", "kind", "holder", "requestId", "remoteAddress"],
                         list(events[0]))
        self.assertEqual(events,
                         self.runsctl("runs", "events", created["id"], "--json")["events"])

    def test_refusals_name_the_clients_path(self):
        deep = 1
        for _ in range(30):
            deep = {"d": [deep]}
        lone = '{"workflowDefinition":{"nodes":{}},"propValues":{"a":"\\ud800"}}'
        rows = (
            (contract.new_run(workflowId="a\0b"), "run.workflowId"),
            (contract.new_run(id="a\0b"), "run.id"),
            (contract.new_run(propValues={"a b": deep}), 'run.propValues["a b"].d[0].d[0].d[0]'),
            ('{"propValues":{"k":[0,{"n":12345678901234567890}]}}', "propValues.k[1].n"),
            ('{"propValues":{"a\\u0000":1e400}}', 'propValues["a\\u0000"]'),
            (lone, "line 1, column 61"),
        )
        for body, field in rows:
            reply = rest.request(self.server.http_port, "POST", "/v1/runs", self.token, body)
            self.assertEqual(400, reply.status, reply.body)
            found = reply.error["fieldViolations"][0]["field"]
            self.assertTrue(found.startswith(field), (found, field))
            self.assertNotIn("fields[", found)
            self.assertNotIn("Value", found.replace("propValues", ""))
        reply = rest.request(self.server.http_port, "POST", "/v1/runs/a%00b/cancel", self.token)
        self.assertEqual((400, "id"),
                         (reply.status, reply.error["fieldViolations"][0]["field"]))

    def test_a_gateway_may_round_numbers_and_print_otherwise(self):
        gateway = gateways.Gateway(self.server.grpc, "--json-numbers", "round",
                                   "--json-proto-names", "--json-emit-defaults",
                                   "--json-enums-as-numbers")
        self.addCleanup(gateway.kill)
        run = contract.new_run(propValues={"amount": 12345678901234567890, "tenth": 0.1})
        reply = rest.request(gateway.port, "POST", "/v1/runs", self.token, run)
        self.assertEqual(200, reply.status, reply.body)
        made = reply.json()["data"]
        self.assertEqual({"amount": 12345678901234567890.0, "tenth": 0.1}, made["prop_values"])
        # What the protos say wins: a status has words.
        self.assertEqual(("payout", "running"), (made["workflow_id"], made["status"]))
        reply = rest.request(gateway.port, "POST", "/v1/runs", self.token,
                             json.dumps(contract.new_run()).replace("12.5", "1e400"))
        self.assertEqual((400, "propValues.amount"),
                         (reply.status, reply.error["fieldViolations"][0]["field"]))
        for path in ("/v1/runs", f"/v1/runs/{made['id']}/events", f"/v1/runs/{made['id']}"):
            reply = rest.request(gateway.port, "GET", path, self.token)
            self.assertEqual(200, reply.status, reply.body)
            self.assertNotIn(b"UNSPECIFIED", reply.body)
            self.assertNotIn(b"workflowId", reply.body)

    def test_nothing_says_unspecified(self):
        self.create()
        port = self.server.http_port
        for path in ("/openapi.json", "/v1/runs", "/v1/runs?status=none"):
            self.assertNotIn(b"UNSPECIFIED", rest.request(port, "GET", path, self.token).body, path)
        self.assertNotIn("UNSPECIFIED", self.server.text())


class InMemory(FreeForm):
    """The same of a store in memory."""

    @classmethod
    def setUpClass(cls):
        cls.place = Place()
        cls.addClassCleanup(cls.place.remove)
        file = cls.place.path / "token"
        cls.server = Serve("memory:", "--demo-token", str(file))
        cls.addClassCleanup(cls.server.stop)
        cls.token = file.read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    unittest.main()
