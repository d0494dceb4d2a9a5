"""What a run may do: the status table and the lease table as one small model, written from the
protos' comments and not from the product's code. Pure.

A run is a value (State). What a client asks for (an operation) either changes the run by exactly
one event or answers without changing it; the server changes it by itself when a deadline passed or
a lease ended. Instants are microseconds since the epoch, 0 is "none".
"""

import dataclasses

RUNNING, WAITING, SUCCESS, FAILURE, CANCELLED = (
    "running", "waiting", "success", "failure", "cancelled")
ACTIVE = (RUNNING, WAITING)
FINAL = (SUCCESS, FAILURE, CANCELLED)

# The kinds of events.
CREATED, STATUS_CHANGED, ACQUIRED, RELEASED, LEASE_LOST, STOPPED = (
    "created", "status_changed", "acquired", "released", "lease_lost", "stopped")

# Who the server is in events that it makes by itself, and why it makes them.
SERVER = "runsd"
TIMEOUT_REASON = "TIMEOUT"
LEASE_LOST_REASON = "LEASE_LOST"


@dataclasses.dataclass(frozen=True)
class Terms:
    """What CreateRun fixed about a run."""
    dispatch: str = "external"  # or "lease"
    fails_on_lease_loss: bool = False
    on_timeout: str = FAILURE
    timeout_us: int = 0
    waiting_timeout_us: int = 0


@dataclasses.dataclass(frozen=True)
class Event:
    """One event of a run, as ListRunEvents gives it; sequence is its place, from 1."""
    kind: str
    from_status: str  # empty: the creation
    to_status: str
    attempt: int
    holder: str
    actor: str
    reason: str
    at: int = 0
    revision: int = 0

    def change(self):
        """All but when: what an operation determines."""
        return (self.kind, self.from_status, self.to_status, self.attempt, self.holder, self.actor,
                self.reason)


@dataclasses.dataclass(frozen=True)
class State:
    """A run between two events. Without a status: it does not exist."""
    status: str = ""
    terms: Terms = Terms()
    attempt: int = 0
    holder: str = ""
    timeout_at: int = 0
    waiting_until: int = 0
    finished_at: int = 0
    finished_by: str = ""
    finished_why: str = ""
    stopped_at: int = 0
    sequence: int = 0
    reasons: frozenset = frozenset()  # of the events that clients caused

    def is_final(self):
        return self.status in FINAL

    def is_open(self):
        """Whether AcquireRuns may take it."""
        return self.status in ACTIVE and self.terms.dispatch == "lease" and not self.holder

    def due(self):
        """From when on the server may end it; 0: never."""
        dues = [at for at in (self.timeout_at, self.waiting_until) if at]
        return min(dues) if dues and self.status in ACTIVE else 0


NOWHERE = State()


def after(state, event, terms):
    """The state after an event that was found allowed in state; terms are those of its creation."""
    new = dataclasses.replace(state, status=event.to_status, sequence=state.sequence + 1)
    if event.kind == CREATED:
        new = dataclasses.replace(new, terms=terms, attempt=event.attempt, holder=event.holder,
                                  timeout_at=event.at + terms.timeout_us if terms.timeout_us else 0)
    elif event.kind == ACQUIRED:
        new = dataclasses.replace(new, attempt=event.attempt, holder=event.holder)
    elif event.kind in (RELEASED, LEASE_LOST):
        new = dataclasses.replace(new, holder="")
    elif event.kind == STOPPED:
        new = dataclasses.replace(new, stopped_at=event.at)
    elif event.to_status == WAITING and state.terms.waiting_timeout_us:
        new = dataclasses.replace(new, waiting_until=event.at + state.terms.waiting_timeout_us)
    elif event.to_status == RUNNING:
        new = dataclasses.replace(new, waiting_until=0)
    if event.actor != SERVER and event.reason:
        new = dataclasses.replace(new, reasons=state.reasons | {event.reason})
    if new.is_final() and not state.is_final():
        new = dataclasses.replace(new, holder="", waiting_until=0, finished_at=event.at,
                                  finished_by=event.actor, finished_why=event.reason)
    return new


# --- Answers: what a reply must say, as a dictionary. A reply may say more. ---

def as_run(state):
    """OK with the run as it is."""
    return {"code": "OK", "status": state.status, "attempt": state.attempt,
            "holder": state.holder, "finished_at": state.finished_at}


def refused(reason, **metadata):
    return {"code": "FAILED_PRECONDITION", "reason": reason, **metadata}


NOT_FOUND = {"code": "NOT_FOUND"}


def finished(state, **metadata):
    return refused("RUN_ALREADY_FINISHED", status=state.status, finished_at=state.finished_at,
                   **metadata)


def changed(state):
    return {"code": "ABORTED", "reason": "RUN_CHANGED", "status": state.status,
            "sequence": state.sequence, "finished_at": state.finished_at}


def stale(state):
    return refused("ATTEMPT_STALE", attempt=state.attempt, status=state.status,
                   finished_at=state.finished_at)


class Step:
    """What an operation does in a state: the event's change, None if it changes nothing, and its
    answer, a function of the state after it."""

    def __init__(self, answer, change=None):
        self.answer = answer if callable(answer) else lambda _state: answer
        self.change = change


def _event(state, kind, to_status, operation, **more):
    values = {"attempt": state.attempt, "holder": state.holder, "actor": operation.get("actor", ""),
              "reason": operation.get("reason", ""), **more}
    return Event(kind, state.status, to_status, **values).change()


