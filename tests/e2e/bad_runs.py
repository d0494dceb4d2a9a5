"""New runs that must be refused, for REST and gRPC alike.

Rows: name, change of contract.new_run(), what the error names.
"""

from contract import NEW_RUN

NODES = NEW_RUN["workflowDefinition"]["nodes"]


def definition(**changes):
    value = {**NEW_RUN["workflowDefinition"], **changes}
    return {"workflowDefinition": {k: v for k, v in value.items() if v is not None}}


def schema(*fields, props=None):
    change = definition(inputSchema=[{"key": "k", "type": "string", **f} for f in fields])
    return {**change, "propValues": props or {}}


WRONG_TYPES = [("string", 1), ("number", "1"), ("boolean", "true"), ("object", []), ("array", {}),
               ("string", None), ("number", True)]

FIELDS = [
    ("id with a space", {"id": "a b"}, "id"),
    ("id with a slash", {"id": "a/b"}, "id"),
    ("id beyond ASCII", {"id": "ä"}, "id"),
    ("id of 129 bytes", {"id": "x" * 129}, "128"),
    ("id is one dot", {"id": "."}, "id"),
    ("id is two dots", {"id": ".."}, "id"),
    ("status is given", {"status": "success"}, "status"),
    ("startedAt is given", {"startedAt": "2026-01-01T00:00:00Z"}, "startedAt"),
    ("finishedAt is given", {"finishedAt": "2026-01-01T00:00:00Z"}, "finishedAt"),
    ("organizationId of another", {"organizationId": "globex"}, "organizationId"),
    ("totalCu below 0", {"totalCu": -1}, "totalCu"),
    ("totalCu is infinite", {"totalCu": "Infinity"}, "totalCu"),
    ("totalCu is no number", {"totalCu": "NaN"}, "totalCu"),
    ("no workflowDefinition", {"workflowDefinition": None}, "workflowDefinition"),
    ("no nodes", definition(nodes=None), "workflowDefinition.nodes"),
    ("empty nodes", definition(nodes={}), "workflowDefinition.nodes"),
    ("no root", definition(nodes={"settle": NODES["settle"]}), "root"),
    ("root is no object", definition(nodes={"root": "manual"}), "workflowDefinition.nodes.root"),
    ("root without type", definition(nodes={"root": {}}), "workflowDefinition.nodes.root.type"),
    ("root of another type", definition(nodes={"root": {"type": "cron"}}),
     "workflowDefinition.nodes.root.type"),
    ("root's type is a number", definition(nodes={"root": {"type": 1}}),
     "workflowDefinition.nodes.root.type"),
    ("child that is not there",
     definition(nodes={"root": {"type": "manual", "children": ["ghost"]}}), "ghost"),
    ("child of another node that is not there",
     definition(nodes={**NODES, "settle": {"type": "x", "children": ["root", "ghost"]}}),
     "workflowDefinition.nodes.settle.children"),
    ("children is no array", definition(nodes={"root": {"type": "manual", "children": "settle"}}),
     "workflowDefinition.nodes.root.children"),
    ("child is a number", definition(nodes={"root": {"type": "manual", "children": [1]}}),
     "workflowDefinition.nodes.root.children"),
    ("input of an unknown type", schema({"type": "integer"}), "integer"),
    ("input without a type", schema({"type": ""}), "inputSchema"),
    ("input without a key", schema({"key": ""}), "key"),
    ("two inputs of one key", schema({}, {}), "inputSchema"),
    ("required input is missing", schema({"required": True}), "propValues"),
    ("required input is null", schema({"required": True}, props={"k": None}), "propValues"),
    *[(f"input {value!r} is no {kind}", schema({"type": kind}, props={"k": value}), "propValues")
      for kind, value in WRONG_TYPES],
]
