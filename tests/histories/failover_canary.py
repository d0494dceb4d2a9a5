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
from harness import create_token

# How long changes are made that nobody replicates; a standby that is gone is noticed after 5 s.
ALONE_S = 2.5


def lose_replication(cluster, probe):
    """The primary goes on alone, and dies; returns the answers of the time between."""
    primary = cluster.node_that_is("primary")
    patroni = [cluster.pid_of(f"patroni{n}") for n in NODES]
    cluster.signal(patroni, signal.SIGSTOP)
    cluster.isolate(NODES, True)
    time.sleep(1)  # changes that wait for a standby
    before = dict(probe.answers)
    cluster.psql(primary, "ALTER SYSTEM SET synchronous_standby_names = ''",
                 "SELECT pg_reload_conf()")
    time.sleep(ALONE_S)
    after = dict(probe.answers)
    cluster.signal(cluster.pids(primary), signal.SIGKILL)
    cluster.signal(patroni, signal.SIGCONT)
    cluster.isolate(NODES, False)
    cluster.wait(lambda: cluster.node_that_is("primary", besides=primary), "a new primary")
    return {reason: n - before.get(reason, 0) for reason, n in after.items()
            if n > before.get(reason, 0)}


def lost(options, require_replicas, tell):
    """Returns what the checker says, None if nothing, and the answers while nothing was
    replicated."""
    cluster = Cluster(options.ttl, require_replicas)
    os.environ["PGPASSFILE"] = str(cluster.folder / "passfile")
    try:
        one = failover.Round(cluster, 1, None, options.seed)
        token = create_token(cluster.store, org="canary", name=prober.ACTOR)
        probe = prober.Prober(cluster.http, token, one.now)
        try:
            cluster.wait(lambda: probe.count_since(0) >= failover.RESUMED, "the first changes")
            answers = lose_replication(cluster, probe)
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
        tell(f"--require-replicas {require_replicas}: answers while nothing was replicated: "
             f"{answers}; the checker: {said or 'all explained'}")
        return said, answers
    finally:
        cluster.remove()


def run(options, tell):
    """Returns whether both were as they must be."""
    tell(f"seed {options.seed}, ttl {options.ttl} s")
    said, answers = lost(options, 1, tell)
    is_noticed = said is None and answers.get("STORE_UNREACHABLE", 0) > 0 and \
        not answers.get("OK", 0)
    said, answers = lost(options, 0, tell)
    is_caught = said is not None and answers.get("OK", 0) > 0
    tell("runsd notices that changes are no longer replicated, and refuses them: "
         f"{'yes' if is_noticed else 'NO'}; the checker notices what a server loses that does not "
         f"look: {'yes' if is_caught else 'NO'}")
    return is_noticed and is_caught
