"""gRPC clients with generated stubs, in Python and Node.js (C++: tests/clients/cpp)."""

import json
import os
import subprocess
import unittest

import grpc
from google.protobuf import json_format

import contract
import stubs
from harness import DEADLINE_S, ROOT, serve_for


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)


class Python(Served):
    def setUp(self):
        self.channel = grpc.insecure_channel(self.server.grpc)
        self.addCleanup(self.channel.close)
        self.runs = stubs.service_grpc.RunsServiceStub(self.channel)
        self.metadata = stubs.bearer(self.token)

    def create(self):
        # The stub's own JSON: status has no place in a new run, all else is canonical.
        run = json_format.ParseDict(contract.new_run(), stubs.run_pb2.Run())
        return run, self.runs.CreateRun(stubs.service_pb2.CreateRunRequest(run=run),
                                        metadata=self.metadata, timeout=DEADLINE_S)

    def cancel(self, run_id):
        return self.runs.CancelRun(
            stubs.service_pb2.CancelRunRequest(id=run_id, reason="no longer needed"),
            metadata=self.metadata, timeout=DEADLINE_S)

    def test_create_keeps_everything_given(self):
        given, created = self.create()
        self.assertEqual(stubs.run_pb2.RUN_STATUS_RUNNING, created.status)
        self.assertEqual("acme", created.organization_id)
        self.assertFalse(created.HasField("finished_at"))
        for field in ("id", "organization_id", "status", "started_at"):
            created.ClearField(field)
        self.assertEqual(given, created)

    def test_cancel(self):
        _, created = self.create()
        cancelled = self.cancel(created.id)
        self.assertEqual(stubs.run_pb2.RUN_STATUS_CANCELLED, cancelled.status)
        self.assertTrue(cancelled.HasField("finished_at"))
        self.assertGreaterEqual(cancelled.finished_at.ToNanoseconds(),
                                cancelled.started_at.ToNanoseconds())
        self.assertEqual(created.workflow_definition, cancelled.workflow_definition)
        self.assertEqual(created.workflow_version, cancelled.workflow_version)

    def test_cancel_again_tells_the_state_in_details(self):
        _, created = self.create()
        cancelled = self.cancel(created.id)
        with self.assertRaises(grpc.RpcError) as caught:
            self.cancel(created.id)
        self.assertEqual(grpc.StatusCode.FAILED_PRECONDITION, caught.exception.code())
        status = stubs.rpc_status(caught.exception)
        self.assertEqual(9, status.code)
        self.assertEqual(caught.exception.details(), status.message)
        details = stubs.details(caught.exception)
        info = details["ErrorInfo"]
        self.assertEqual("RUN_ALREADY_FINISHED", info.reason)
        self.assertEqual("runs.v1", info.domain)
        self.assertEqual({"status", "finishedAt", "actor", "requestId"}, set(info.metadata))
        self.assertEqual("cancelled", info.metadata["status"])
        self.assertEqual(cancelled.finished_at.ToJsonString(), info.metadata["finishedAt"])
        self.assertEqual(created.id, details["ResourceInfo"].resource_name)

    def test_missing(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.cancel("there-is-none")
        self.assertEqual(grpc.StatusCode.NOT_FOUND, caught.exception.code())
        info = stubs.details(caught.exception)["ErrorInfo"]
        self.assertEqual("RUN_NOT_FOUND", info.reason)
        self.assertEqual("runs.v1", info.domain)


class Node(Served):
    """client.js does the calls and prints what came back, a line each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        modules = os.environ.get("NODE_MODULES")
        if not modules:
            raise RuntimeError("NODE_MODULES is not set: run script/test")
        done = subprocess.run(
            ["node", str(ROOT / "tests/clients/node/client.js"), cls.server.grpc,
             stubs.PROTOS_FOLDER],
            capture_output=True, text=True, timeout=DEADLINE_S, check=False,
            env={**os.environ, "NODE_PATH": modules, "TOKEN": cls.token,
                 "RUN": json.dumps(contract.new_run(workflowVersion=3))})
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        cls.results = {line["call"]: line for line in map(json.loads, done.stdout.splitlines())}

    def test_create(self):
        run = self.results["create"]["run"]
        self.assertEqual("RUN_STATUS_RUNNING", run["status"])
        self.assertEqual("11297108109", run["simulationForks"][0]["chainId"])
        self.assertEqual("payout", run["workflowId"])

    def test_a_plain_object_for_a_struct_is_dropped_by_proto_loader(self):
        run = self.results["create of a plain object"]["run"]
        self.assertEqual("payout", run["workflowId"])
        self.assertEqual({}, run.get("executionState", {}).get("fields", {}))

    def test_cancel(self):
        run = self.results["cancel"]["run"]
        self.assertEqual("RUN_STATUS_CANCELLED", run["status"])
        self.assertIsNotNone(run["finishedAt"])

    def test_cancel_again(self):
        result = self.results["cancel again"]
        self.assertEqual(9, result["code"])
        self.assertEqual("RUN_ALREADY_FINISHED", result["info"]["reason"])
        self.assertEqual("cancelled", result["info"]["metadata"]["status"])

    def test_missing(self):
        result = self.results["missing"]
        self.assertEqual(5, result["code"])
        self.assertEqual("RUN_NOT_FOUND", result["info"]["reason"])


del Served  # it has no tests of its own
