"""Requests that are sent again under their keys, over REST and gRPC: one change, one outcome."""

import concurrent.futures
import http.client
import os
import random
import signal
import threading
import unittest
import uuid

import grpc

import contract
import rest
import stubs
from harness import (DEADLINE_S, Place, Process, Serve, create_token, program, runsctl, serve_for,
                     wait_until)
from leases import STATUS, Caller, Refused, duration
from relay import Relay

pb = stubs.service_pb2
REPLAYED = "Idempotency-Replayed"


def key_header(key):
    return {"Idempotency-Key": key}


def made(run_id="", **fields):
    """A CreateRunRequest."""
    request = pb.CreateRunRequest(**fields)
    request.run.id = run_id
    request.run.workflow_id = "wf"
    request.run.workflow_definition.nodes.update({"root": {"type": "manual"}})
    return request


class Client:
    """Calls of a server over REST and gRPC, as one token."""

    def __init__(self, test, http, address, token):
        self.test = test
        self.http = http
        self.token = token
        self.channel = grpc.insecure_channel(address)
        test.addCleanup(self.channel.close)
        self.stub = stubs.service_grpc.RunsServiceStub(self.channel)

    def rest(self, method, path, body=None, key=None, headers=None):
        return rest.request(self.http, method, path, self.token, body,
                            {**(headers or {}), **(key_header(key) if key else {})})

    def grpc(self, method, request):
        """The reply, and whether it was given before."""
        reply, call = getattr(self.stub, method).with_call(
            request, metadata=stubs.bearer(self.token), timeout=DEADLINE_S)
        replayed = [value for name, value in call.initial_metadata()
                    if name == "idempotency-replayed"]
        self.test.assertIn(replayed, ([], ["true"]))
        return reply, bool(replayed)

    def refused(self, method, request):
        try:
            self.grpc(method, request)
        except grpc.RpcError as error:
            return Refused(error)
        raise AssertionError(f"{method} was not refused")

    def create(self, run_id="", **fields):
        reply = self.rest("POST", "/v1/runs", contract.new_run(id=run_id, **fields))
        self.test.assertEqual(200, reply.status, reply.body)
        return reply.json()["data"]["id"]

    def cancel(self, run_id, key=None, body=None):
        return self.rest("POST", f"/v1/runs/{run_id}/cancel", body, key)

    def events(self, run_id):
        return self.rest("GET", f"/v1/runs/{run_id}/events").json()["data"]["events"]

    def check(self, reply, replayed):
        """A 200 that says whether it was given before; returns the run."""
        self.test.assertEqual(200, reply.status, reply.body)
        self.test.assertEqual("true" if replayed else None, reply.headers[REPLAYED])
        return reply.json()["data"]

    def check_refused(self, reply, status, reason):
        self.test.assertEqual((status, reason), (reply.status, reply.error.get("reason")),
                              reply.body)
        self.test.assertIsNone(reply.headers[REPLAYED])
        return reply


