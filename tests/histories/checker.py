"""Decides whether what clients saw of runs, and the runs' events, can be explained by the model.

usage: checker.py FILE; FILE is a history as history.py writes it. Prints what is wrong, or counts.

For each run by itself (linearizability is local): is there one order of its operations and of the
server's own changes such that

 - each operation takes effect at one instant between its invocation and its return; one whose
   outcome is unknown takes effect at one instant after its invocation, or never,
 - each answer is what the model answers at that instant,
 - the changes, in that order, are the run's events, all of them and nothing else,
 - no event takes effect before its own time `at`, which the server took before it stored it.

The events fix the order of the changes, so the search is small: a configuration is the number of
events that have happened, and which of the operations in flight took effect. At each return it
lets everything happen that may have, and keeps the configurations in which that operation took
effect (Lowe's just-in-time linearization). Nothing left: no order exists.

Beside it, what linearizability does not say: promised lease ends are kept, an event's time lies in
its operation's interval, revisions of the organization have no gap and follow real time, and no
deadline, lease end or waiting acquirer was forgotten.
"""

import collections
import sys

import history
import model

# How far the clocks of events and of intervals may be apart (CLOCK_REALTIME against a fixed offset
# to CLOCK_MONOTONIC, which are slewed alike).
CLOCK_SLACK_US = 2_000

# How long a run may be there for a waiting acquirer that does not get it.
WAKEUP_US = 3_000_000

# Of how many operations of a run a violation speaks.
MOST_TOLD = 60


class Violation(Exception):
    """Something that no order explains."""


