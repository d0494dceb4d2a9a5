"""A history: what clients asked and were answered, and the events of the runs at its end.

A file of it has one JSON object a line:

  {"operation": {"run": "r1", "invoked": 17, "returned": 25, "call": {"op": "cancel", ...},
                 "outcome": {"code": "OK", ...}}}   returned and outcome null: unknown
  {"events": {"run": "r1", "events": [{"kind": "created", ...}, ...]}}
  {"server": {"start": 12}}            when it was started, or went on after a long pause
  {"server": {"from": 30, "until": 45}}    when it was disturbed
  {"end": {"at": 99, "patience_us": 4000000}}   when the events were read, and how much too late may
                                                be what the server does by itself

Instants are microseconds since the epoch. Which keys calls and outcomes have, model.py says.
"""

import dataclasses
import json

import model


@dataclasses.dataclass(frozen=True)
class Operation:
    """One call, as far as it is about one run. run None: an acquisition of any run."""
    number: int
    run: str
    call: dict
    invoked: int
    returned: int = None
    outcome: dict = None

    def __hash__(self):
        return self.number


@dataclasses.dataclass
class History:
    operations: list = dataclasses.field(default_factory=list)
    events: dict = dataclasses.field(default_factory=dict)  # run -> [model.Event]
    starts: list = dataclasses.field(default_factory=list)
    disturbed: list = dataclasses.field(default_factory=list)  # (from, until)
    end: int = 0
    patience_us: int = 0

    def add(self, run, call, invoked, returned=None, outcome=None):
        self.operations.append(Operation(len(self.operations), run, call, invoked, returned,
                                         outcome))

    def was_quiet(self, since, until):
        """Whether the server was left alone from since until until."""
        return not any(a <= until and since <= b for a, b in self.disturbed)


def read(path):
    found = History()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for kind, value in json.loads(line).items():
                if kind == "operation":
                    found.add(value["run"], value["call"], value["invoked"], value["returned"],
                              value["outcome"])
                elif kind == "events":
                    found.events[value["run"]] = [model.Event(**e) for e in value["events"]]
                elif kind == "server" and "start" in value:
                    found.starts.append(value["start"])
                elif kind == "server":
                    found.disturbed.append((value["from"], value["until"]))
                elif kind == "end":
                    found.end, found.patience_us = value["at"], value["patience_us"]
                else:
                    raise ValueError(f"{path}: unknown line {kind!r}")
    return found


def write(history, path):
    with open(path, "w", encoding="utf-8") as file:
        def put(kind, value):
            file.write(json.dumps({kind: value}) + "\n")
        for start in history.starts:
            put("server", {"start": start})
        for since, until in history.disturbed:
            put("server", {"from": since, "until": until})
        for o in history.operations:
            put("operation", {"run": o.run, "invoked": o.invoked, "returned": o.returned,
                              "call": o.call, "outcome": o.outcome})
        for run, events in history.events.items():
            put("events", {"run": run, "events": [dataclasses.asdict(e) for e in events]})
        put("end", {"at": history.end, "patience_us": history.patience_us})
