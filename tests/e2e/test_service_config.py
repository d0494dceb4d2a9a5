"""A gRPC client that takes protos/runs/v1/service_config.json retries what is safe, and
nothing else."""

import json
import pathlib
import re
import unittest
from concurrent import futures

import grpc

from harness import DEADLINE_S, ROOT

CONFIG = ROOT / "protos/runs/v1/service_config.json"
# Not the creations: made twice, these are two; RESOURCE_EXHAUSTED may be a connection's that
# the client lost.
REPEATED_CHANGES = {"runs.v1.RunsService/CancelRun", "runs.v1.RunsService/ReportRun",
                    "runs.v1.RunsService/ReleaseRun", "runs.v1.RunsService/AcknowledgeCancel",
                    "runs.v1.TokensService/RevokeToken", "runs.v1.TokensService/SetTokenLimits"}
# A renewal changes nothing that a second one would change again.
READS = {"runs.v1.RunsService/GetRun", "runs.v1.RunsService/ListRuns",
         "runs.v1.RunsService/ListRunEvents", "runs.v1.TokensService/ListTokens",
         "runs.v1.TokensService/GetCaller", "runs.v1.RunsService/RenewLeases",
         "runs.v1.RunsService/CountRuns", "runs.v1.BulkCancelsService/GetBulkCancel",
         "runs.v1.BulkCancelsService/ListBulkCancels",
         "runs.v1.BulkCancelsService/ListBulkCancelOutcomes",
         "runs.v1.OrganizationsService/GetOrganization",
         "runs.v1.OrganizationsService/GetStoreStats"}

CODES = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED,
         grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.INTERNAL)


def methods_of_protos():
    """Every method that the product's protos define."""
    found = set()
    for path in sorted((pathlib.Path(ROOT) / "protos/runs/v1").glob("*.proto")):
        text = path.read_text(encoding="utf-8")
        for service, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.M | re.S):
            found |= {f"runs.v1.{service}/{rpc}" for rpc in re.findall(r"^  rpc (\w+)", body, re.M)}
    return found


def config_entries():
    """{"package.Service/Method", or "package.Service" for the rest of its methods: the codes after
    which a call is repeated}."""
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    return {"/".join(name[key] for key in ("service", "method") if key in name):
            set(entry.get("retryPolicy", {}).get("retryableStatusCodes", ()))
            for entry in config["methodConfig"] for name in entry["name"]}


def codes_by_method():
    """The same of every method, one by one."""
    entries = config_entries()
    methods = methods_of_protos() | {name for name in entries if "/" in name}
    return {method: entries[method if method in entries else method.split("/")[0]]
            for method in methods}


class FailsOnce(grpc.GenericRpcHandler):
    """Answers each call's first attempt with a code, the others well."""

    def __init__(self, code):
        self.code = code
        self.attempts = 0

    def service(self, details):
        def answer(_request, context):
            self.attempts += 1
            if self.attempts == 1:
                context.abort(self.code, "once")
            return b""
        return grpc.unary_unary_rpc_method_handler(answer)


class ServiceConfig(unittest.TestCase):
    def test_names_only_methods_of_the_protos(self):
        self.assertEqual(set(), {name for name in config_entries() if "/" in name}
                         - methods_of_protos() - {"grpc.health.v1.Health/Check"})

    def test_what_it_does_not_name_is_not_repeated(self):
        entries = config_entries()
        for service in {method.split("/")[0] for method in methods_of_protos()}:
            self.assertEqual(set(), entries[service])

    def test_only_reads_are_repeated_when_the_outcome_may_be_unknown(self):
        for method, codes in codes_by_method().items():
            with self.subTest(method):
                is_read = method in READS or method == "grpc.health.v1.Health/Check"
                wanted = {"UNAVAILABLE", "RESOURCE_EXHAUSTED"} if is_read else (
                    {"RESOURCE_EXHAUSTED"} if method in REPEATED_CHANGES else set())
                self.assertEqual(wanted, codes)

    def attempt(self, method, code):
        """Calls a server that fails once; returns how the call ended and how often it was tried."""
        handler = FailsOnce(code)
        server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[handler])
        # A server each: channels to one share a budget of retries.
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        options = [("grpc.service_config", CONFIG.read_text(encoding="utf-8"))]
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}", options) as channel:
                channel.unary_unary(f"/{method}")(b"", timeout=DEADLINE_S)
                return grpc.StatusCode.OK, handler.attempts
        except grpc.RpcError as e:
            return e.code(), handler.attempts
        finally:
            server.stop(0).wait()

    def test_a_client_repeats_each_call_as_it_says(self):
        for method, codes in codes_by_method().items():
            for code in CODES:
                with self.subTest(method, code=code.name):
                    wanted = (grpc.StatusCode.OK, 2) if code.name in codes else (code, 1)
                    self.assertEqual(wanted, self.attempt(method, code))


if __name__ == "__main__":
    unittest.main()
