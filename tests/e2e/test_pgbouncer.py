"""Two servers over PostgreSQL behind Debian's PgBouncer, set up by what docs/OPERATING.md prints: they
serve as they do without it, and go on where a standby has become the primary."""

import concurrent.futures
import os
import re
import subprocess
import threading
import unittest

import stubs
from bulk import STATE, BulkCaller, pb as bulk_pb
from harness import DEADLINE_S, ROOT, Process, create_token, runsctl, wait_until
from leases import Refused, STATUS, lease_pb
from postgres import Postgres, Standby, as_postgres
from test_many_servers import Server
from test_stream_proxies import free_port

PAGE = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")
CHAPTER = PAGE.split("\n### PgBouncer\n", 1)[1].split("\n### ", 1)[0]
ROLES = (ROOT / "deploy" / "local-ha" / "roles.sql").read_text(encoding="utf-8")
INI, LIST, COMMAND, SETTINGS = re.findall(r"^```\w*\n(.*?)^```$", CHAPTER, re.M | re.S)
CLIENTS = 8
RUNS = 25

HBA = """
local all {user} trust
local replication {user} trust
local runs runsd scram-sha-256
host runs runsd 127.0.0.1/32 scram-sha-256
host runs runs_owner 127.0.0.1/32 scram-sha-256
"""


class PgBouncer(Process):
    """Before one PostgreSQL, with the printed settings; all but places is theirs."""

    def __init__(self, postgres, userlist):
        self.port = free_port()
        ini = INI
        for printed, ours in (("/var/run/postgresql port=5432",
                               f"{postgres.folder} port={postgres.settings['port']}"),
                              ("listen_addr = *", "listen_addr = 127.0.0.1"),
                              ("6432", str(self.port)),
                              ("/etc/pgbouncer/userlist.txt", str(userlist))):
            if printed not in ini:
                raise AssertionError(f"{printed} is not printed")
            ini = ini.replace(printed, ours)
        path = postgres.folder / "pgbouncer.ini"
        path.write_text(ini, encoding="utf-8")
        path.chmod(0o644)
        super().__init__(*as_postgres(), "/usr/sbin/pgbouncer", str(path))


class Case(unittest.TestCase):
    def setUp(self):
        password = {"OWNER_PASSWORD": "o-secret", "RUNSD_PASSWORD": "r-secret"}
        address = {"listen_addresses": "127.0.0.1"}
        self.primary = Postgres(is_empty=True, port=free_port(), **address)
        self.addCleanup(self.primary.stop)
        self.primary.query(ROLES, **password)
        (self.primary.data / "pg_hba.conf").write_text(HBA.format(user=self.primary.user),
                                                       encoding="utf-8")
        self.primary.control("reload")
        passfile = self.primary.folder / "passfile"
        passfile.write_text("*:*:*:runs_owner:o-secret\n*:*:*:runsd:r-secret\n", encoding="utf-8")
        passfile.chmod(0o600)
        self.set_environment("PGPASSFILE", str(passfile))
        self.standby = Standby(self.primary, port=free_port(), synchronous_standby_names="",
                               **address)
        self.addCleanup(self.standby.stop)
        self.primary.query("ALTER SYSTEM SET synchronous_standby_names='*'")
        self.primary.control("reload")
        self.primary.query(SETTINGS)
        self.direct = ",".join(f"127.0.0.1:{pg.settings['port']}"
                               for pg in (self.standby, self.primary))
        done = runsctl("store", "migrate", "--store",
                       f"postgres://runs_owner@{self.direct}/runs?target_session_attrs=read-write")
        self.assertEqual(0, done.returncode, done.stderr)
        userlist = self.primary.folder / "userlist.txt"
        sql = re.search(r'-Atc "(.*)" >', LIST).group(1).replace('\\"', '"')
        userlist.write_text(self.primary.query(sql) + "\n", encoding="utf-8")
        self.poolers = [PgBouncer(pg, userlist) for pg in (self.standby, self.primary)]
        for pooler in self.poolers:
            self.addCleanup(pooler.kill)
            wait_until(lambda p=pooler: "process up" in p.text(), "PgBouncer")
        urls = re.findall(r'"(postgres:.*?)"', COMMAND)
        pooled = ",".join(f"127.0.0.1:{pooler.port}" for pooler in self.poolers)
        self.store = urls[0].replace("db1:6432,db2:6432,db3:6432", pooled)
        self.direct_url = urls[1].replace("db1,db2,db3", self.direct)
        self.assertNotIn("db", self.store + self.direct_url)
        self.token = create_token(self.direct_url, name="pooled")
        self.servers = [self.start() for _ in range(2)]

    def set_environment(self, name, value):
        before = os.environ.get(name)
        os.environ[name] = value
        self.addCleanup(lambda: os.environ.__setitem__(name, before) if before is not None
                        else os.environ.pop(name))

    def start(self):
        server = Server(self.store, "--store-direct-url", self.direct_url)
        self.addCleanup(lambda: server.popen.poll() is None and server.stop())
        return server

    def caller(self, server):
        caller = BulkCaller(server.address, self.token)
        self.addCleanup(caller.close)
        return caller


