"""A PostgreSQL of the benchmark's own: a cluster in a folder, reached by its unix socket alone."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile
import time

from harness import processes

VERSION = 15
PROGRAMS = pathlib.Path(f"/usr/lib/postgresql/{VERSION}/bin")
# None comes while it is measured: each page that changes first behind a checkpoint goes into the
# log whole, and who is measured first would pay for it.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "2GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1d",
    "max_connections": "200",
    "logging_collector": "off",
}
FOLDER = "/var/tmp"  # short, since a socket's path may have 107 bytes; and no tmpfs
SECONDS = 600
END_SECONDS = 10


def as_postgres():
    """What a program of PostgreSQL's is run by: it refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


class PostgresServer:
    """A running cluster. It ends with stop()."""

    def __init__(self):
        if not (PROGRAMS / "postgres").exists():
            raise processes.BenchError(f"there is no {PROGRAMS}/postgres: install postgresql-"
                                       f"{VERSION}")
        self.folder = tempfile.mkdtemp(prefix="runsd-bench-pg-", dir=FOLDER)
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._data = os.path.join(self.folder, "data")
        try:
            if os.geteuid() == 0:
                shutil.chown(self.folder, "postgres", "postgres")
            os.chmod(self.folder, 0o755)
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self):
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={self.user}", "--pgdata",
                  self._data)
        options = " ".join(f"-c {name}='{value}'" for name, value in SETTINGS.items())
        log = os.path.join(self.folder, "log")
        self._run("pg_ctl", "--wait", "--pgdata", self._data, "--log", log, "-o",
                  f"{options} -c unix_socket_directories={self.folder}", "start")

    def _run(self, name, *arguments):
        """Runs a program of PostgreSQL's; returns what it printed."""
        # What pg_ctl starts has its output: a pipe would not end before the server does.
        with tempfile.TemporaryFile() as out:
            done = subprocess.run([*as_postgres(), str(PROGRAMS / name), *arguments], stdout=out,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                  cwd=self.folder, timeout=SECONDS, check=False)
            out.seek(0)
            text = out.read().decode(errors="replace")
        if done.returncode != 0:
            lines = text.strip().splitlines() or [f"status {done.returncode}"]
            raise processes.BenchError(f"{name} failed: {lines[-1]}")
        return text

    def url(self, database):
        return f"postgres://{self.user}@/{database}?host={self.folder}"

    def pgbench(self, database, *arguments):
        """Runs pgbench on the database; returns what it printed, once its sessions have ended."""
        before = len(self._children())
        text = self._run("pgbench", "--host", self.folder, "--username", self.user, *arguments,
                         database)
        deadline = time.monotonic() + END_SECONDS
        while len(self._children()) > before and time.monotonic() < deadline:
            time.sleep(0.05)
        return text

    def query(self, database, sql):
        """Runs SQL; returns what it says, without headings."""
        return self._run("psql", "--host", self.folder, "--username", self.user, "--dbname",
                         database, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only",
                         "--set", "ON_ERROR_STOP=1", "--command", sql).strip()

    def copy_database(self, source, to):
        """Has database to be what source is, to which nobody is connected."""
        self.query("postgres", f"DROP DATABASE IF EXISTS {to} WITH (FORCE)")
        self.query("postgres", f"CREATE DATABASE {to} TEMPLATE {source} STRATEGY wal_log")

    def settle(self, database):
        """Makes up what filling left behind."""
        self.query(database, "VACUUM (FREEZE, ANALYZE)")

    def checkpoint(self):
        self.query("postgres", "CHECKPOINT")

    def _pid(self):
        with open(os.path.join(self._data, "postmaster.pid"), encoding="ascii") as file:
            return int(file.readline())

    def cpu_seconds(self):
        """CPU time of all processes of the cluster, also of those that ended."""
        first = self._pid()
        while True:
            ended = processes.cpu_seconds_of_children(first)
            running = sum(map(processes.cpu_seconds_or_0, [first, *self._children()]))
            if processes.cpu_seconds_of_children(first) == ended:
                return ended + running  # else one may have ended between the looks

    def _children(self):
        first = self._pid()
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        return [pid for pid in pids if processes.parent(pid) == first]

    def stop(self):
        if os.path.exists(os.path.join(self._data, "postmaster.pid")):
            self._run("pg_ctl", "--wait", "--pgdata", self._data, "stop", "--mode=immediate")
        shutil.rmtree(self.folder, ignore_errors=True)
