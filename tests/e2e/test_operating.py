"""That the commands of docs/OPERATING.md do what it says."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import unittest

import rest
from certificates import Authority
from haproxy import certificate, environment
from harness import DEADLINE_S, ROOT, Place, Process, Serve, bin_dir, create_token
from postgres import Postgres
from test_stream_proxies import free_port

PAGE = ROOT / "docs" / "OPERATING.md"
CONFIGURATION = ROOT / "deploy" / "etc" / "runsd.yaml"
ROTATION = "Tokens: giving out new secrets"
SCRAPES = ROOT / "deploy" / "prometheus" / "prometheus.yml"
JOB = re.compile(r"^  - job_name: (\S+)$", re.MULTILINE)
RULES = ROOT / "deploy" / "prometheus" / "runsd.rules.yml"
# They are run by tests/packages, which has a system of its own for them.
OF_PACKAGES = {"Install from packages": 5, "Under systemd": 2, "Upgrade and roll back": 3}
MOVE = "Moving from SQLite to PostgreSQL"
DELETION = "Freezing, exporting and deleting an organization"

# Becomes a user that owns nothing, of whom nothing but two folders can be written, as the unit
# asks of systemd. Arguments: the folders, the program and its arguments.
SANDBOX = r"""
mount --make-rprivate /
for folder in "$1" "$2"; do chown 61234:61234 "$folder"; mount --bind "$folder" "$folder"; done
mount -o remount,bind,ro /
shift 2
exec setpriv --reuid 61234 --regid 61234 --clear-groups --bounding-set=-all --inh-caps=-all \
    --no-new-privs "$@"