class Pooled(Case):
    def test_all_is_served(self):
        here, there = map(self.caller, self.servers)
        watch = here.stub.WatchRuns(stubs.feed_pb2.WatchRunsRequest(), metadata=here.metadata,
                                    timeout=DEADLINE_S)
        seen = []
        reader = threading.Thread(target=lambda: self.read(watch, seen, 2 * CLIENTS * RUNS))
        reader.start()

        def work(n):
            one, other = (here, there) if n % 2 else (there, here)
            for i in range(RUNS):
                one.create(f"r-{n}-{i}")
                other.cancel(f"r-{n}-{i}")
                self.assertEqual(STATUS["cancelled"], one.get(f"r-{n}-{i}").status)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(work, range(CLIENTS)))
        reader.join(DEADLINE_S)
        self.assertEqual(list(range(1, 2 * CLIENTS * RUNS + 1)), seen)
        here.create_leased("leased")
        self.assertEqual(1, there.acquire("w", seconds=30)[0].attempt)
        self.assertEqual(lease_pb.LEASE_STATE_HELD, here.renew("w", ("leased", 1))[0].state)
        here.create_many(f"b{n}" for n in range(200))
        job = there.cancel_runs(filter=bulk_pb.RunFilter(workflow_id="wf"))
        self.assertEqual(STATE["done"], here.finished(job.id).state)
        self.assertEqual(1, sum(server.is_on_duty() for server in self.servers))
        # Their sessions come from the pool, none of the standby is used, and no statement is named.
        self.assertEqual("runsd", self.primary.query(
            "SELECT DISTINCT usename FROM pg_stat_activity WHERE client_addr IS NULL AND"
            " datname='runs' AND usename<>current_user"))
        self.assertEqual("0", self.primary.query(
            "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            " AND state_change<clock_timestamp()-interval '5 s'"))
        for server in self.servers:
            self.assertEqual(0, server.stop(), server.tail())
            self.assertEqual([], [l for l in server.lines if l["level"] in ("warn", "error")])

    def read(self, watch, seen, count):
        for message in watch:
            if message.WhichOneof("item") == "change":
                seen.append(message.change.revision)
                if len(seen) == count:
                    break
        watch.cancel()

    def test_a_session_of_the_pool_has_the_settings(self):
        settings = re.findall(r"^ALTER ROLE runsd SET (\w+) = (\w+);$", SETTINGS, re.M)
        self.assertEqual(len(SETTINGS.strip().splitlines()), len(settings))
        for name, value in settings:
            if name.startswith("tcp_"):
                continue  # a unix socket has none
            done = subprocess.run(["psql", "-At", "-c", f"SELECT setting FROM pg_settings WHERE"
                                   f" name='{name}'", self.store], capture_output=True,
                                  text=True, timeout=DEADLINE_S, check=True)
            self.assertEqual(value, done.stdout.strip(), name)

    def test_they_go_on_where_a_standby_has_become_the_primary(self):
        here, there = map(self.caller, self.servers)
        ids = here.create_many(f"r{n}" for n in range(200))
        for run_id in ids[::2]:
            there.cancel(run_id)
        self.primary.control("stop", "--mode=immediate")
        self.standby.control("promote")

        def is_cancelled(caller, run_id):
            try:
                return caller.cancel(run_id).status == STATUS["cancelled"]
            except Refused as refusal:
                self.assertIn(refusal.code, (stubs.grpc.StatusCode.UNAVAILABLE,
                                             stubs.grpc.StatusCode.FAILED_PRECONDITION))
                return refusal.reason == "RUN_ALREADY_FINISHED"  # of an answer that was lost

        for caller, run_id in ((here, ids[1]), (there, ids[3])):
            wait_until(lambda c=caller, r=run_id: is_cancelled(c, r), "a primary")
        found = here.statuses()
        self.assertEqual(set(ids), set(found))
        for run_id in ids[::2]:
            self.assertEqual(STATUS["cancelled"], found[run_id], run_id)
        wait_until(lambda: sum(server.is_on_duty() for server in self.servers) == 1, "one on duty")


if __name__ == "__main__":
    unittest.main()
