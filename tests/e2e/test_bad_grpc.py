"""Bad input over gRPC: every method and field, and what is no message at all."""

import unittest

import grpc
from google.protobuf import json_format, struct_pb2

import bad_runs
import contract
import stubs
from harness import DEADLINE_S, create_token, serve_for
from tables import cases

Code = grpc.StatusCode
RUNS, TOKENS = "/runs.v1.RunsService/", "/runs.v1.TokensService/"


class Served(unittest.TestCase):
    """A server with one run; after each case it must be there as it was."""

    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        store = cls.place.store
        cls.tokens = {"good": cls.token, "reader": create_token(store, scopes="runs.read"),
                      "canceller": create_token(store, scopes="runs.cancel"),
                      "admin": create_token(store, scopes="tokens.admin", name="admin")}
        cls.channel = grpc.insecure_channel(
            cls.server.grpc, options=[("grpc.max_send_message_length", -1)])
        cls.addClassCleanup(cls.channel.close)
        cls.runs = stubs.service_grpc.RunsServiceStub(cls.channel)
        run = json_format.ParseDict(contract.new_run(id="earlier"), stubs.run_pb2.Run())
        cls.earlier = cls.runs.CreateRun(stubs.service_pb2.CreateRunRequest(run=run),
                                         metadata=stubs.bearer(cls.token), timeout=DEADLINE_S)

    def tearDown(self):
        run = self.runs.GetRun(stubs.service_pb2.GetRunRequest(id="earlier"),
                               metadata=stubs.bearer(self.token), timeout=DEADLINE_S)
        self.assertEqual(self.earlier, run)

    def call(self, path, request, token="good", metadata=None):
        """Calls with bytes or a message; returns the error it must end with."""
        if not isinstance(request, bytes):
            request = request.SerializeToString()
        if metadata is None:
            metadata = stubs.bearer(self.tokens[token])
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel.unary_unary(path)(request, metadata=metadata, timeout=DEADLINE_S)
        return caught.exception

    def check_error(self, error, code, reason, fragment=None):
        self.assertEqual(code, error.code(), error.details())
        if reason is not None:
            info = stubs.details(error)["ErrorInfo"]
            self.assertEqual(reason, info.reason, error.details())
            self.assertEqual("runs.v1", info.domain)
        if fragment is not None:
            violations = stubs.details(error).get("BadRequest")
            text = error.details() + str(violations or "")
            self.assertIn(fragment, text)


def nested(levels):
    """Bytes of a ListValue in a ListValue and so on."""
    value = b""
    for _ in range(levels):
        inner = b"\x0a" + varint(len(value)) + value  # ListValue.values
        value = b"\x32" + varint(len(inner)) + inner  # Value.list_value
    return value


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


# Run.propValues.fields["d"] nested deeper than any parser should follow.
TOO_DEEP = field(1, field(7, field(1, field(1, b"d") + field(2, nested(20000)))))


@cases([
    ("bytes that are no message", RUNS + "GetRun", b"\xff\xff\xff", Code.INVALID_ARGUMENT,
     "MESSAGE_MALFORMED"),
    ("a field cut short", RUNS + "CancelRun", b"\x0a\x7fabc", Code.INVALID_ARGUMENT,
     "MESSAGE_MALFORMED"),
    ("a string that is no UTF-8", RUNS + "CancelRun", field(1, b"earlier") + field(2, b"\xff"),
     Code.INVALID_ARGUMENT, None),
    ("an id that is no UTF-8", RUNS + "GetRun", field(1, b"\xff"), Code.INVALID_ARGUMENT, None),
    ("an id with a NUL", RUNS + "GetRun", field(1, b"earlier\x00x"), Code.INVALID_ARGUMENT, None),
    ("a message nested too deep", RUNS + "CreateRun", TOO_DEEP, Code.INVALID_ARGUMENT,
     "MESSAGE_MALFORMED"),
    ("a message beyond the limit", RUNS + "CancelRun", field(2, b"x" * (4 << 20)),
     Code.RESOURCE_EXHAUSTED, None),
    ("an unknown method", RUNS + "RenameRun", b"", Code.UNIMPLEMENTED, "METHOD_UNKNOWN"),
    ("an unknown service", "/runs.v2.RunsService/GetRun", b"", Code.UNIMPLEMENTED,
     "METHOD_UNKNOWN"),
])
class Bytes(Served):
    def check(self, path, request, code, reason):
        self.check_error(self.call(path, request), code, reason)


