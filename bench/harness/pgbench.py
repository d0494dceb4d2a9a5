"""The peer of the store in PostgreSQL: pgbench, which does the same to a table of runs by one
statement each."""

import os
import re

from harness import processes

DATABASE, FILLED = "peer", "peer_filled"
# One table, as one would make it at first: a row holds all of a run, and a key leads to it.
TABLE = """CREATE TABLE run(organization text NOT NULL, id int8 NOT NULL, workflow_id text NOT NULL,
  status int2 NOT NULL, sequence int8 NOT NULL, started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL, spec text NOT NULL, PRIMARY KEY(organization, id))"""
SPEC_BYTES = 1300
FILL = """INSERT INTO run SELECT 'bench', i, 'workflow-rebalance', 1, 1, now(), now(),
  left(repeat(md5(i::text), {0} / 32 + 1), {0}) FROM generate_series(0, {1} - 1) AS i"""
# Each client has runs of its own, one after the other, which are anywhere in the table.
NEXT = "\\set run :run + 1\n\\set id permute(:first + :client_id * :each + :run, :runs, 1)\n"
UPDATE = NEXT + """UPDATE run SET status=5, sequence=sequence+1, updated_at=clock_timestamp()
  WHERE organization='bench' AND id=:id AND status IN (1, 2) RETURNING *;
"""
SELECT = """\\set id random(0, :runs - 1)
SELECT * FROM run WHERE organization='bench' AND id=:id;
"""
NOTHING = "SELECT 1;\n"
SHARE = 0.8  # of the runs are those of many clients, the rest are one client's
TPS = re.compile(r"^tps = ([\d.]+) \(without", re.MULTILINE)
DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)


def parse(text):
    """Returns (transactions, transactions a second)."""
    done, tps = DONE.search(text), TPS.search(text)
    if not done or not tps or int(done.group(1)) == 0:
        raise processes.BenchError("pgbench carried out nothing")
    return int(done.group(1)), float(tps.group(1))


class Pgbench:
    """The table in a server of its own database, and how much of it was used."""

    def __init__(self, server, runs, clients):
        self._server = server
        self._runs = runs
        self._clients = clients
        self._many = int(runs * SHARE) // clients  # runs of each of the clients
        self._used = {}
        for name, text in (("update", UPDATE), ("select", SELECT), ("nothing", NOTHING)):
            path = self._path(name)
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            os.chmod(path, 0o644)
        server.query("postgres", f"CREATE DATABASE {FILLED}")
        server.query(FILLED, TABLE)
        server.query(FILLED, FILL.format(SPEC_BYTES, runs))
        server.settle(FILLED)

    def _path(self, name):
        return os.path.join(self._server.folder, name + ".sql")

    def renew(self):
        """Makes all runs running again."""
        self._server.copy_database(FILLED, DATABASE)
        self._used = {True: 0, False: 0}

    def has(self, clients, count):
        """Whether so many runs are left for an update of so many clients."""
        each = self._many if clients > 1 else self._runs - self._many * self._clients
        return self._used[clients > 1] + count / clients * 1.3 < each

    def _run(self, name, clients, limit, *definitions):
        text = self._server.pgbench(
            DATABASE, "--no-vacuum", "--protocol=prepared", f"--client={clients}",
            f"--jobs={min(clients, 2)}", f"--file={self._path(name)}", f"--define=runs={self._runs}",
            *limit, *definitions)
        return parse(text)

    def connect(self, clients):
        """Has so many clients connect and do nothing."""
        self._run("nothing", clients, ["--transactions=1"])

    def select(self, clients, seconds):
        """Returns (statements, statements a second)."""
        return self._run("select", clients, [f"--time={seconds:.0f}"])

    def update(self, clients, seconds):
        """The same, of updates."""
        many = clients > 1
        first = self._used[many] + (0 if many else self._many * self._clients)
        each = self._many if many else 0
        done, rate = self._run("update", clients, [f"--time={seconds:.0f}"],
                               f"--define=first={first}", f"--define=each={each}",
                               "--define=run=-1")
        self._used[many] += int(done / clients * 1.3) + 1
        return done, rate

    def updated(self):
        """How many runs are final."""
        return int(self._server.query(DATABASE, "SELECT count(*) FROM run WHERE status=5"))
