"""Starts a PostgreSQL of its own for tests: a cluster in a folder, reached by its unix socket alone."""

import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from harness import DEADLINE_S, runsctl

VERSION = 15
PROGRAMS = pathlib.Path(f"/usr/lib/postgresql/{VERSION}/bin")
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # nothing here loses its power
    "max_connections": "100",
    "logging_collector": "off",
}


def as_postgres():
    """What a command is run by: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


class Postgres:
    """A cluster with one database of a store's tables, unless it is_empty or not to be migrated. It
    ends with stop()."""

    def __init__(self, is_empty=False, migrated=True, **settings):
        self.settings = {**SETTINGS, **settings}
        # Short, since a socket's path may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="runsd-pg-", dir="/tmp"))
        self.user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.folder.chmod(0o755)
        self.data = self.folder / "data"
        try:
            self._make()
            self.start_again()
            self.url = f"postgres://{self.user}@/{self.user}?host={self.folder}"
            if is_empty:
                return
            if self.user != "postgres":
                self._run("createdb", "--host", self.folder, self.user)
            if migrated:
                self._migrate(self.url)
        except BaseException:
            self.stop()
            raise

    def _make(self):
        self._run("initdb", "--no-sync", "--auth=trust", f"--username={self.user}", "--pgdata",
                  self.data)

    def _run(self, name, *arguments):
        done = subprocess.run([*as_postgres(), PROGRAMS / name, *arguments],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              cwd=self.folder, timeout=DEADLINE_S, check=False)
        if done.returncode != 0:
            log = self.folder / "log"
            more = log.read_text() if log.exists() else ""
            raise AssertionError(f"{name}: {done.stderr.decode()}{more}")

    def database(self, name, migrated=True):
        """Makes another database of that name; returns its store's URL."""
        self._run("createdb", "--host", self.folder, f"--username={self.user}", name)
        url = f"postgres://{self.user}@/{name}?host={self.folder}"
        if migrated:
            self._migrate(url)
        return url

    @staticmethod
    def _migrate(url):
        made = runsctl("store", "migrate", "--store", url)
        if made.returncode != 0:
            raise AssertionError(f"store migrate: exit {made.returncode}: {made.stderr}")

    def control(self, *arguments):
        """pg_ctl with these arguments, such as "stop", "--mode=immediate"."""
        self._run("pg_ctl", "--wait", "--pgdata", self.data, *arguments)

    def start_again(self):
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        self.control("--log", self.folder / "log", "-o",
                     f"{options} -c unix_socket_directories={self.folder}", "start")

    def stop(self):
        if (self.data / "postmaster.pid").exists():
            self.control("stop", "--mode=immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, sql, database="postgres", **environment):
        """What a superuser's psql prints, unaligned."""
        done = subprocess.run([PROGRAMS / "psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-At", "-h",
                               self.folder, "-p", str(self.settings.get("port", 5432)), "-U",
                               self.user, "-d", database],
                              input=sql, text=True, capture_output=True, timeout=DEADLINE_S,
                              check=False, env={**os.environ, **environment})
        if done.returncode != 0:
            raise AssertionError(f"{sql}: {done.stderr}")
        return done.stdout.strip()


class Standby(Postgres):
    """Follows a primary, which it begins as a copy of."""

    def __init__(self, primary, **settings):
        self.primary = primary
        super().__init__(is_empty=True, **settings)

    def _make(self):
        self._run("pg_basebackup", "--host", self.primary.folder, "--port",
                  str(self.primary.settings.get("port", 5432)), "--username", self.user,
                  "--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--pgdata", self.data)