@cases([
    ("no metadata", (), "TOKEN_MISSING"),
    ("another scheme", (("authorization", "Basic YTpi"),), None),
    ("an empty token", (("authorization", "Bearer "),), None),
    ("an unknown token", (("authorization", "Bearer rst_" + "A" * 43),), "TOKEN_INVALID"),
    ("a very long token", (("authorization", "Bearer " + "A" * 4000),), "TOKEN_INVALID"),
    ("two tokens", (("authorization", "Bearer a"), ("authorization", "Bearer b")), None),
])
class Authentication(Served):
    def check(self, metadata, reason):
        for method in ("CreateRun", "GetRun", "ListRuns", "CancelRun", "ReportRun",
                       "ListRunEvents"):
            error = self.call(RUNS + method, b"", metadata=metadata)
            self.check_error(error, Code.UNAUTHENTICATED, reason)
        for method in ("CreateToken", "ListTokens", "RevokeToken", "RotateToken"):
            error = self.call(TOKENS + method, b"", metadata=metadata)
            self.check_error(error, Code.UNAUTHENTICATED, reason)


@cases([
    ("a reader creates", RUNS + "CreateRun", "reader", "runs.create"),
    ("a reader cancels", RUNS + "CancelRun", "reader", "runs.cancel"),
    ("a reader reports", RUNS + "ReportRun", "reader", "runs.report"),
    ("a canceller gets", RUNS + "GetRun", "canceller", "runs.read"),
    ("a canceller lists", RUNS + "ListRuns", "canceller", "runs.read"),
    ("a canceller reads events", RUNS + "ListRunEvents", "canceller", "runs.read"),
    ("a user makes tokens", TOKENS + "CreateToken", "good", "tokens.admin"),
    ("a user lists tokens", TOKENS + "ListTokens", "good", "tokens.admin"),
    ("a user revokes tokens", TOKENS + "RevokeToken", "good", "tokens.admin"),
    ("a user rotates tokens", TOKENS + "RotateToken", "good", "tokens.admin"),
    ("an administrator cancels", RUNS + "CancelRun", "admin", "runs.cancel"),
])
class Scopes(Served):
    def check(self, path, who, scope):
        error = self.call(path, b"", who)
        self.check_error(error, Code.PERMISSION_DENIED, "SCOPE_MISSING", None)
        self.assertEqual(scope, stubs.details(error)["ErrorInfo"].metadata["scope"])


def report(**changes):
    return stubs.service_pb2.ReportRunRequest(**{"id": "earlier", "status": 2, **changes})


def cancel(**changes):
    return stubs.service_pb2.CancelRunRequest(**changes)


def runs_list(**changes):
    return stubs.service_pb2.ListRunsRequest(**changes)


def bad_time():
    request = stubs.service_pb2.ListRunsRequest()
    request.started_after.seconds = 1 << 50
    return request


def total_cu(value):
    request = report()
    request.total_cu.value = value
    return request


@cases([
    ("report without a status", RUNS + "ReportRun", report(status=0), "status"),
    ("report of a status that is none", RUNS + "ReportRun", report(status=99), "status"),
    ("report of cancelled", RUNS + "ReportRun", report(status=5), "status"),
    ("report without an id", RUNS + "ReportRun", report(id=""), "id"),
    ("report of compute below 0", RUNS + "ReportRun", total_cu(-1), "totalCu"),
    ("report of infinite compute", RUNS + "ReportRun", total_cu(float("inf")), "totalCu"),
    ("report of compute that is no number", RUNS + "ReportRun", total_cu(float("nan")), "totalCu"),
    ("report with a reason of 1025 bytes", RUNS + "ReportRun", report(reason="x" * 1025), "1024"),
    ("cancel without an id", RUNS + "CancelRun", cancel(), "id"),
    ("cancel with a space in the id", RUNS + "CancelRun", cancel(id="a b"), "id"),
    ("cancel with an id of 129 bytes", RUNS + "CancelRun", cancel(id="x" * 129), "128"),
    ("cancel with a reason of 1025 bytes", RUNS + "CancelRun",
     cancel(id="earlier", reason="x" * 1025), "1024"),
    ("get without an id", RUNS + "GetRun", stubs.service_pb2.GetRunRequest(), "id"),
    ("get of two dots", RUNS + "GetRun", stubs.service_pb2.GetRunRequest(id=".."), "id"),
    ("events without an id", RUNS + "ListRunEvents", stubs.service_pb2.ListRunEventsRequest(),
     "id"),
    ("list with a page size below 0", RUNS + "ListRuns", runs_list(page_size=-1), "pageSize"),
    ("list with a made up page token", RUNS + "ListRuns", runs_list(page_token="x"), "pageToken"),
    ("list with an endless page token", RUNS + "ListRuns", runs_list(page_token="x" * 100000),
     "pageToken"),
    ("list of a status that is none", RUNS + "ListRuns", runs_list(status=[0]), "status"),
    ("list of an unknown status", RUNS + "ListRuns", runs_list(status=[1, 42]), "status"),
    ("list after a time out of range", RUNS + "ListRuns", bad_time(), "startedAfter"),
    ("create without a run", RUNS + "CreateRun", stubs.service_pb2.CreateRunRequest(), "run"),
])
class Requests(Served):
    def check(self, path, request, fragment):
        self.check_error(self.call(path, request), Code.INVALID_ARGUMENT, "FIELD_INVALID",
                         fragment)