class RunChecker:
    """Checks one run: its operations, a list of history.Operation, and its events."""

    def __init__(self, run, operations, events, clock_slack_us=CLOCK_SLACK_US):
        self.run = run
        self.operations = [o for o in operations if o.call["op"] != "acquire_waited"]
        self.waits = [o for o in operations if o.call["op"] == "acquire_waited"]
        self.events = events
        self.slack_us = clock_slack_us
        self.promised = None
        self.states = [model.NOWHERE]
        self.replay()

    def fail(self, text, until=None):
        raise Violation(f"run {self.run}: {text}\n{self.describe(until)}")

    def describe(self, until):
        """The run's events and, up to an instant, the last of its operations, for people."""
        told = [o for o in self.operations if until is None or o.invoked <= until]
        told = sorted(told, key=lambda o: o.invoked)[-MOST_TOLD:]
        lines = [(e.at, f"  event {i + 1} at {e.at}: {e.change()} revision {e.revision}")
                 for i, e in enumerate(self.events)]
        lines += [(o.invoked, f"  [{o.invoked}, {o.returned}] {o.call} -> {o.outcome}")
                  for o in told]
        lines.append((0, f"  {self.terms()}"))
        return "\n".join(text for _, text in sorted(lines, key=lambda line: line[0]))

    def terms(self):
        """Those of the creation. All creations of one run are asked with the same terms."""
        asked = [o.call.get("terms", {}) for o in self.operations if o.call["op"] == "create"]
        return model.Terms(**asked[0]) if asked else model.Terms()

    def replay(self):
        """The states between the events; that each is allowed is for the search."""
        terms = self.terms()
        newest = 0
        for i, event in enumerate(self.events):
            state = self.states[-1]
            if event.at < newest:
                self.fail(f"event {i + 1} is older than the one before")
            newest = event.at
            if event.from_status != state.status:
                self.fail(f"event {i + 1} starts from {event.from_status or 'nothing'}, "
                          f"the run was {state.status or 'not there'}")
            if state.is_final() and event.kind != model.STOPPED:
                self.fail(f"event {i + 1} comes after the final status")
            if event.attempt < state.attempt or event.attempt > state.attempt + 1:
                self.fail(f"the attempt goes from {state.attempt} to {event.attempt}")
            self.states.append(model.after(state, event, terms))

    def effect(self, at, operation):
        """How many events have happened after the operation took effect where `at` had; None: it
        cannot take effect there."""
        step = model.step(self.states[at], operation.call)
        outcome = operation.outcome
        if step.change is None:
            state = self.states[at]
            is_so = outcome is None or matches(step.answer(state), outcome) or (
                operation.call["op"] == "renew" and self.is_ending(state, operation))
            return at if is_so else None
        if at == len(self.events) or self.events[at].change() != step.change:
            return None
        if outcome is not None and not matches(step.answer(self.states[at + 1]), outcome):
            return None
        return at + 1

    def is_ending(self, state, renewal):
        """Whether a renewal may be told that the lease is lost though the event of it is not there
        yet: the lease has run out by then, and the server no longer renews it."""
        return (renewal.outcome["code"] == "OK" and renewal.outcome["state"] == "lost" and
                state.holder and renewal.outcome["attempt"] == state.attempt and
                self.promises().get(state.attempt, 0) <= renewal.returned)

    def promises(self):
        """attempt -> until when its holder was told that it has the run."""
        if self.promised is None:
            self.promised = {}
            for o in self.operations:
                if o.outcome is not None and o.outcome.get("lease_end"):
                    attempt = o.outcome["attempt"]
                    self.promised[attempt] = max(self.promised.get(attempt, 0),
                                                 o.outcome["lease_end"])
        return self.promised

    def expand(self, configurations, pending, now):
        """Everything that may have happened by `now`: configurations are (events that happened,
        operations of pending that took effect)."""
        seen = set()
        stack = list(configurations)
        while stack:
            at, done = stack.pop()
            still = [o for o in pending if o.outcome is not None and o.number not in done
                     and self.effect(at, o) == at]
            # What can change nothing may as well take effect at once.
            done |= {o.number for o in still if not may_change(o)}
            if (at, done) in seen:
                continue
            seen.add((at, done))
            stack += [(at, done | {o.number}) for o in still if may_change(o)]
            if at == len(self.events) or self.events[at].at > now + self.slack_us:
                continue
            stack += [(at + 1, done | {o.number}) for o in pending
                      if o.number not in done and self.effect(at, o) == at + 1]
            if model.server_may(self.states[at], self.events[at]) is None:
                stack.append((at + 1, done))
        return seen

    def check_order(self):
        points = [(o.invoked, 0, o.number, o) for o in self.operations]
        points += [(o.returned, 1, o.number, o) for o in self.operations if o.returned is not None]
        configurations = {(0, frozenset())}
        pending = []
        for now, is_return, number, operation in sorted(points, key=lambda p: p[:3]):
            if not is_return:
                pending.append(operation)
                continue
            reached = self.expand(configurations, pending, now)
            configurations = {(at, done - {number}) for at, done in reached if number in done}
            if not configurations:
                self.fail(f"no order explains [{operation.invoked}, {operation.returned}] "
                          f"{operation.call} -> {operation.outcome}; by its return "
                          f"{sorted({at for at, _ in reached})} events can have happened",
                          operation.returned)
            pending.remove(operation)
        reached = self.expand(configurations, pending, float("inf"))
        most = max(at for at, _ in reached)
        if most < len(self.events):
            why = model.server_may(self.states[most], self.events[most])
            self.fail(f"event {most + 1} is nobody's: no operation makes it, nor may the server: "
                      f"{why}")

    def check_reads(self):
        """What ListRunEvents answered in the middle is how the run's events begin."""
        for o in self.operations:
            read = (o.outcome or {}).get("events")
            if read is not None and read != [[*e.change(), e.at] for e in self.events[:len(read)]]:
                self.fail(f"the events read in [{o.invoked}, {o.returned}] are not its first "
                          f"{len(read)}: {read}")

    def check_promises(self, starts=()):
        """No lease ends before what its holder was promised, nor sooner after a start of the server
        (an instant each) than it lasts."""
        lasts = {}  # attempt -> the shortest duration that was asked for
        for o in self.operations:
            if o.call.get("lease_us") and (o.outcome or {}).get("attempt"):
                attempt = o.outcome["attempt"]
                lasts[attempt] = min(lasts.get(attempt, 1 << 62), o.call["lease_us"])
        for event in self.events:
            if event.kind != model.LEASE_LOST:
                continue
            early = self.promises().get(event.attempt, 0) - event.at
            if early > 0:
                self.fail(f"the lease of attempt {event.attempt} ended at {event.at}, {early} us "
                          "before what was promised")
            start = max((s for s in starts if s <= event.at), default=0)
            acquired = min(e.at for e in self.events if e.attempt == event.attempt)
            least = lasts.get(event.attempt, 0)
            if acquired < start and event.at < start + least:
                self.fail(f"the lease of attempt {event.attempt} ended {event.at - start} us after "
                          f"a start of the server, and lasts {least}")

    def check_times(self):
        """The time of an event lies in the interval of the operation that made it; which one that
        was says its reason, where that is of one operation alone."""
        by_reason = collections.defaultdict(list)
        for o in self.operations:
            if o.call.get("reason"):
                by_reason[o.call["reason"]].append(o)
        for event in self.events:
            made_by = by_reason.get(event.reason, [])
            if len(made_by) != 1 or event.actor == model.SERVER:
                continue
            o = made_by[0]
            until = float("inf") if o.returned is None else o.returned
            if not o.invoked - self.slack_us <= event.at <= until + self.slack_us:
                self.fail(f"the time {event.at} of {event.change()} is not in "
                          f"[{o.invoked}, {o.returned}]")

    def check_end(self, end, patience_us):
        """At the end of a history whose server was left alone for patience_us and more, nothing is
        overdue."""
        state = self.states[-1]
        if 0 < state.due() < end - patience_us:
            self.fail(f"its deadline was {end - state.due()} us ago, and it is {state.status}")
        leases = [o.outcome["lease_end"] for o in self.operations
                  if o.outcome and o.outcome.get("attempt") == state.attempt
                  and o.outcome.get("lease_end")]
        if state.holder and leases and max(leases) < end - patience_us:
            self.fail(f"the lease of attempt {state.attempt} ended {end - max(leases)} us ago, "
                      "and nobody ended it")

    def open_spans(self):
        """When the run could be acquired: (from, until) by the events' times."""
        spans, since = [], None
        for event, state in zip(self.events, self.states[1:]):
            if state.is_open() and since is None:
                since = event.at
            elif not state.is_open() and since is not None:
                spans.append((since, event.at))
                since = None
        return spans if since is None else spans + [(since, float("inf"))]

    def check_wakeups(self, quiet, patience_us=WAKEUP_US):
        """Nobody waited for this run while it could be acquired: quiet(from, until) says whether
        the server was left alone then."""
        for o in self.waits:
            for since, until in self.open_spans():
                since, until = max(since, o.invoked), min(until, o.returned)
                if until - since > patience_us and quiet(since, until):
                    self.fail(f"it could be acquired for {until - since} us while {o.call} waited "
                              f"for it in [{o.invoked}, {o.returned}] and got nothing")


