"""The Debian packages: what they hold, and a machine's life with them by the commands of docs/OPERATING.md.

RUNSD_BIN_DIR names the folder of what Bazel built (bazel-bin). What is not possible here (root, namespaces,
Debian's mirror) is skipped, and says why.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from root import NoRoot, Root, prepare

ROOT = pathlib.Path(__file__).resolve().parents[2]
OLD, NEW = "0.0.1~old", "0.0.2~new"
UNITS = ("runsd.service", "runsd-server.service", "runs-gateway.service", "runsd-http.socket",
         "runsd-grpc.socket", "runsd-backup.service", "runsd-backup.timer")
EXPOSURE = 20  # of 100, as systemd-analyze security counts
# What version 10 and 9 added is taken away again: a store as release by release before had it.
OLD_STORES = ROOT / "tests" / "storage" / "sqlite_old_store.h"
STORE = "/var/lib/runsd/runs.db"

made = {}  # version -> {package's name: path}; the folder in which they are by None


def blocks(heading):
    """The shell blocks of a chapter of docs/OPERATING.md."""
    text = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def package(output, version=None, **environment):
    """Runs script/package as the manual has it, less the build; returns the packages by name."""
    script, = [block for block in blocks("Install from packages") if "script/package" in block]
    more = f"--programs '{os.environ['RUNSD_BIN_DIR']}'" + (f" --version {version}" if version else "")
    script = script.strip().replace("--output dist", f"--output '{output}' {more}")
    done = subprocess.run(["bash", "-euc", script], cwd=ROOT, capture_output=True, text=True,
                          check=False, env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"script/package: {done.stdout}{done.stderr}")
    return {path.name.split("_")[0]: path for path in pathlib.Path(output).glob("*.deb")}


def setUpModule():
    made[None] = pathlib.Path(tempfile.mkdtemp(prefix="runsd-packages-"))
    unittest.addModuleCleanup(shutil.rmtree, made[None])
    made[NEW] = package(made[None] / "new", NEW)
    made[OLD] = package(made[None] / "old", OLD, DEB_BUILD_OPTIONS="noautodbgsym")


def told(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# What takes long; script/test --nightly asks for it.
nightly = unittest.skipUnless(os.environ.get("RUNSD_NIGHTLY"), "takes long: script/test --nightly")


class Made(unittest.TestCase):
    """What script/package makes."""

    def files(self, name):
        lines = told("dpkg-deb", "--contents", str(made[NEW][name])).splitlines()
        return {line.split()[5].removeprefix("."): line for line in lines}

    def test_there_are_three_packages(self):
        self.assertEqual({"runsd", "runsd-dbgsym", "runsd-protos"}, set(made[NEW]))
        for name, path in made[NEW].items():
            arch = "all" if name == "runsd-protos" else told("dpkg", "--print-architecture").strip()
            self.assertEqual(f"{name}_{NEW}_{arch}.deb", path.name)

    def test_runsd_holds_programs_units_pages_completion_and_configuration(self):
        files = self.files("runsd")
        wanted = ["/etc/runsd/runsd.yaml", "/usr/share/doc/runsd/OPERATING.md.gz",
                  "/usr/share/doc/runsd/changelog.gz", "/usr/share/doc/runsd/copyright",
                  "/usr/share/doc/runsd/examples/sockets.conf",
                  "/usr/share/doc/runsd/examples/runsd.rules.yml",
                  "/usr/share/man/man1/runsctl.1.gz", "/usr/share/man/man1/runsctl-runs-cancel.1.gz",
                  "/usr/share/man/man8/runsd.8.gz", "/usr/share/man/man8/runs-gateway.8.gz"]
        wanted += [f"/lib/systemd/system/{unit}" for unit in UNITS]
        for program in ("runsctl", "runsd", "runs-gateway"):
            wanted += [f"/usr/bin/{program}",
                       f"/usr/share/bash-completion/completions/{program}",
                       f"/usr/share/zsh/vendor-completions/_{program}",
                       f"/usr/share/fish/vendor_completions.d/{program}.fish"]
        self.assertEqual([], [name for name in wanted if name not in files])
        for name, line in files.items():
            mode, owner = line.split()[:2]
            self.assertEqual("root/root", owner, name)
            self.assertNotIn("w", mode[5:], name)
        self.assertIn("/etc/runsd/runsd.yaml", told("dpkg-deb", "--info", str(made[NEW]["runsd"]),
                                                    "conffiles"))

    def test_protos_are_complete_by_themselves(self):
        folder = made[None] / "protos"
        subprocess.run(["dpkg-deb", "--extract", made[NEW]["runsd-protos"], folder], check=True)
        protos = folder / "usr/share/runsd-protos"
        names = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
        self.assertIn("runs/v1/runs_service.proto", names)
        told("protoc", "-I", str(protos), "-o", "/dev/null", *names)

    def test_lintian_finds_nothing(self):
        if shutil.which("lintian") is None:
            self.skipTest("lintian is not installed")
        done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                               *map(str, made[NEW].values())], capture_output=True, text=True,
                              check=False)
        # Its verdict on an unreleased version is about who uploads to Debian.
        self.assertEqual((0, ""), (done.returncode, done.stdout), done.stderr)

    @nightly
    def test_the_same_commit_makes_the_same_bytes(self):
        again = package(made[None] / "again", OLD, DEB_BUILD_OPTIONS="noautodbgsym", TZ="Asia/Tokyo",
                        LC_ALL="C.UTF-8")
        for name, path in made[OLD].items():
            one, other = (hashlib.sha256(p.read_bytes()).hexdigest() for p in (path, again[name]))
            self.assertEqual(one, other, name)

    def test_wrong_usage_says_what_is_wrong(self):
        for arguments, text in ((("--out", "x"), "no such option: --out"),
                                (("--output",), "--output needs a value"),
                                (("--programs", os.environ["RUNSD_BIN_DIR"], "--version", "x y"),
                                 '"x y" is no version of a package')):
            done = subprocess.run([ROOT / "script/package", *arguments], capture_output=True,
                                  text=True, check=False)
            self.assertNotEqual(0, done.returncode)
            self.assertIn(text, done.stderr)


class Units(unittest.TestCase):
    """The units by themselves."""

    def test_the_manual_prints_the_unit_as_it_is(self):
        page = (ROOT / "docs" / "OPERATING.md").read_text(encoding="utf-8")
        unit, = re.findall(r"^```ini\n(.*?)^```$", page.split("\n## Under systemd\n")[1]
                           .split("\n## ")[0], re.MULTILINE | re.DOTALL)
        self.assertEqual((ROOT / "deploy/systemd/runsd.service").read_text(encoding="utf-8"), unit)

    @unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd is not installed")
    def test_the_sandbox_is_rated_below_two(self):
        for path in sorted((ROOT / "deploy/systemd").glob("*.service")):
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                                   f"--threshold={EXPOSURE}", path], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(0, done.returncode, done.stdout[-300:] + done.stderr)

    def test_the_sandboxes_of_all_units_are_one(self):
        def box(name):
            text = (ROOT / "deploy/systemd" / name).read_text(encoding="utf-8")
            lines = text.split("NoNewPrivileges=yes\n")[1].split("\n[Install]")[0].splitlines()
            return set(lines)
        whole = box("runsd.service")
        self.assertEqual(whole, box("runsd-server.service"))
        self.assertEqual(whole | {"InaccessiblePaths=-/var/lib/runsd", "ProtectProc=invisible",
                                  "ProcSubset=pid"}, box("runs-gateway.service"))
        self.assertEqual(
            {"RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6",
             "SystemCallFilter=~@privileged @resources @keyring @memlock"},
            whole - box("runsd-backup.service"))


class Machine(unittest.TestCase):
    """A Debian 12 under systemd."""

    @classmethod
    def setUpClass(cls):
        depends = told("dpkg-deb", "--field", str(made[NEW]["runsd"]), "Depends")
        cls.needed = [re.split(r"[ (|]", one.strip())[0] for one in depends.split(",")]
        try:
            prepare(cls.needed)
        except NoRoot as why:
            raise unittest.SkipTest(str(why)) from why

    def setUp(self):
        try:
            self.root = Root(self.needed)
            self.addCleanup(self.root.remove)
            self.root.boot()
        except NoRoot as why:
            self.skipTest(str(why))

    def run_block(self, heading, with_text, **variables):
        block, = [block for block in blocks(heading) if with_text in block]
        return self.root.sh(f"cd /root\n{block}", **variables).stdout

    def install(self, version=NEW):
        deb = self.root.put(made[version]["runsd"])
        return self.run_block("Install from packages", "apt-get install", DEB=deb)

    def token(self):
        self.run_block("Install from packages", "runsctl whoami")
        return (self.root.path / "root/ci.token").read_text(encoding="ascii").strip()

    def call(self, method, path, body="", where="http://127.0.0.1:8080", token=None):
        """The status and the body of a call over REST from within."""
        data = f"--data '{body}' --header 'content-type: application/json'" if body else ""
        done = self.root.sh(
            f"curl --silent --insecure --request {method} {data} --header \"authorization: Bearer $TOKEN\""
            f" --write-out '\\n%{{http_code}}' {where}{path}", TOKEN=token or self.ci)
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    def create(self, run_id, **more):
        body = json.dumps({"id": run_id, "workflowDefinition": {"nodes": {"root": {"type": "manual"}}}})
        self.assertEqual(200, self.call("POST", "/v1/runs", body, **more)[0])

    def status(self, run_id, **more):
        return self.call("GET", f"/v1/runs/{run_id}", **more)[0]

    def property(self, name, unit="runsd.service"):
        return self.root.sh(f"systemctl show --value --property={name} {unit}").stdout.strip()

    # --- stories ---

    def test_systemd_finds_nothing_to_say_of_the_units(self):
        self.install()
        files = set(self.root.sh("dpkg --listfiles runsd").stdout.split())
        for unit in UNITS:
            # Without `man`, which so small a system has not: that the pages are there is looked at.
            done = self.root.sh(f"systemd-analyze verify --man=no {unit}", check=False)
            self.assertEqual((0, "", ""), (done.returncode, done.stdout, done.stderr), unit)
            text = (ROOT / "deploy/systemd" / unit).read_text(encoding="utf-8")
            for page, section in re.findall(r"man:([\w-]+)\((\d)\)", text):
                self.assertIn(f"/usr/share/man/man{section}/{page}.{section}.gz", files)
            for document in re.findall(r"file://(\S+)", text):
                self.assertIn(document, files)

    def test_a_machine_from_the_installation_to_the_purge(self):
        self.assertIn("active", self.install(OLD))
        self.assertEqual("runsd", self.property("User"))
        self.assertEqual("enabled", self.property("UnitFileState"))
        self.assertEqual("disabled", self.property("UnitFileState", "runsd-server.service"))
        self.ci = self.token()
        self.create("first")

        # A certificate, and a scrape.
        self.root.sh("cd /root && cat > server.pem && : > server.key", check=False)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "30",
                        "-keyout", self.root.path / "root/server.key", "-out",
                        self.root.path / "root/server.pem"], check=True, capture_output=True)
        metrics = self.run_block("Install from packages", "tls-cert")
        self.assertIn("tls-cert", metrics)
        self.assertGreater(int(metrics.splitlines()[-1]), 50)
        tls = {"where": "https://127.0.0.1:8443"}
        self.assertEqual(200, self.status("first", **tls))

        # A store of the schema before, the backup, the upgrade.
        schema = self.back_to_version_8()
        self.assertIn("runsd-", self.run_block("Install from packages", "runsd-backup.timer"))
        self.assertEqual("enabled", self.property("UnitFileState", "runsd-backup.timer"))
        deb = self.root.put(made[NEW]["runsd"])
        started = self.property("ExecMainStartTimestampMonotonic")
        self.assertIn("is sound", self.run_block("Upgrade and roll back", "store check", DEB=deb))
        self.assertNotEqual(started, self.property("ExecMainStartTimestampMonotonic"))
        self.assertEqual(schema, self.schema())
        self.assertEqual(NEW, self.version())
        self.assertEqual(200, self.status("first", **tls))
        self.create("second", **tls)

        # Back by one release: nothing is lost, and the changed configuration stays.
        old = self.root.put(made[OLD]["runsd"])
        self.assertIn("active", self.run_block("Upgrade and roll back", "$OLD", OLD=old))
        self.assertEqual(OLD, self.version())
        self.assertEqual([200, 200], [self.status(name, **tls) for name in ("first", "second")])

        # Back to the backup.
        self.run_block("Upgrade and roll back", "store restore")
        self.assertEqual([200, 404], [self.status(name, **tls) for name in ("first", "second")])
        self.create("third", **tls)

        self.root.sh("apt-get remove -y runsd")
        for path in ("/etc/runsd/runsd.yaml", STORE):
            self.assertTrue((self.root.path / path[1:]).exists(), path)
        self.assertFalse((self.root.path / "usr/bin/runsctl").exists())
        self.root.sh("apt-get purge -y runsd")
        for path in ("/etc/runsd", "/var/lib/runsd"):
            self.assertFalse((self.root.path / path[1:]).exists(), path)
        self.assertNotEqual([], list((self.root.path / "var/backups/runsd").iterdir()))

    def schema(self):
        return self.root.sh(f"sqlite3 {STORE} 'PRAGMA user_version'").stdout.strip()

    def version(self):
        return self.root.sh("dpkg-query -W -f '${Version}' runsd").stdout.strip()

    def back_to_version_8(self):
        """Has the store the tables of schema 8, which the server brings forward; returns the newest."""
        newest = self.schema()
        sql, = re.findall(r'kBackToVersion8\[\] = R"\((.*?)\)"', OLD_STORES.read_text(encoding="utf-8"),
                          re.DOTALL)
        (self.root.path / "root/back.sql").write_text(sql, encoding="utf-8")
        self.root.sh(f"systemctl stop runsd && sqlite3 {STORE} < /root/back.sql")
        self.assertNotEqual(newest, self.schema())
        # Nobody serves it until the upgrade does.
        return newest

    @nightly
    def test_a_program_that_is_stuck_is_ended_and_started_again(self):
        self.install()
        self.ci = self.token()
        self.create("before")
        folder = self.root.path / "etc/systemd/system/runsd.service.d"
        folder.mkdir(parents=True)
        (folder / "quick.conf").write_text("[Service]\nWatchdogSec=2\n", encoding="utf-8")
        self.root.sh("systemctl daemon-reload && systemctl restart runsd")
        pid = self.property("MainPID")
        self.root.sh(f"kill -STOP {pid}")
        self.root.wait(f"test $(systemctl show --value -p MainPID runsd) -ne {pid}"
                       " && systemctl is-active runsd", "a new process")
        self.assertEqual("1", self.property("NRestarts"))
        self.assertEqual(200, self.status("before"))

    @nightly
    def test_a_reload_is_waited_for(self):
        self.install()
        self.root.sh("systemctl reload runsd.service && systemctl is-active runsd.service")
        self.assertEqual("serving", self.property("StatusText"))

    @nightly
    def test_the_two_halves_serve_together(self):
        self.install()
        self.ci = self.token()
        self.create("one")
        self.run_block("Under systemd", "runs-gateway.service")
        self.assertEqual("inactive", self.property("ActiveState", "runsd.service"))
        self.assertEqual(200, self.status("one"))

    @nightly
    def test_no_connection_is_refused_while_it_restarts(self):
        self.install()
        self.run_block("Under systemd", "sockets.conf")
        self.root.sh(r"""
            count() { for _ in $(seq 300); do
                # 503 is an answer: it stops, and says so.
                curl --silent --max-time 60 --output /dev/null http://127.0.0.1:8080/readyz || echo "status $?"
            done; }
            count > /tmp/refused & counting=$!
            for _ in 1 2 3; do systemctl restart runsd.service; done
            wait $counting
            test ! -s /tmp/refused
        """)
        self.assertEqual("listening", self.property("SubState", "runsd-http.socket")
                         .replace("running", "listening"))

    @nightly
    def test_a_wrong_option_is_not_tried_again_and_again(self):
        self.install()
        self.root.sh("sed -i 's/^  http: .*/  http: nowhere/' /etc/runsd/runsd.yaml")
        done = self.root.sh("runsctl serve --config /etc/runsd/runsd.yaml --check-config", check=False)
        self.assertEqual(2, done.returncode)
        self.root.sh("systemctl restart runsd.service", check=False)
        self.root.wait("test $(systemctl is-failed runsd.service) = failed", "the end of it")
        self.assertEqual("0", self.property("NRestarts"))


if __name__ == "__main__":
    unittest.main()