class Idempotency(unittest.TestCase):
    """One process; the gateway and the server call each other directly."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.http, cls.grpc = cls.server.http_port, cls.server.grpc

    def setUp(self):
        self.client = Client(self, self.http, self.grpc, self.token)
        self.key = str(uuid.uuid4())

    def test_every_method_that_takes_a_key_over_rest(self):
        body = contract.new_run()
        created = self.client.check(self.client.rest("POST", "/v1/runs", body, self.key), False)
        again = self.client.check(self.client.rest("POST", "/v1/runs", body, self.key), True)
        self.assertEqual(created, again)
        run_id, key = created["id"], self.key + "-cancel"
        cancelled = self.client.check(self.client.cancel(run_id, key, {"reason": "x"}), False)
        for same in ({"reason": "x"}, {"reason": "x", "wait": "0s"},
                     {"expectedSequence": 0, "reason": "x"}, {"reason": "x", "requestId": key}):
            again = self.client.check(self.client.cancel(run_id, key, same), True)
            self.assertEqual(cancelled, again)
        by_field = self.client.cancel(run_id, None, {"reason": "x", "requestId": key})
        self.assertEqual(cancelled, self.client.check(by_field, True))
        by_query = self.client.rest("POST", f"/v1/runs?requestId={self.key}", body)
        self.assertEqual(cancelled, self.client.check(by_query, True))  # as it is now
        self.assertEqual(["running", "cancelled"],
                         [event["toStatus"] for event in self.client.events(run_id)])

    def test_every_method_that_takes_a_key_over_grpc(self):
        created, replayed = self.client.grpc("CreateRun", made(request_id=self.key))
        self.assertFalse(replayed)
        again, replayed = self.client.grpc("CreateRun", made(request_id=self.key))
        self.assertTrue(replayed)
        self.assertEqual(created, again)
        report = pb.ReportRunRequest(id=created.id, status=STATUS["waiting"],
                                     request_id=self.key + "-report")
        report.execution_state.update({"step": 1})
        first, replayed = self.client.grpc("ReportRun", report)
        self.assertFalse(replayed)
        again, replayed = self.client.grpc("ReportRun", report)
        self.assertTrue(replayed)
        self.assertEqual(first, again)
        cancel = pb.CancelRunRequest(id=created.id, request_id=self.key + "-cancel")
        first, replayed = self.client.grpc("CancelRun", cancel)
        self.assertFalse(replayed)
        again, replayed = self.client.grpc("CancelRun", cancel)
        self.assertTrue(replayed)
        self.assertEqual(first, again)
        late, replayed = self.client.grpc("ReportRun", report)  # the run as it is now
        self.assertTrue(replayed)
        self.assertEqual(STATUS["cancelled"], late.status)
        # REST and gRPC are one: the key is the request's, not the door's.
        over_rest = self.client.cancel(created.id, self.key + "-cancel")
        self.assertEqual("cancelled", self.client.check(over_rest, True)["status"])

    def test_cancels_of_many_runs(self):
        ids = [self.client.create() for _ in range(3)]
        body = {"ids": ids, "reason": "x"}
        first = self.client.check(self.client.rest("POST", "/v1/runs:cancel", body, self.key), False)
        again = self.client.check(self.client.rest("POST", "/v1/runs:cancel", body, self.key), True)
        self.assertEqual((first["id"], first["createdAt"]), (again["id"], again["createdAt"]))
        other = {"ids": ids[:2], "reason": "x"}
        for reply in (self.client.rest("POST", "/v1/runs:cancel", other, self.key),
                      self.client.cancel(ids[0], self.key)):
            self.client.check_refused(reply, 422, "IDEMPOTENCY_KEY_REUSED")
        wait_until(lambda: self.client.check(self.client.rest(
            "POST", "/v1/runs:cancel", body, self.key), True)["state"] == "done", "its end")
        for run_id in ids:
            self.assertEqual(2, len(self.client.events(run_id)))

    def test_forms_of_the_header(self):
        run_id = self.client.create()
        quoted = '"a \\"b\\" \\\\ ' + self.key + '"'
        self.client.check(self.client.cancel(run_id, quoted), False)
        self.client.check(self.client.cancel(run_id, f'a "b" \\ {self.key}'), True)
        self.client.check(self.client.cancel(run_id, None,
                                             {"requestId": f'a "b" \\ {self.key}'}), True)
        for bad in ('"', '"x', '"x" y', '""', '"x\\y"', '"a", "b"', "\u00e4"):
            reply = self.client.check_refused(self.client.cancel(run_id, bad.encode("latin-1")),
                                              400, "HEADER_INVALID")
            self.assertIn("Idempotency-Key", reply.json()["message"])
        raw = (f"POST /v1/runs/{run_id}/cancel HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
               f"{self.token}\r\nConnection: close\r\n")
        for lines in ("Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Idempotency-Key:\r\n"):
            reply = rest.raw(self.http, f"{raw}{lines}\r\n".encode())
            self.client.check_refused(reply, 400, "HEADER_INVALID")
        for bad in ("x" * 256, '" x"', '"x "'):
            reply = self.client.check_refused(self.client.cancel(run_id, bad), 400,
                                              "FIELD_INVALID")
            self.assertEqual("requestId", reply.error["fieldViolations"][0]["field"])

    def test_another_key_in_the_request_is_refused_with_both(self):
        run_id = self.client.create()
        rows = ((f"/v1/runs/{run_id}/cancel", {"requestId": "b"}),
                ("/v1/runs?requestId=b", contract.new_run()))
        for path, body in rows:
            reply = self.client.check_refused(self.client.rest("POST", path, body, "a"), 400,
                                              "HEADER_INVALID")
            message = reply.json()["message"]
            self.assertTrue('"a"' in message and '"b"' in message, message)
        self.assertEqual(1, len(self.client.events(run_id)))

    def test_other_methods_do_not_look_at_it(self):
        run_id = self.client.create()
        self.assertEqual(200, self.client.rest("GET", f"/v1/runs/{run_id}", key='"').status)
        self.assertEqual(409, self.client.rest("POST", f"/v1/runs/{run_id}/release", {"attempt": 1},
                                               '"').status)

    def test_the_same_request_however_it_is_written(self):
        def text(props, first='"workflowId":"wf"'):
            return (f'{{{first},"workflowDefinition":{{"nodes":{{"root":{{"type":"manual"}}}}}},'
                    f'"propValues":{props}}}')
        same = ['{"a":1,"b":{"x":[1,2],"y":null}}', '{"b":{"y":null,"x":[1.0,2e0]},"a":1.0}',
                ' { "a" : 1e0 , "b" : { "x" : [ 1 , 2.00 ] , "y" : null } } ']
        first = self.client.rest("POST", "/v1/runs", text(same[0]), self.key)
        run = self.client.check(first, False)
        for props in same[1:]:
            again = self.client.rest("POST", "/v1/runs", text(props), self.key)
            self.assertEqual(run, self.client.check(again, True))
        for first in ('"workflowId":"wf","isSimulation":false', '"workflow_id":"wf"',
                      '"simulationForks":[],"workflowId":"wf","triggeredBy":""'):
            again = self.client.rest("POST", "/v1/runs", text(same[0], first), self.key)
            self.assertEqual(run, self.client.check(again, True))
        others = ['{"a":1,"b":{"x":[2,1],"y":null}}', '{"a":1,"b":{"x":[1,2]}}', '{"a":-1}',
                  '{"a":"1","b":{"x":[1,2],"y":null}}', '{"a":1,"b":{"x":[1,2],"y":null},"c":0}',
                  '{"a":1.0000000000000002,"b":{"x":[1,2],"y":null}}', '{}']
        for props in others:
            other = self.client.rest("POST", "/v1/runs", text(props), self.key)
            self.client.check_refused(other, 422, "IDEMPOTENCY_KEY_REUSED")
        zero = self.client.rest("POST", "/v1/runs", text('{"a":0}'), self.key + "0")
        self.client.check(zero, False)
        minus = self.client.rest("POST", "/v1/runs", text('{"a":-0}'), self.key + "0")
        self.client.check_refused(minus, 422, "IDEMPOTENCY_KEY_REUSED")
        large = self.client.rest("POST", "/v1/runs", text('{"a":1e308}'), self.key + "L")
        self.client.check(large, False)
        large = self.client.rest("POST", "/v1/runs",
                                 text('{"a":1' + "0" * 308 + '}'), self.key + "L")
        self.client.check(large, True)

    def test_unknown_fields_over_grpc_do_not_count(self):
        run_id = self.client.create()
        request = pb.CancelRunRequest(id=run_id, request_id=self.key)
        call = self.client.channel.unary_unary("/runs.v1.RunsService/CancelRun")

        def send(more=b"", order=False):
            fields = request.SerializeToString()
            if order:
                other = pb.CancelRunRequest(request_id=self.key)
                fields = other.SerializeToString() + pb.CancelRunRequest(
                    id=run_id).SerializeToString()
            _, done = call.with_call(fields + more, metadata=stubs.bearer(self.token),
                                     timeout=DEADLINE_S)
            return "idempotency-replayed" in dict(done.initial_metadata())
        self.assertFalse(send())
        self.assertTrue(send(b"\xba\x3e\x01x"))  # a field 999
        self.assertTrue(send(order=True))

    def test_another_request_hears_nothing_of_the_first(self):
        secret = self.client.create(f"secret-{self.key}")
        other = self.client.create()
        self.client.check(self.client.cancel(secret, self.key, {"reason": "private"}), False)
        rows = [self.client.cancel(other, self.key), self.client.cancel(secret, self.key),
                self.client.cancel("not-there", self.key),
                self.client.rest("POST", "/v1/runs", contract.new_run(), self.key)]
        for reply in rows:
            self.client.check_refused(reply, 422, "IDEMPOTENCY_KEY_REUSED")
            self.assertEqual(rows[0].json()["message"], reply.json()["message"])
            self.assertNotIn("private", reply.body.decode())
            self.assertNotIn("secret", reply.body.decode())
            self.assertEqual({}, reply.error["metadata"])
        refused = self.client.refused("CancelRun", pb.CancelRunRequest(id=other,
                                                                       request_id=self.key))
        self.assertEqual((grpc.StatusCode.INVALID_ARGUMENT, "IDEMPOTENCY_KEY_REUSED", {}),
                         (refused.code, refused.reason, refused.metadata))
        self.assertEqual(1, len(self.client.events(other)))

    def test_a_key_is_its_tokens_and_a_rotation_keeps_it(self):
        names = [f"t{n}-{self.key[:8]}" for n in range(2)]
        mine, other = (create_token(self.place.store, name=name) for name in names)
        run_id = self.client.create()
        clients = [Client(self, self.http, self.grpc, token) for token in (mine, other)]
        clients[0].check(clients[0].cancel(run_id, self.key), False)
        reply = clients[1].check_refused(clients[1].cancel(run_id, self.key), 409,
                                         "RUN_ALREADY_FINISHED")
        self.assertEqual(names[0], reply.error["metadata"]["actor"])
        rotated = runsctl("tokens", "rotate", "--store", self.place.store, "--org", "acme",
                          names[0], "--quiet")
        self.assertEqual(0, rotated.returncode, rotated.stderr)
        new = Client(self, self.http, self.grpc, rotated.stdout.strip())
        new.check(new.cancel(run_id, self.key), True)

    def test_a_refusal_is_not_kept(self):
        run_id = f"late-{self.key}"
        for _ in range(2):
            self.client.check_refused(self.client.cancel(run_id, self.key), 404, "RUN_NOT_FOUND")
        self.client.create(run_id)
        stale = self.client.cancel(run_id, self.key, {"expectedSequence": 9})
        self.client.check_refused(stale, 409, "RUN_CHANGED")
        bad = self.client.cancel(run_id, self.key, {"reason": "x" * 1025})
        self.client.check_refused(bad, 400, "FIELD_INVALID")
        self.client.check(self.client.cancel(run_id, self.key), False)
        self.client.check(self.client.cancel(run_id, self.key), True)
        taken = self.client.rest("POST", "/v1/runs", contract.new_run(id=run_id), self.key + "c")
        self.client.check_refused(taken, 409, "RUN_ALREADY_EXISTS")
        fresh = self.client.rest("POST", "/v1/runs", contract.new_run(), self.key + "c")
        self.client.check(fresh, False)

    def test_a_cancel_without_a_key_meets_its_own(self):
        run_id = self.client.create()
        headers = {"X-Request-Id": f"mine-{self.key}"}
        first = self.client.rest("POST", f"/v1/runs/{run_id}/cancel", headers=headers)
        run = self.client.check(first, False)
        again = self.client.rest("POST", f"/v1/runs/{run_id}/cancel", headers=headers)
        metadata = self.client.check_refused(again, 409, "RUN_ALREADY_FINISHED").error["metadata"]
        self.assertEqual({"status": "cancelled", "finishedAt": run["finishedAt"],
                          "actor": "tester", "requestId": f"mine-{self.key}"}, dict(metadata))

    def test_a_run_that_has_changed_is_not_cancelled(self):
        run_id = self.client.create()
        self.client.grpc("ReportRun", pb.ReportRunRequest(id=run_id, status=STATUS["waiting"]))
        reply = self.client.cancel(run_id, None, {"expectedSequence": 1})
        self.client.check_refused(reply, 409, "RUN_CHANGED")
        self.assertEqual("ABORTED", reply.error["status"])
        self.assertEqual({"sequence": "2", "status": "waiting"}, dict(reply.error["metadata"]))
        run = self.client.check(self.client.cancel(run_id, None, {"expectedSequence": 2}), False)
        reply = self.client.cancel(run_id, None, {"expectedSequence": 2})
        self.client.check_refused(reply, 409, "RUN_CHANGED")
        self.assertEqual({"sequence": "3", "status": "cancelled",
                          "finishedAt": run["finishedAt"]}, dict(reply.error["metadata"]))
        negative = self.client.cancel(run_id, None, {"expectedSequence": -1})
        self.client.check_refused(negative, 400, "FIELD_INVALID")

    def test_of_callers_at_once_one_is_served_and_the_others_hear_it(self):
        callers = 24
        for turn in range(10):
            run_id, key = self.client.create(), f"{self.key}-{turn}"
            barrier = threading.Barrier(callers)

            def cancel(number, run_id=run_id, key=key, barrier=barrier):
                barrier.wait(DEADLINE_S)
                if number % 2:
                    run, replayed = self.client.grpc(
                        "CancelRun", pb.CancelRunRequest(id=run_id, request_id=key))
                    return replayed, run.finished_at.ToJsonString()
                reply = self.client.cancel(run_id, key)
                self.assertEqual(200, reply.status, reply.body)
                return reply.headers[REPLAYED] == "true", reply.json()["data"]["finishedAt"]
            with concurrent.futures.ThreadPoolExecutor(callers) as pool:
                answers = list(pool.map(cancel, range(callers)))
            self.assertEqual(1, [replayed for replayed, _ in answers].count(False))
            self.assertEqual(1, len({end for _, end in answers}))
            self.assertEqual(2, len(self.client.events(run_id)))

    def test_of_creations_at_once_one_run_is_made(self):
        callers, body = 24, contract.new_run()
        barrier = threading.Barrier(callers)

        def create(_):
            barrier.wait(DEADLINE_S)
            reply = self.client.rest("POST", "/v1/runs", body, self.key)
            self.assertEqual(200, reply.status, reply.body)
            return reply.headers[REPLAYED], reply.json()["data"]["id"]
        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            answers = list(pool.map(create, range(callers)))
        self.assertEqual(1, len({run_id for _, run_id in answers}))
        self.assertEqual([None] + ["true"] * (callers - 1),
                         sorted((replayed for replayed, _ in answers), key=lambda r: r or ""))

    def test_different_requests_at_once_under_one_key(self):
        callers = 16
        ids = [self.client.create() for _ in range(callers)]
        barrier = threading.Barrier(callers)

        def cancel(run_id):
            barrier.wait(DEADLINE_S)
            return self.client.cancel(run_id, self.key).status
        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            statuses = list(pool.map(cancel, ids))
        self.assertEqual([200] + [422] * (callers - 1), sorted(statuses))
        for run_id, status in zip(ids, statuses):
            self.assertEqual(2 if status == 200 else 1, len(self.client.events(run_id)))

    def test_a_lost_answer(self):
        relay = Relay(self, self.grpc, lost=["CreateRun", "CancelRun", "ReportRun"])
        client = Client(self, self.http, relay.address, self.token)
        refused = client.refused("CreateRun", made(request_id=self.key))
        self.assertEqual(grpc.StatusCode.UNAVAILABLE, refused.code)
        run, replayed = self.client.grpc("CreateRun", made(request_id=self.key))
        self.assertTrue(replayed)
        rows = (("ReportRun", pb.ReportRunRequest(id=run.id, status=STATUS["waiting"],
                                                  request_id=self.key + "r")),
                ("CancelRun", pb.CancelRunRequest(id=run.id, request_id=self.key + "c")))
        for method, request in rows:
            self.assertEqual(grpc.StatusCode.UNAVAILABLE, client.refused(method, request).code)
            _, replayed = self.client.grpc(method, request)
            self.assertTrue(replayed, method)
        self.assertEqual(["running", "waiting", "cancelled"],
                         [event["toStatus"] for event in self.client.events(run.id)])

    def test_a_cancel_that_waits(self):
        executor = Caller(self.grpc, self.token)
        self.addCleanup(executor.close)
        run_id = f"held-{self.key}"
        executor.create_leased(run_id, holder="w", seconds=60)
        cancel = pb.CancelRunRequest(id=run_id, request_id=self.key, wait=duration(60))
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(self.client.grpc, "CancelRun", cancel)
            wait_until(lambda: executor.get(run_id).status == STATUS["cancelled"], "the cancel")
            again = pool.submit(self.client.grpc, "CancelRun", cancel)  # as when it has no answer
            at_once, replayed = self.client.grpc(
                "CancelRun", pb.CancelRunRequest(id=run_id, request_id=self.key))
            self.assertTrue(replayed)
            self.assertFalse(at_once.HasField("stopped_at"))
            executor.call("AcknowledgeCancel",
                          stubs.lease_pb2.AcknowledgeCancelRequest(id=run_id, attempt=1))
            for number, done in enumerate((first, again)):
                run, replayed = done.result(DEADLINE_S)
                self.assertEqual(number == 1, replayed)
                self.assertTrue(run.HasField("stopped_at"))
        late, replayed = self.client.grpc("CancelRun", cancel)  # at once
        self.assertTrue(replayed and late.HasField("stopped_at"))

    def test_a_creation_that_gave_a_lease(self):
        request = made(request_id=self.key)
        request.run.dispatch = stubs.run_pb2.RUN_DISPATCH_LEASE
        request.lease.holder = "w"
        first, _ = self.client.grpc("CreateRun", request)
        self.assertEqual(1, first.lease.attempt)
        release = stubs.lease_pb2.ReleaseRunRequest(id=first.id, attempt=1)
        self.client.grpc("ReleaseRun", release)
        again, replayed = self.client.grpc("CreateRun", request)
        self.assertTrue(replayed)
        self.assertEqual("", again.lease.holder)  # nobody's, and it stays so
        self.assertEqual("RUN_NOT_HELD", self.client.refused("ReleaseRun", release).reason)

    def test_a_reply_without_a_key_is_as_before(self):
        run_id = self.client.create()
        reply = self.client.cancel(run_id)
        self.client.check(reply, False)
        self.assertEqual(["code", "data", "message", "requestId"], list(reply.json()))


class Apart(unittest.TestCase):
    """A gateway of its own, which hears of replays by metadata of gRPC."""

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.socket = f"unix:{self.place.path}/runsd.sock"
        self.start_server()
        gateway = Process(program("runs-gateway"), "--listen", "127.0.0.1:0", "--upstream",
                          self.socket, "--cors-origin", "https://app.example")
        self.addCleanup(gateway.kill)
        ready = gateway.wait_for_log(lambda l: l.get("message") == "ready", "ready")
        self.client = Client(self, ready["port"], self.socket, self.token)

    def start_server(self):
        self.server = Process(program("runsd"), "--listen", self.socket, "--store",
                              self.place.store)
        self.addCleanup(self.server.kill)
        self.server.wait_for_log(lambda l: l.get("message") == "ready", "ready")

    def test_a_replay_is_told_also_by_another_server(self):
        run_id = self.client.create()
        first = self.client.check(self.client.cancel(run_id, "k"), False)
        self.assertEqual(first, self.client.check(self.client.cancel(run_id, "k"), True))
        self.server.kill()
        self.start_server()
        wait_until(lambda: self.client.cancel(run_id, "k").status == 200, "the server's return")
        self.assertEqual(first, self.client.check(self.client.cancel(run_id, "k"), True))
        self.client.check_refused(self.client.cancel(run_id, "k", {"reason": "x"}), 422,
                                  "IDEMPOTENCY_KEY_REUSED")

    def test_pages_of_other_origins_may_send_and_read_it(self):
        run_id = self.client.create()
        origin = {"Origin": "https://app.example"}
        asked = rest.request(self.client.http, "OPTIONS", f"/v1/runs/{run_id}/cancel", headers={
            **origin, "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, idempotency-key"})
        self.assertEqual("authorization, idempotency-key",
                         asked.headers["Access-Control-Allow-Headers"])
        reply = self.client.rest("POST", f"/v1/runs/{run_id}/cancel", key="k", headers=origin)
        self.assertIn(REPLAYED, reply.headers["Access-Control-Expose-Headers"])


class Kill(unittest.TestCase):
    """kill -9 amid keyed requests, of some between commit and answer; then each is sent again under
    its key: one change and one outcome each, whatever was told."""

    CONNECTIONS = 32
    RUNS = 400  # each created without an id, then cancelled

    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.token = create_token(self.place.store)
        self.seed = random.randrange(1 << 32)
        self.random = random.Random(self.seed)
        self.lost = 0  # answers

    def serve(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        return server

    @staticmethod
    def steps(run):
        """What is asked for of one run, in this order: (method, path, body)."""
        yield "/v1/runs", contract.new_run(triggeredBy=f"by-{run}")
        yield "/v1/runs/{id}/cancel", {"reason": f"why-{run}"}

    def work(self, server, answers, stop_after):
        """All steps of all runs over many connections; kills the server after so many first answers.
        answers: {key: data} of what was answered, added to what was before. Returns what was told
        now: {key: (replayed, data)}."""
        runs = list(range(self.RUNS))
        self.random.shuffle(runs)
        lock, told = threading.Lock(), {}
        runs = iter(runs)
        left = stop_after

        def ask(connection, key, path, body):
            nonlocal left
            reply = rest.request_on(connection, "POST", path, self.token, body, key_header(key))
            if reply.status == 503:
                raise OSError("the server is going")
            if reply.status != 200:
                raise AssertionError(f"{key}: {reply.status} {reply.body}")
            data = reply.json()["data"]
            with lock:
                told[key] = (reply.headers[REPLAYED] == "true", data)
                left -= key not in answers
                if stop_after and left == 0:
                    os.kill(server.popen.pid, signal.SIGKILL)
            return data

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", server.http_port,
                                                    timeout=DEADLINE_S)
            try:
                while True:
                    with lock:
                        run = next(runs, None)
                    if run is None:
                        return
                    run_id = None
                    for number, (path, body) in enumerate(self.steps(run)):
                        data = ask(connection, f"key-{run}-{number}",
                                   path.format(id=run_id), body)
                        run_id = data["id"]
            except (OSError, http.client.HTTPException):
                return  # the server is gone
            finally:
                connection.close()
        with concurrent.futures.ThreadPoolExecutor(self.CONNECTIONS) as pool:
            for done in [pool.submit(client) for _ in range(self.CONNECTIONS)]:
                done.result(DEADLINE_S)
        for key, (replayed, data) in told.items():
            if key in answers:
                self.assertTrue(replayed, f"{key} was answered before")
                self.assertEqual(answers[key]["id"], data["id"])
            elif replayed:
                self.lost += 1  # done without an answer
            answers[key] = data
        return told

    def test_one_change_and_one_outcome(self):
        with self.subTest(seed=self.seed):
            answers = {}
            for _ in range(4):
                server = self.serve()
                self.work(server, answers, self.random.randint(100, 150))
                server.kill()
            server = self.serve()
            self.assertEqual(2 * self.RUNS, len(self.work(server, answers, 0)))
            self.assertLess(0, self.lost, "no kill came between a change and its answer")
            self.check(server, answers)
            again = self.work(server, answers, 0)
            self.assertTrue(all(replayed for replayed, _ in again.values()))
            self.check(server, answers)
            self.assertEqual(0, server.stop())
            checked = runsctl("check", "--store", self.place.store)
            self.assertEqual(0, checked.returncode, checked.stdout[-500:] + checked.stderr[-500:])

    def check(self, server, answers):
        """As many runs as keys, each with one creation and one cancel, that of its own key."""
        listed, page = {}, ""
        while True:
            reply = rest.request(server.http_port, "GET",
                                 f"/v1/runs?pageSize=1000&pageToken={page}", self.token).json()
            listed.update((run["id"], run) for run in reply["data"]["runs"])
            page = reply["data"]["nextPageToken"]
            if not page:
                break
        self.assertEqual(self.RUNS, len(listed))
        for run in range(self.RUNS):
            created, cancelled = answers[f"key-{run}-0"], answers[f"key-{run}-1"]
            self.assertEqual(created["id"], cancelled["id"])
            self.assertEqual(cancelled, listed[created["id"]])
            self.assertEqual(f"by-{run}", cancelled["triggeredBy"])
        sample = self.random.sample(sorted(listed), 50)
        for run_id in sample:
            events = rest.request(server.http_port, "GET", f"/v1/runs/{run_id}/events",
                                  self.token).json()["data"]["events"]
            self.assertEqual(["running", "cancelled"], [event["toStatus"] for event in events])
        run = self.random.randrange(self.RUNS)
        other = rest.request(server.http_port, "POST", "/v1/runs", self.token,
                             contract.new_run(triggeredBy="other"), key_header(f"key-{run}-0"))
        self.assertEqual(422, other.status, other.body)


class Options(unittest.TestCase):
    def test_a_time_that_is_none_or_out_of_bounds_is_refused(self):
        rows = (("59s", 'is not from 1m to 30d'), ("31d", 'is not from 1m to 30d'),
                ("0s", 'is not from 1m to 30d'), ("day", 'is no length of time'))
        for text, message in rows:
            done = runsctl("serve", "--store", "memory:", "--idempotency-ttl", text)
            self.assertEqual(2, done.returncode)
            self.assertIn(f'--idempotency-ttl: "{text}" {message}', done.stderr)


if __name__ == "__main__":
    unittest.main()
