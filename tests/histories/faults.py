"""What befalls a cluster (cluster.py): each fault is a generator. It does the harm up to its first
yield, which says to what; it goes on once changes are taken again, and heals what does not heal by
itself. FAULTS has them by name."""

import dataclasses
import signal
import time
import typing

from cluster import SERVERS


def kill(cluster, _rng):
    node = cluster.node_that_is("primary")
    cluster.kill(cluster.pids(node))
    yield f"node{node}"
    cluster.up()


def kill_postgres(cluster, _rng):
    """Patroni is left, and takes its time to start it again only if nobody else can take over."""
    node = cluster.node_that_is("primary")
    patroni = cluster.pid_of(f"patroni{node}")
    cluster.kill([pid for pid in cluster.pids(node) if pid != patroni])
    yield f"node{node}"


def freeze(cluster, rng):
    """Wakes up when another one is the primary, and believes that it still is."""
    node = cluster.node_that_is("primary")
    pids = cluster.pids(node)
    cluster.signal(pids, signal.SIGSTOP)
    try:
        yield f"node{node}"
        time.sleep(rng.uniform(0, 2))
    finally:
        cluster.signal(pids, signal.SIGCONT)


def cut(cluster, rng):
    """The primary alone: neither the others nor etcd nor runsd reach it."""
    node = cluster.node_that_is("primary")
    cluster.connect(node, False)
    try:
        yield f"node{node}"
        time.sleep(rng.uniform(0, 2))
    finally:
        cluster.connect(node, True)


def split(cluster, rng):
    """The primary and the standby that it waits for lose each other, and nobody else."""
    nodes = cluster.node_that_is("primary"), cluster.node_that_is("sync")
    cluster.isolate(nodes, True)
    try:
        yield "node{} and node{}".format(*nodes)
        time.sleep(rng.uniform(0, 2))
    finally:
        cluster.isolate(nodes, False)


def restart_etcd(cluster, rng):
    cluster.kill([cluster.pid_of("etcd")])
    time.sleep(rng.uniform(0.1, 6))
    cluster.up()
    yield "etcd"


def kill_runsd(cluster, rng):
    server = rng.choice(SERVERS)
    cluster.kill([cluster.pid_of(f"runsd{server}")])
    yield f"runsd{server}"
    time.sleep(rng.uniform(0, 4))
    cluster.up()


@dataclasses.dataclass(frozen=True)
class Fault:
    begin: typing.Callable
    weight: int  # how often in a round of all
    fails_over: bool  # another node must become the primary
    what: str


FAULTS = {
    "kill": Fault(kill, 3, True, "kill -9 of all of the primary's processes"),
    "kill-postgres": Fault(kill_postgres, 2, True, "kill -9 of the primary's PostgreSQL"),
    "freeze": Fault(freeze, 3, True, "SIGSTOP of the primary, SIGCONT when another one is"),
    "cut": Fault(cut, 3, True, "the primary's network is cut"),
    "split": Fault(split, 1, False, "replication to the synchronous standby is cut"),
    "etcd": Fault(restart_etcd, 1, False, "kill -9 of etcd, started again within 6 s"),
    "runsd": Fault(kill_runsd, 1, False, "kill -9 of a runsd, started again"),
}


def chosen(rng, wanted):
    """Names of faults without end: all of those that are wanted in turn, in no order."""
    while True:
        names = [name for name in wanted for _ in range(FAULTS[name].weight)]
        rng.shuffle(names)
        yield from names
