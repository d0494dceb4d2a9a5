"""Sees that it is noticed when PostgreSQL no longer replicates what it commits.

synchronous_standby_names is emptied behind the servers' backs while the primary has lost its
standbys (Patroni, which is paused meanwhile, would do so without synchronous_mode_strict). Then the
primary dies, and a standby takes over. A server that looks (--require-replicas 1) must refuse changes
and lose nothing. One that does not (0) acknowledges what is lost, and the checker must say so.
"""

import os
import signal
import time

import checker
import failover
import prober
from cluster import NODES, Cluster

# In which a server must have noticed: it looks every second.
NOTICED_S = 2
# How long changes are made that nobody replicates; a standby that is gone is noticed after 5 s.
ALONE_S = 2.5


EMPTY = ("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()")
FULL = ("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")


class Answers:
    """Those of a prober, from now on."""

    def __init__(self, probe):
        self.probe = probe
        self.before = dict(probe.answers)

    def so_far(self):
        return {reason: n - self.before.get(reason, 0)
                for reason, n in dict(self.probe.answers).items()
                if n > self.before.get(reason, 0)}


def empty_names(cluster, primary, probe):
    """The standbys follow, but nobody waits for them any more. Returns the answers once a server
    must have looked, and has everything be as it was."""
    cluster.psql(primary, *EMPTY)
    time.sleep(NOTICED_S)
    answers = Answers(probe)
    time.sleep(1)
    found = answers.so_far()
    cluster.psql(primary, *FULL)
    again = time.monotonic()
    cluster.wait(lambda: probe.count_since(again) >= failover.RESUMED, "changes")
    return found


def lose_replication(cluster, primary, probe):
    """The primary goes on alone. Returns the answers of that time: also to changes that waited for
    a standby when the names were emptied, which PostgreSQL lets go as if it had confirmed them."""
    cluster.isolate(NODES, True)
    time.sleep(1)
    answers = Answers(probe)
    cluster.psql(primary, *EMPTY)
    time.sleep(ALONE_S)
    return answers.so_far()


def break_it(cluster, probe):
    """Returns the answers of both, when another node is the primary."""
    primary = cluster.node_that_is("primary")
    patroni = [cluster.pid_of(f"patroni{n}") for n in NODES]
    cluster.signal(patroni, signal.SIGSTOP)
    try:
        answers = empty_names(cluster, primary, probe), lose_replication(cluster, primary, probe)
        cluster.kill(cluster.pids(primary))
    finally:
        cluster.signal(patroni, signal.SIGCONT)
        cluster.isolate(NODES, False)
    cluster.wait(lambda: cluster.node_that_is("primary", besides=primary), "a new primary")
    return answers


def lost(options, require_replicas, tell):
    """Returns what the checker says, None if nothing, and the answers while nothing was
    replicated."""
    cluster = Cluster(options.ttl, require_replicas)
    os.environ["PGPASSFILE"] = str(cluster.folder / "passfile")
    try:
        one = failover.Round(cluster, 1, None, options.seed)
        token = one.token("canary", prober.ACTOR)
        probe = prober.Prober(cluster.http, token, one.now)
        try:
            cluster.wait(lambda: probe.count_since(0) >= failover.RESUMED, "the first changes")
            answers = break_it(cluster, probe)
            cluster.up()
            whole = time.monotonic()
            cluster.wait(lambda: probe.count_since(whole) >= failover.RESUMED, "changes")
        finally:
            probe.end()
        one.read(token, probe.recorded)
        said = None
        try:
            probe.check_refusals(probe.recorded.events)
            checker.check(probe.recorded)
        except checker.Violation as violation:
            said = str(violation).splitlines()[0]
        tell(f"--require-replicas {require_replicas}: answers while nobody waited for standbys: "
             f"{answers[0]}, while there were none: {answers[1]}; the checker: "
             f"{said or 'all explained'}")
        return said, answers
    finally:
        cluster.remove()


def run(options, tell):
    """Returns whether both were as they must be."""
    tell(f"seed {options.seed}, ttl {options.ttl} s")
    said, answers = lost(options, 1, tell)
    is_noticed = said is None and all(
        a.get("STORE_UNREACHABLE", 0) > 0 and not a.get("OK", 0) for a in answers)
    said, answers = lost(options, 0, tell)
    is_caught = said is not None and all(a.get("OK", 0) > 0 for a in answers)
    tell("runsd notices that changes are no longer replicated, and refuses them: "
         f"{'yes' if is_noticed else 'NO'}; the checker notices what a server loses that does not "
         f"look: {'yes' if is_caught else 'NO'}")
    return is_noticed and is_caught