@cases([
    ("get", "GetRun", stubs.service_pb2.GetRunRequest(id="ghost")),
    ("cancel", "CancelRun", cancel(id="ghost")),
    ("report", "ReportRun", report(id="ghost")),
    ("events", "ListRunEvents", stubs.service_pb2.ListRunEventsRequest(id="ghost")),
])
class Missing(Served):
    def check(self, method, request):
        error = self.call(RUNS + method, request)
        self.check_error(error, Code.NOT_FOUND, "RUN_NOT_FOUND", "ghost")
        self.assertEqual("ghost", stubs.details(error)["ResourceInfo"].resource_name)


def proto_run(change):
    """A new run with a row's change; what JSON spells otherwise is set by hand."""
    run = contract.new_run(id="fresh")
    run.update({k: v for k, v in change.items() if k != "status"})
    message = json_format.ParseDict(run, stubs.run_pb2.Run())
    if "status" in change:
        message.status = stubs.run_pb2.RUN_STATUS_SUCCESS
    return message


@cases(bad_runs.FIELDS)
class Fields(Served):
    def check(self, change, fragment):
        request = stubs.service_pb2.CreateRunRequest(run=proto_run(change))
        error = self.call(RUNS + "CreateRun", request)
        self.check_error(error, Code.INVALID_ARGUMENT, "FIELD_INVALID", fragment)
        self.assertTrue(stubs.details(error)["BadRequest"].field_violations)
        error = self.call(RUNS + "GetRun", stubs.service_pb2.GetRunRequest(id="fresh"))
        self.assertEqual(Code.NOT_FOUND, error.code())


def new_token(seconds=None, **changes):
    request = stubs.tokens_pb2.CreateTokenRequest(
        **{"organization_id": "acme", "scopes": ["runs.read"], **changes})
    if seconds is not None:
        request.expires_at.seconds = seconds
    return request


@cases([
    ("no organization", new_token(organization_id=""), "organization"),
    ("an organization with a space", new_token(organization_id="a b"), "organization"),
    ("an organization of 129 bytes", new_token(organization_id="x" * 129), "128"),
    ("a name with a slash", new_token(name="a/b"), "name"),
    ("no scope", new_token(scopes=[]), "scopes"),
    ("an unknown scope", new_token(scopes=["runs.rename"]), "runs.rename"),
    ("an expiry in the past", new_token(seconds=1), "expiresAt"),
    ("an expiry out of range", new_token(seconds=1 << 50), "expiresAt"),
])
class NewTokens(Served):
    def check(self, request, fragment):
        error = self.call(TOKENS + "CreateToken", request, "admin")
        self.check_error(error, Code.INVALID_ARGUMENT, "FIELD_INVALID", fragment)


class Others(Served):
    """What fits no table."""

    def test_a_token_name_that_is_taken(self):
        error = self.call(TOKENS + "CreateToken", new_token(name="admin"), "admin")
        self.check_error(error, Code.ALREADY_EXISTS, "TOKEN_ALREADY_EXISTS", "admin")

    def test_a_token_that_is_not_there(self):
        request = stubs.tokens_pb2.RevokeTokenRequest(organization_id="acme", name="ghost")
        error = self.call(TOKENS + "RevokeToken", request, "admin")
        self.check_error(error, Code.NOT_FOUND, "TOKEN_NOT_FOUND", "ghost")

    def test_an_executor_is_told_of_the_cancel_and_cannot_overwrite_it(self):
        run = proto_run({})
        run.id = "raced"
        metadata = stubs.bearer(self.token)
        self.runs.CreateRun(stubs.service_pb2.CreateRunRequest(run=run), metadata=metadata)
        self.runs.CancelRun(cancel(id="raced"), metadata=metadata)
        for status in (1, 2, 3, 4):
            error = self.call(RUNS + "ReportRun", report(id="raced", status=status))
            self.check_error(error, Code.FAILED_PRECONDITION, "RUN_ALREADY_FINISHED")
            self.assertEqual("cancelled", stubs.details(error)["ErrorInfo"].metadata["status"])

    def test_structs_are_kept_as_given(self):
        run = proto_run({})
        run.id = "kept"
        run.prop_values.CopyFrom(struct_pb2.Struct())
        run.prop_values.update({"amount": 5e-324, "": {"": [None, [], {}]}})
        created = self.runs.CreateRun(stubs.service_pb2.CreateRunRequest(run=run),
                                      metadata=stubs.bearer(self.token))
        self.assertEqual(run.prop_values, created.prop_values)


del Served  # it has no tests of its own
