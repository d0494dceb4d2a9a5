"""The public contract of a run and its envelope, and runs to test with."""

import copy
import re

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$")
NUMBER = (int, float)

# Keys in order, with their JSON types.
RUN = [
    ("executionState", dict), ("finishedAt", str), ("id", str), ("isDustTest", bool),
    ("isSimulation", bool), ("organizationId", str), ("propValues", dict),
    ("simulationForks", list), ("simulationMode", str), ("sourceRunId", str), ("startedAt", str),
    ("status", str), ("totalCu", NUMBER), ("triggerSource", str), ("triggeredBy", str),
    ("workflowDefinition", dict), ("workflowId", str), ("workflowVersion", int),
]
FORK = [("chainId", int), ("forkId", str), ("rpcUrl", str)]
DEFINITION = [("blockExpansions", dict), ("inputSchema", list), ("nodes", dict)]
INPUT = [("description", str), ("key", str), ("required", bool), ("type", str)]
ENVELOPE = [("code", int), ("data", dict), ("message", str), ("requestId", str)]

NEW_RUN = {
    "executionState": {"step": "settle", "ünïcode": ["ключ", {"deep": [1, 2.5, None, True]}]},
    "isDustTest": True,
    "isSimulation": True,
    "propValues": {"amount": 12.5, "memo": "a \"quoted\" line\nand another", "tags": ["x"]},
    "simulationForks": [{"chainId": 11297108109, "forkId": "palm", "rpcUrl": "http://127.0.0.1:1"}],
    "simulationMode": "fork",
    "sourceRunId": "earlier-run",
    "triggerSource": "schedule",
    "triggeredBy": "alice",
    "workflowDefinition": {
        "blockExpansions": {"settle": {"by": 3}},
        "inputSchema": [
            {"description": "How much", "key": "amount", "required": True, "type": "number"},
            {"description": "Why", "key": "memo", "required": False, "type": "string"},
        ],
        "nodes": {"root": {"type": "manual", "children": ["settle"]},
                  "settle": {"type": "transfer", "children": []}},
    },
    "workflowId": "payout",
    "workflowVersion": 9007199254740993,
}


def new_run(**changes):
    run = copy.deepcopy(NEW_RUN)
    run.update(changes)
    return run


def check_object(test, value, keys, where, absent=()):
    """Exactly these keys, in this order, of these types."""
    expected = [k for k, _ in keys if k not in absent]
    test.assertEqual(expected, list(value.keys()), where)
    for key, kind in keys:
        if key in absent:
            continue
        test.assertIsInstance(value[key], kind, f"{where}.{key}")
        if kind is not bool:
            test.assertNotIsInstance(value[key], bool, f"{where}.{key}")


def check_run(test, run, final):
    check_object(test, run, RUN, "data", absent=() if final else ("finishedAt",))
    test.assertRegex(run["startedAt"], TIME)
    if final:
        test.assertRegex(run["finishedAt"], TIME)
        test.assertGreaterEqual(run["finishedAt"][:19], run["startedAt"][:19])
    for fork in run["simulationForks"]:
        check_object(test, fork, FORK, "data.simulationForks[]")
    check_object(test, run["workflowDefinition"], DEFINITION, "data.workflowDefinition")
    for field in run["workflowDefinition"]["inputSchema"]:
        check_object(test, field, INPUT, "data.workflowDefinition.inputSchema[]")


def check_success(test, reply, final):
    """The envelope of a 200 reply that holds a run; returns the run."""
    check_object(test, reply, ENVELOPE, "reply")
    test.assertEqual(200, reply["code"])
    test.assertEqual("success", reply["message"])
    test.assertTrue(reply["requestId"])
    check_run(test, reply["data"], final)
    return reply["data"]


def check_cancelled(test, reply, run_id, given):
    """A cancel's whole reply: every key, in order, and every value that was given."""
    run = check_success(test, reply, final=True)
    test.assertEqual("cancelled", run["status"])
    test.assertEqual(run_id, run["id"])
    for key, value in given.items():
        test.assertEqual(value, run[key], key)


def check_error(test, reply, status, reason=None, grpc_status=None, fragment=None):
    """The envelope of an error."""
    body = reply.json()
    test.assertEqual(status, reply.status, reply.body[:300])
    expected = ["code", "message", "requestId", "error"]
    test.assertEqual(sorted(expected), sorted(body.keys()), reply.body[:300])
    test.assertEqual(status, body["code"])
    test.assertTrue(body["message"])
    test.assertTrue(body["requestId"])
    test.assertEqual(body["requestId"], reply.headers["X-Request-Id"])
    test.assertTrue(reply.headers["Content-Type"].startswith("application/json"))
    if reason is not None:
        test.assertEqual(reason, body["error"].get("reason"), reply.body[:300])
    if grpc_status is not None:
        test.assertEqual(grpc_status, body["error"].get("status"))
    if fragment is not None:
        test.assertIn(fragment, reply.body.decode(), "the error does not name it")
