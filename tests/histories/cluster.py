"""The cluster of deploy/local-ha, started in a folder, and what can be done to it."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import storm  # first: it says where the modules are

from harness import ROOT, bin_dir

LOCAL_HA = ROOT / "deploy" / "local-ha"
NODES = (1, 2, 3)
SERVERS = (1, 2)
# In which a cluster that was disturbed must be whole again.
WHOLE_S = 120
# After which its Patroni is given a push.
PATIENCE_S = 40


def settings_of(folder):
    """What up chose: {NAME: [value, ...]}."""
    found = {}
    for line in (folder / "settings").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        found[name] = value.strip("()").split()
    return found


def status_of(host, port, path):
    """The HTTP status of a page; None: nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def page_of(host, port, path):
    """A page's JSON; empty: nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def is_alive(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Cluster:
    """Three nodes, etcd and, unless bare, two runsd and a gateway."""

    def __init__(self, ttl, require_replicas=1, bare=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-ha-", dir="/tmp"))
        self.options = ["--require-replicas", str(require_replicas)]
        self.nudges = 0  # how often Patroni had to be started again
        self.hosts = ()
        self.bare = bare
        try:
            self.up("--namespaces", "--ttl", str(ttl))
        except BaseException:
            self.leave()
            raise
        self.settings = settings = settings_of(self.folder)
        self.hosts = settings["HOSTS"]
        self.network = next(iter((self.folder / "network").read_text().split()))
        self.grpc = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in settings["GRPC_PORTS"])
        self.http = f"127.0.0.1:{settings['HTTP_PORT'][0]}"

    def up(self, *options):
        """Starts whatever does not run; returns when changes are taken."""
        more = ["--cluster"] if self.bare else []
        for left in (2, 1, 0):
            done = subprocess.run([LOCAL_HA / "up", "--wait", str(PATIENCE_S), *self.options, *more,
                                   *options, self.folder],
                                  capture_output=True, text=True, check=False,
                                  env={**os.environ, "RUNSD_BIN_DIR": str(bin_dir())})
            if done.returncode == 0:
                break
            if left == 0 or not self.hosts:
                raise AssertionError(f"up ended with {done.returncode}: {done.stderr}")
            self.nudge()
        self.store = next(line.split()[1] for line in done.stdout.splitlines()
                          if line.startswith("  store "))

    def down(self):
        subprocess.run([LOCAL_HA / "down", self.folder], check=True)

    def leave(self):
        """Ends it, but leaves its folder for whoever wants to know why."""
        for n in NODES:
            self.signal(self.pids(n), signal.SIGCONT)
        if (self.folder / "settings").exists():
            self.down()

    def remove(self):
        self.leave()
        shutil.rmtree(self.folder)

    def environment(self):
        """With the passwords, for runsctl and psql."""
        return {**os.environ, "PGPASSFILE": str(self.folder / "passfile")}

    # --- What it is ---

    def asks(self, n, path):
        """Whether Patroni of a node says so: "primary", "sync", "replica"."""
        return status_of(self.hosts[n - 1], 8008, f"/{path}") == 200

    def node_that_is(self, path, besides=None):
        return next((n for n in NODES if n != besides and self.asks(n, path)), None)

    def standbys_of(self, primary):
        """How many follow it. An old primary is a replica for a moment before it is rewound."""
        told = page_of(self.hosts[primary - 1], 8008, "/patroni")
        return sum(standby.get("state") == "streaming" for standby in told.get("replication", []))

    def is_whole(self):
        """Whether all of it runs, so that one failure more can do no harm."""
        primary, standby = self.node_that_is("primary"), self.node_that_is("sync")
        return primary is not None and standby is not None and all(
            self.asks(n, "replica") for n in NODES if n != primary) and self.standbys_of(
                primary) == len(NODES) - 1 and (self.bare or all(
                status_of("127.0.0.1", int(port), "/readyz") == 200
                for port in [*self.settings["ADMIN_PORTS"], *self.settings["HTTP_PORT"]]))

    def nudge(self):
        """Ends Patroni of the primary, for up to start it again, as an operator would: 3.0.2 may
        say for ever that somebody else has updated the key of the synchronous standby, once its own
        update of it was answered late."""
        self.nudges += 1
        primary = self.node_that_is("primary")
        if primary is not None:
            self.kill([self.pid_of(f"patroni{primary}")])

    def become_whole(self):
        """Waits until it is."""
        for _ in range(3):
            try:
                self.wait(self.is_whole, "a whole cluster", PATIENCE_S)
                return
            except AssertionError:
                self.nudge()
                self.up()
        self.wait(self.is_whole, "a whole cluster")

    def wait(self, condition, what, seconds=WHOLE_S):
        end = time.monotonic() + seconds
        while not (found := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come within {seconds} s: see {self.folder}")
            time.sleep(0.05)
        return found

    # --- What is done to it ---

    def pids(self, n):
        """All processes of a node."""
        network = self.folder / "network"
        if not network.exists():
            return []
        done = subprocess.run(["ip", "netns", "pids", f"{network.read_text().strip()}-{n}"],
                              capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]

    def pid_of(self, name):
        return int((self.folder / "pids" / name).read_text().split()[0])

    def kill(self, pids):
        """kill -9; returns when they have ended, so that up sees it."""
        self.signal(pids, signal.SIGKILL)
        self.wait(lambda: not any(map(is_alive, pids)), "the end of what was killed")

    def signal(self, pids, number):
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def postmaster(self, n):
        path = self.folder / f"node{n}" / "data" / "postmaster.pid"
        return int(path.read_text().splitlines()[0])

    def connect(self, n, is_connected):
        """Plugs a node's only cable in, or pulls it out."""
        subprocess.run(["ip", "link", "set", f"{self.network}-{n}",
                        "up" if is_connected else "down"], check=True)

    def isolate(self, nodes, is_isolated):
        """These nodes reach etcd and runsd, and are reached by them, but not each other."""
        for n in nodes:
            subprocess.run(["ip", "link", "set", f"{self.network}-{n}", "type", "bridge_slave",
                            "isolated", "on" if is_isolated else "off"], check=True)

    def psql(self, n, *statements):
        """Runs statements on a node, as a superuser; returns what they print."""
        commands = [word for s in statements for word in ("-c", s)]
        done = subprocess.run(
            ["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", self.hosts[n - 1],
             "-U", "postgres", *commands, "postgres"],
            capture_output=True, text=True, check=True, timeout=20, env=self.environment())
        return done.stdout.strip()