"""
# Without memory that can be written and executed: PR_SET_MDWE (prctl(2)).
NO_NEW_CODE = ("import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; "
               "os.execv(sys.argv[1], sys.argv[1:])")


def commands():
    """The shell blocks by the heading that they stand under."""
    found = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading = part.split("\n", 1)[0]
        found[heading] = re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
    return found


class Operating(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.store = str(self.place.path / "runs.db")
        self.backup = str(self.place.path / "backup.db")
        self.folders = {name: str(self.place.path / name.lower()) for name in ("BACKUPS", "SNAPSHOT")}
        for folder in self.folders.values():
            os.mkdir(folder)
        self.token = create_token(self.place.store)

    def shell(self, command, folder=None, **more):
        path = f"{bin_dir() / 'ctl'}:{more.pop('FIRST', '')}:{os.environ['PATH']}"
        return subprocess.run(["bash", "-euc", command], capture_output=True, text=True,
                              timeout=DEADLINE_S, check=False, cwd=folder,
                              env={**os.environ, "PATH": path, "STORE": self.store,
                                   "STATE": str(self.place.path), "BACKUP": self.backup,
                                   **self.folders, **more})

    def must(self, command, folder=None, **more):
        done = self.shell(command, folder, **more)
        self.assertEqual(0, done.returncode, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def serve(self):
        server = Serve(self.place.store)
        self.addCleanup(server.kill)
        return server

    def create(self, server, run_id):
        body = {"id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        reply = rest.request(server.http_port, "POST", "/v1/runs", self.token, body)
        self.assertEqual(200, reply.status, reply.body)

    def status(self, server, run_id):
        return rest.request(server.http_port, "GET", f"/v1/runs/{run_id}", self.token).status

    def test_every_block_is_run_here(self):
        counts = {heading: len(blocks) for heading, blocks in commands().items()
                  if blocks and heading not in OF_PACKAGES}
        self.assertEqual(OF_PACKAGES, {heading: len(commands()[heading]) for heading in OF_PACKAGES})
        self.assertEqual({"The first day": 3, "Configuration": 2, "Sandbox": 1,
                          "HAProxy in front": 1, "What to watch": 2,
                          "The worst night": 1, "Back up": 3, "Restore": 1, "Check": 2, "Freeze": 1,
                          "Disk full, locked": 1, ROTATION: 1, DELETION: 1, "Audit": 1, MOVE: 4}, counts)

    def test_a_configuration_is_checked(self):
        check, printed = commands()["Configuration"]
        said = self.must(check, self.place.path, HTTP="127.0.0.1:0", GRPC="127.0.0.1:0")
        self.assertEqual("ok", said.splitlines()[0])
        self.assertIn("limit-reads = 500  (runsd.yaml:6:16)", said)
        path = f"{bin_dir() / 'server'}:{bin_dir() / 'ctl'}"
        self.must(printed, self.place.path, FIRST=path)
        self.assertIn(".Nm runsd", (self.place.path / "runsd.8").read_text(encoding="utf-8"))

    def test_backup_while_served_is_restored(self):
        backup = commands()["Back up"][0]
        restore, = commands()["Restore"]
        check, measure = commands()["Check"]
        server = self.serve()
        self.create(server, "before")
        self.assertIn("is a backup of", self.must(backup))
        self.create(server, "after")
        self.assertIn("served at the moment", self.must(check))
        self.assertIn("run_body", self.must(measure))
        self.assertIn("where a store is", self.shell(restore.split("\n")[2]).stderr)
        self.assertEqual(0, server.stop())
        self.assertIn("is sound", self.must(check))

        self.assertIn("was restored from", self.must(restore))
        server = self.serve()
        self.assertEqual(200, self.status(server, "before"))
        self.assertEqual(404, self.status(server, "after"))
        self.create(server, "again")
        self.assertEqual(0, server.stop())
        self.assertIn("is sound", self.must(check))

    def test_backups_are_kept_and_looked_for(self):
        _, keep, look = commands()["Back up"]
        self.assertEqual(1, self.shell(look).returncode)
        self.serve()
        self.must(keep)
        self.must(look)
        newest, = os.listdir(self.folders["BACKUPS"])
        os.utime(os.path.join(self.folders["BACKUPS"], newest), (0, 0))
        self.assertEqual(1, self.shell(look).returncode)

    def test_a_copy_of_a_frozen_store_is_one(self):
        server = self.serve()
        self.create(server, "before")
        self.assertIn("takes changes again", self.must(commands()["Freeze"][0]))
        self.create(server, "after")
        self.assertEqual(0, server.stop())
        self.must('rm "$STORE"* && cp "$SNAPSHOT"/* "$STATE/"')
        server = self.serve()
        self.assertEqual(200, self.status(server, "before"))
        self.assertEqual(404, self.status(server, "after"))
        self.assertEqual(0, server.stop())

    def test_a_store_moves_to_postgresql_and_back(self):
        copy, verify, back, drop = commands()[MOVE]
        postgres = Postgres(migrated=False)
        self.addCleanup(postgres.stop)
        server = self.serve()
        self.create(server, "before")
        self.assertIn("in use by", self.shell(copy, POSTGRES=postgres.url).stderr)
        self.assertEqual(0, server.stop())
        self.assertIn("is a copy of", self.must(copy, POSTGRES=postgres.url))
        said = self.must(verify, POSTGRES=postgres.url)
        self.assertIn("have the same", said)
        self.assertIn("is sound", said)

        server = Serve(postgres.url)
        self.addCleanup(server.kill)
        self.assertEqual(200, self.status(server, "before"))
        self.create(server, "since")
        self.assertEqual(0, server.stop())
        kept = self.place.path / "kept.db"
        shutil.copy(self.store, kept)
        self.must(back, POSTGRES=postgres.url)
        server = self.serve()
        self.assertEqual([200, 200], [self.status(server, run) for run in ("before", "since")])
        self.assertEqual(0, server.stop())

        self.must('rm "$STORE"* -r')
        shutil.copy(kept, self.store)
        self.assertIn("taken for all there is", self.must(drop))
        server = self.serve()
        self.assertEqual([200, 404], [self.status(server, run) for run in ("before", "since")])

    def test_backup_that_is_only_copied_over_is_refused_first(self):
        server = self.serve()
        self.create(server, "before")
        self.must(commands()["Back up"][0])
        self.create(server, "after")
        self.assertEqual(0, server.stop())
        self.must('cp "$BACKUP" "$STORE"')
        done = self.shell(commands()["Check"][0])
        self.assertEqual(1, done.returncode)
        self.assertIn("changes that were acknowledged are missing", done.stdout)
        self.must('runsctl store check --store "sqlite:$STORE" --accept')
        self.assertEqual(200, self.status(self.serve(), "before"))

    def test_files_that_are_moved_under_a_server_stop_it(self):
        server = self.serve()
        self.create(server, "before")
        self.must('mkdir "$STORE.d" && mv "$STORE"* "$STORE.d/" 2>/dev/null || true')
        body = {"id": "lost", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        reply = rest.request(server.http_port, "POST", "/v1/runs", self.token, body)
        self.assertEqual(503, reply.status, reply.body)
        server.wait_for_log(lambda l: "store failed" in l.get("message", ""), "the failure")
        self.assertNotEqual(0, server.popen.wait(DEADLINE_S))

    def test_an_organization_is_exported_and_deleted(self):
        block, = commands()[DELETION]
        for served in (True, False):
            with self.subTest(served=served):
                token = self.token = create_token(self.place.store, name=f"served-{served}")
                server = self.serve()
                self.create(server, "one")
                if not served:
                    self.assertEqual(0, server.stop())
                self.must(block, self.place.path)
                lines = [json.loads(line) for line in
                         (self.place.path / "acme.jsonl").read_text(encoding="utf-8").splitlines()]
                self.assertIn("organization", lines[0])
                self.assertEqual(1, lines[-1]["end"]["runs"])
                server = self.serve() if not served else server
                self.assertEqual(401, rest.request(server.http_port, "GET", "/v1/runs",
                                                   token).status)
                self.assertEqual(0, server.stop())
                self.assertIn("is sound", self.must(commands()["Check"][0]))

    def test_an_audit_goes_on_where_it_was(self):
        block, = commands()["Audit"]
        server = self.serve()
        environment = {"RUNSCTL_SERVER": server.grpc, "RUNSCTL_TOKEN": self.token}
        for run_id in ("one", "two"):
            self.create(server, run_id)
            self.must(block, self.place.path, **environment)
        lines = (self.place.path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
        self.assertEqual(["one", "two"], [json.loads(line)["runId"] for line in lines])

    def test_a_rotation_leaves_both_secrets_valid(self):
        old = create_token(self.place.store, name="ci")
        server = self.serve()
        self.must(commands()[ROTATION][0], self.place.path)
        new = (self.place.path / "new.token").read_text(encoding="ascii").strip()
        self.assertNotEqual(old, new)
        for token in (old, new):
            reply = rest.request(server.http_port, "GET", "/v1/whoami", token)
            self.assertEqual(200, reply.status, reply.body)

    def test_the_first_day(self):
        install, first, afterwards = commands()["The first day"]
        folder = self.place.path / "sources"
        folder.mkdir()
        # The programs are there: whoever runs the tests has built them.
        (folder / "bazel-bin").symlink_to(bin_dir())
        (folder / "bazel").write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / "bazel").chmod(0o755)
        state = self.place.path / "state"
        more = {"PREFIX": str(folder / "usr"), "STATE": str(state), "FIRST": str(folder),
                "STORE": str(state / "runs.db")}
        self.must(install, folder, **more)
        for name in ("runsctl", "runsd", "runs-gateway"):
            self.assertTrue(os.access(folder / "usr/bin" / name, os.X_OK), name)
        self.must(first, folder, **more)
        self.assertEqual(0o600, (folder / "admin.token").stat().st_mode & 0o777)
        server = Serve(f"sqlite:{state}/runs.db")
        self.addCleanup(server.kill)
        told = self.must(afterwards, folder, HTTP=f"127.0.0.1:{server.http_port}",
                         GRPC=server.grpc, **more)
        self.assertIn("operators", told)
        token = (folder / "ci.token").read_text(encoding="ascii").strip()
        reply = rest.request(server.http_port, "GET", "/v1/whoami", token)
        self.assertEqual(("acme", "ci"), tuple(
            reply.json()["data"][key] for key in ("organizationId", "name")))

    def unit(self):
        part = PAGE.read_text(encoding="utf-8").split("\n## Under systemd\n")[1].split("\n## ")[0]
        text, = re.findall(r"^```ini\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)
        return text

    def test_systemd_takes_the_unit(self):
        name = self.place.path / "runsd.service"
        name.write_text(self.unit().replace("/usr/bin/runsctl", str(bin_dir() / "ctl/runsctl"))
                        .replace("User=runsd\nGroup=runsd", "User=root\nGroup=root"),
                        encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", name], capture_output=True,
                              text=True, timeout=DEADLINE_S, check=False)
        about = [line for line in done.stderr.splitlines() if "runsd.service" in line]
        self.assertEqual((0, []), (done.returncode, about))

    @unittest.skipUnless(os.getuid() == 0, "only root can mount, and become another user")
    def test_its_command_runs_without_what_the_unit_takes_away(self):
        state, run = self.place.path / "state", self.place.path / "run"
        for folder in (state, run):
            folder.mkdir(mode=0o750)
        self.place.path.chmod(0o755)
        shutil.copy(bin_dir() / "ctl" / "runsctl", self.place.path)
        command, = re.findall(r"^ExecStart=(.*)$", self.unit(), re.MULTILINE)
        configuration = CONFIGURATION.read_text(encoding="utf-8")
        for what, instead in (("/var/lib/runsd", state), ("/run/runsd", run),
                              ("127.0.0.1:8080", "127.0.0.1:0"), ("127.0.0.1:9464", "127.0.0.1:0"),
                              ("log-format: text", "log-format: json")):
            self.assertIn(what, configuration)
            configuration = configuration.replace(what, str(instead))
        (self.place.path / "runsd.yaml").write_text(configuration, encoding="utf-8")
        for what, instead in (("/usr/bin", self.place.path),
                              ("/etc/runsd/runsd.yaml", self.place.path / "runsd.yaml")):
            self.assertIn(what, command)
            command = command.replace(what, str(instead))
        program, *options = shlex.split(command)
        server = Process("unshare", "--mount", "bash", "-euc", SANDBOX, "sandbox", state, run,
                         sys.executable, "-c", NO_NEW_CODE, program, *options)
        self.addCleanup(server.kill)
        port = server.wait_for_log(lambda l: l.get("message") == "serving", "serving")["port"]
        token = create_token(f"sqlite:{state}/runs.db")
        body = {"id": "one", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
        self.assertEqual(200, rest.request(port, "POST", "/v1/runs", token, body).status)
        self.assertEqual(61234, (state / "runs.db").stat().st_uid)
        self.assertEqual(0o660, (run / "grpc.sock").stat().st_mode & 0o777)
        self.assertEqual(0, server.stop(), server.tail())

    def test_haproxy_is_installed_and_checked(self):
        block, = commands()["HAProxy in front"]
        (self.place.path / "haproxy").mkdir()
        certificate(self.place.path)
        variables = {name: value for name, value in environment(self.place.path).items()
                     if name.startswith("RUNS_")}
        self.assertIn("Configuration file is valid", self.must(
            block, ROOT, HAPROXY=str(self.place.path / "haproxy"), **variables))

    def test_what_is_watched(self):
        end_of_certificate, by_admin = commands()["What to watch"]
        authority = Authority(self.place.path)
        for days, status in ((30, 0), (10, 1)):
            pair = authority.issue(f"server{days}", ("DNS:localhost",), days=days)
            admin = f"127.0.0.1:{free_port()}"
            server = Serve(self.place.store, "--tls-cert", str(pair.cert), "--tls-key",
                           str(pair.key), "--admin", admin)
            self.addCleanup(server.kill)
            done = self.shell(end_of_certificate, TLS=f"localhost:{server.http_port}")
            self.assertEqual(status, done.returncode, done.stderr)
            self.assertIn("notAfter=", done.stdout)
            told = self.must(by_admin, ADMIN=admin)
            self.assertIn("\nrunsd_http_connections_accepted_total ", told)
            self.assertIn('"detail":"on"', self.must(*commands()["Sandbox"], ADMIN=admin))
            self.assertEqual(0, server.stop())

    def test_who_locks_the_store_is_found(self):
        block, = commands()["Disk full, locked"]
        server = self.serve()
        self.create(server, "one")
        with subprocess.Popen(["sqlite3", self.store], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as other:
            self.addCleanup(other.kill)
            other.stdin.write("BEGIN IMMEDIATE; SELECT 'locked';\n")
            other.stdin.flush()
            self.assertEqual("locked\n", other.stdout.readline())
            body = {"id": "two", "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}}
            refused = rest.request(server.http_port, "POST", "/v1/runs", self.token, body)
            self.assertEqual("STORE_LOCKED", refused.error["reason"])
            told = subprocess.run(
                [bin_dir() / "ctl" / "runsctl", "runs", "cancel", "one", "--server", server.grpc,
                 "--token", self.token], capture_output=True, text=True, timeout=DEADLINE_S,
                check=False).stderr
            self.assertIn("; lsof on the server's machine shows which", told)
            self.assertNotIn("see whether the server runs", told)
            found = {line.split()[1] for line in self.must(block).splitlines()[1:]}
            self.assertEqual({str(other.pid), str(server.popen.pid)}, found)
            other.stdin.close()
        self.create(server, "two")

    def test_prometheus_scrapes_one_process_as_shipped_and_a_gateway_if_asked(self):
        text = SCRAPES.read_text(encoding="utf-8")
        self.assertEqual(["runsd"], JOB.findall(text))
        both = re.sub(r"^  # (- job_name| )", r"  \1", text, flags=re.MULTILINE)
        self.assertEqual(["runsd", "runs-gateway"], JOB.findall(both))
        shutil.copy(RULES, self.place.path)
        (self.place.path / "prometheus.yml").write_text(both, encoding="utf-8")
        self.must("promtool check config prometheus.yml", self.place.path)

    def test_every_alert_has_a_row(self):
        named = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))
        part = PAGE.read_text(encoding="utf-8").split("## Alerts\n")[1].split("\n## ")[0]
        told = [name for row in re.findall(r"^\| (Runsd[\w, ]*) \|", part, re.MULTILINE)
                for name in row.split(", ")]
        self.assertEqual(sorted(named), sorted(told))

    def test_a_token_that_leaked(self):
        block, = commands()["The worst night"]
        token = self.token = create_token(self.place.store, name="ci")
        server = self.serve()
        self.create(server, "one")
        self.assertEqual("1", self.must(block).splitlines()[-1])
        self.assertEqual(401, rest.request(server.http_port, "GET", "/v1/runs", token).status)


if __name__ == "__main__":
    unittest.main()