def may_change(operation):
    """Whether an operation of this outcome may have changed the run: refusals, reads and what was
    answered before do not."""
    return (operation.call["op"] in model.CHANGES and operation.outcome["code"] == "OK" and
            not operation.outcome.get("replayed"))


def matches(wanted, outcome):
    return all(outcome.get(key) == value for key, value in wanted.items())


def check_revisions(events_by_run, operations):
    """The organization's events are numbered 1, 2, 3 and so on; and what returned before something
    else was called has the smaller number."""
    numbered = sorted((e.revision, run, i + 1, e) for run, events in events_by_run.items()
                      for i, e in enumerate(events))
    for wanted, (revision, run, sequence, _) in enumerate(numbered, 1):
        if revision != wanted:
            raise Violation(f"event {sequence} of run {run} has revision {revision}, not {wanted}")
    made_by = {}
    for o in operations:
        if o.call.get("reason"):
            made_by.setdefault(o.call["reason"], []).append(o)
    latest = None
    for revision, run, _, event in numbered:
        if event.actor == model.SERVER or len(made_by.get(event.reason, ())) != 1:
            continue
        o = made_by[event.reason][0]
        if latest is not None and o.returned is not None and o.returned < latest.invoked:
            raise Violation(f"revision {revision} of run {run} was answered before one with a "
                            f"smaller revision was called:\n  {o}\n  {latest}")
        if latest is None or o.invoked > latest.invoked:
            latest = o
    return len(numbered)


def check(recorded):
    """Checks a history.History; raises Violation, or returns the counts of runs, operations and
    events."""
    by_run = collections.defaultdict(list)
    for o in recorded.operations:
        if o.run is not None:
            by_run[o.run].append(o)
    # An acquisition of whatever is there, whose outcome is unknown, may have taken any run once.
    for o in (o for o in recorded.operations if o.run is None and o.outcome is None):
        for run, events in recorded.events.items():
            if any(e.kind == model.ACQUIRED and e.holder == o.call["holder"] for e in events):
                by_run[run].append(o)
    for run in sorted(set(by_run) | set(recorded.events)):
        checker = RunChecker(run, by_run[run], recorded.events.get(run, []))
        checker.check_order()
        checker.check_reads()
        checker.check_times()
        checker.check_promises(recorded.starts)
        if recorded.end:
            checker.check_end(recorded.end, recorded.patience_us)
        checker.check_wakeups(recorded.was_quiet)
    count = check_revisions(recorded.events, recorded.operations)
    return len(by_run), len(recorded.operations), count


def main(arguments):
    if len(arguments) != 1:
        sys.exit(__doc__)
    try:
        runs, operations, events = check(history.read(arguments[0]))
    except Violation as violation:
        sys.exit(str(violation))
    print(f"{runs} runs, {operations} operations, {events} events: explained")


if __name__ == "__main__":
    main(sys.argv[1:])