def create(state, operation):
    if state.status:
        return Step({"code": "ALREADY_EXISTS"})
    holder = operation.get("holder", "")
    return Step(as_run, _event(state, CREATED, RUNNING, operation, reason="", holder=holder,
                               attempt=1 if holder else 0))


def get(state, _operation):
    return Step(lambda s: {**as_run(s), "stopped_at": s.stopped_at} if s.status else NOT_FOUND)


def events(state, _operation):
    """ListRunEvents; the checker compares the events themselves with the run's."""
    return Step({"code": "OK", "count": state.sequence} if state.status else NOT_FOUND)


def was_done(state, operation):
    """Whether the very same request, which has a key, was carried out before: all under one key
    have its reason, and nothing else has."""
    return "key" in operation and operation["reason"] in state.reasons


def again(state):
    """OK with the run as it is, marked as the answer of an earlier request."""
    return {**as_run(state), "replayed": True}


def first(operation):
    """OK with the run as it is, not so marked."""
    return lambda state: {**as_run(state), **({"replayed": False} if "key" in operation else {})}


def cancel(state, operation):
    if not state.status:
        return Step(NOT_FOUND)
    if was_done(state, operation):
        return Step(again)
    if operation.get("expected", 0) not in (0, state.sequence):
        return Step(changed(state))
    if state.is_final():
        return Step(finished(state, actor=state.finished_by))
    return Step(first(operation), _event(state, STATUS_CHANGED, CANCELLED, operation))


def saw_stop(state, operation):
    """That a CancelRun which waited has a stopped_at in its reply: the run has it."""
    if not state.stopped_at:
        return Step({"code": ""})
    return Step({"code": "OK", "stopped_at": state.stopped_at})


def report(state, operation):
    """One of progress has no key: nothing tells whether it was carried out."""
    if not state.status:
        return Step(NOT_FOUND)
    if was_done(state, operation):
        return Step(again)
    if operation["attempt"] != state.attempt:
        return Step(stale(state))
    if state.is_final():
        return Step(finished(state, actor=state.finished_by))
    if operation["status"] == state.status:
        return Step(as_run)  # progress
    return Step(first(operation), _event(state, STATUS_CHANGED, operation["status"], operation))


def acquire(state, operation):
    """AcquireRuns that took this run, or did so if its outcome is unknown."""
    if not state.is_open():
        return Step({"code": ""})  # never the answer of a call that has the run in its reply
    return Step(as_run, _event(state, ACQUIRED, state.status, operation, reason="",
                               attempt=state.attempt + 1, holder=operation["holder"]))


def acquire_none(state, _operation):
    """AcquireRuns that asked for this run alone, without a wait, and got nothing."""
    return Step({"code": "OK" if not state.is_open() else ""})


def renew(state, operation):
    if not state.status:
        return Step({"code": "OK", "state": "not_found"})
    if state.is_final():
        return Step({"code": "OK", "state": "finished", "status": state.status,
                     "attempt": state.attempt, "actor": state.finished_by,
                     "reason": state.finished_why})
    is_held = (state.attempt, state.holder) == (operation["attempt"], operation["holder"])
    return Step({"code": "OK", "state": "held" if is_held and state.holder else "lost",
                 "attempt": state.attempt})


def release(state, operation):
    if not state.status:
        return Step(NOT_FOUND)
    if operation["attempt"] != state.attempt:
        return Step(stale(state))
    if state.is_final():
        return Step(finished(state))
    if not state.holder:
        return Step(refused("RUN_NOT_HELD", attempt=state.attempt, status=state.status))
    return Step(as_run, _event(state, RELEASED, state.status, operation))


def acknowledge(state, operation):
    if not state.status:
        return Step(NOT_FOUND)
    if operation["attempt"] != state.attempt:
        return Step(stale(state))
    if state.status != CANCELLED:
        return Step(refused("RUN_NOT_CANCELLED", status=state.status))
    def answer(after_it):
        return {**as_run(after_it), "stopped_at": after_it.stopped_at}
    if state.stopped_at:
        return Step(answer)
    return Step(answer, _event(state, STOPPED, CANCELLED, operation))


OPERATIONS = {f.__name__: f for f in (create, get, events, cancel, saw_stop, report, acquire,
                                      acquire_none, renew, release, acknowledge)}
# Those that can change a run.
CHANGES = ("create", "cancel", "report", "acquire", "release", "acknowledge")


def step(state, operation):
    """What the operation, {"op": its name, its arguments}, does in state."""
    return OPERATIONS[operation["op"]](state, operation)


def server_may(state, event):
    """Whether the server may make event by itself in state; None, or why it may not be."""
    if event.actor != SERVER:
        return "its actor is not the server"
    if state.status not in ACTIVE:
        return f"the run is {state.status or 'not there'}"
    by_server = {"actor": SERVER}
    if event.kind == LEASE_LOST and state.holder:
        to_status = FAILURE if state.terms.fails_on_lease_loss else state.status
        wanted = _event(state, LEASE_LOST, to_status, {**by_server, "reason": LEASE_LOST_REASON})
        return None if event.change() == wanted else f"it must be {wanted}"
    if event.kind == STATUS_CHANGED and state.due():
        wanted = _event(state, STATUS_CHANGED, state.terms.on_timeout,
                        {**by_server, "reason": TIMEOUT_REASON})
        if event.change() != wanted:
            return f"it must be {wanted}"
        return None if event.at >= state.due() else f"it is {state.due() - event.at} us too early"
    return "nothing is due and no lease can end"
