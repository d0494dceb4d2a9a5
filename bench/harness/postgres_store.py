"""Our servers over a store in PostgreSQL: a gateway and one or two runsd."""

import os
import random

from harness import deployment, fill, processes, run_pool

TOKENS = "tokens"
OTHER_GRPC = "unix:grpc2.sock"
# Tokens as the server makes them (server/auth/token.h), whose hashes it stores; made here, since
# runsctl makes one at a time.
TOKEN = "rst_{:043d}"
ADD_TOKENS = """INSERT INTO token SELECT ('{0}-' || i)::bytea, name, client_san,
  sha256(('rst_' || lpad(i::text, 43, '0'))::bytea), scopes, created_at, expires_at, revoked_at,
  last_used_at, rotations, rotated_at, previous_hash, previous_created_at, previous_expires_at,
  previous_last_used_at, denials, refusals, limit_reads, limit_changes, limit_bytes, limit_streams
  FROM token, generate_series(0, {1} - 1) AS i;
UPDATE store SET token_changes=token_changes+1"""


class PostgresStore(deployment.Deployment):
    """A filled store, all of whose runs are running, of one organization or of many."""

    files_apart = False

    def __init__(self, name, programs, folder, server, runs, organizations=1, server_options=()):
        self._server = server
        self._filled = name + "_filled"
        self._organizations = organizations
        super().__init__(name, programs, folder, server_options)
        self.database = None
        self._fill(runs)

    # --- the store ---

    def make_store(self):
        self._server.query("postgres", f"CREATE DATABASE {self._filled}")
        self.store = self._server.url(self._filled)
        processes.run([self.programs["runsctl"], "store", "migrate", "--store", self.store],
                      self.folder, 60)
        self.token = processes.run(
            [self.programs["runsctl"], "tokens", "create", "--store", self.store, "--org",
             deployment.ORGANIZATION, "--scopes", deployment.SCOPES, "--quiet"], self.folder,
            60).strip()

    def _fill(self, runs):
        many = ["--organizations", str(self._organizations)] if self._organizations > 1 else []
        processes.run([self.programs["fill_store"], "--store", self.store, "--org",
                       deployment.ORGANIZATION, *many, "--runs", str(runs), "--running-every", "1",
                       "--ids", fill.IDS], self.folder, deployment.LOAD_TIMEOUT_SECONDS)
        if self._organizations > 1:
            self._server.query(self._filled, ADD_TOKENS.format(deployment.ORGANIZATION,
                                                               self._organizations))
        self._server.settle(self._filled)
        self.store = self._server.url(self.name)
        self._ids = run_pool.IdFile(os.path.join(self.folder, fill.IDS))
        self._order = list(range(len(self._ids)))
        random.Random(run_pool.SEED).shuffle(self._order)

    def renew(self):
        """Makes all runs running again; no server may run."""
        self._server.copy_database(self._filled, self.name)
        self._used = 0

    def transactions(self):
        """How many its servers have committed that changed anything, with those that tried."""
        return int(self._server.query(self.name, "SELECT coalesce(sum(number), 0) FROM commit_mark"))

    def left(self):
        return len(self._order) - self._used

    # --- the servers ---

    def start_servers(self, count):
        """Starts a gateway over so many runsd."""
        upstreams = [self.grpc, OTHER_GRPC][:count]
        for number, upstream in enumerate(upstreams):
            self._start(f"runsd-{number}", [
                self.programs["runsd"], "--listen", upstream, "--store", self.store, "--log-level",
                "warn", *self._server_options])
        for number, upstream in enumerate(upstreams):
            self._wait_for_socket(self.servers[f"runsd-{number}"], upstream)
        options = [word for upstream in upstreams for word in ("--upstream", upstream)]
        self._wait_for_http(self._start("runs-gateway", [
            self.programs["runs-gateway"], "--listen", self.http, *options, "--log-level",
            "warn"]))

    def stop(self):
        super().stop()
        self.servers.clear()

    def runsd_pids(self):
        return [s.pid for name, s in self.servers.items() if name.startswith("runsd")]

    # --- load ---

    def _load(self, method, path, numbers, options):
        targets = self.write_list("targets", [path.format(self._ids[i]) for i in numbers])
        if self._organizations == 1:
            return self.load_http(method, targets, options)
        tokens = self.write_list(TOKENS, [TOKEN.format(i % self._organizations) for i in numbers])
        return self.load_http(method, targets, [*options, "--tokens", tokens])

    def cancel(self, count, options):
        """Cancels at most so many runs that are running, in random order, once each."""
        numbers = self._order[self._used:self._used + count]
        report = self._load("POST", "/v1/runs/{}/cancel", numbers, ["--once", *options])
        self._used += report["targetsUsed"]
        return report

    def get(self, options):
        return self._load("GET", "/v1/runs/{}", self._order, options)
