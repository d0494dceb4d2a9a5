"""The configuration of the programs that serve: file, environment and command line, --check-config,
and what SIGHUP changes."""

import os
import re
import signal
import subprocess
import unittest

import rest
from certificates import Authority
from harness import DEADLINE_S, Place, Process, create_token, program, runsctl

# By the section of the file.
PROGRAMS = {
    "runsctl serve": (program("runsctl"), "serve"),
    "runsd": (program("runsd"),),
    "runs-gateway": (program("runs-gateway"),),
}
LINE = re.compile(r"^(\S+) = (.*)  \((.*)\)$")
# Of options whose values are no numbers: another value than the default, and what goes with it.
VALUES = {
    "log-level": "debug", "log-format": "text", "bulk-max-age": "3d", "feed-max-age": "2d",
    "idempotency-ttl": "2h", "retain-finished": "400d", "json-numbers": "round",
    "query-unknown": "ignore", "query-ignore": "[utm_*, x]", "envelope": "none",
    "request-header": "x-a=a", "response-header": "a=x-a", "forwarded-for": "append",
    "stream-json": "array", "web": "off", "cors-origin": "https://a.example",
    "trace-endpoint": "http://127.0.0.1:9/v1/traces", "http": "127.0.0.1:1",
    "grpc": "127.0.0.1:2", "listen": "127.0.0.1:3", "upstream": "127.0.0.1:4",
    "admin": "127.0.0.1:5", "demo-token": "token.txt", "sandbox": "off",
}
# Those that cannot be set alone, or not with a store in memory and built-in descriptors.
NOT_ALONE = {"cors-credentials", "cors-max-age-s", "trust-forwarded-for", "trace-sample", "tls-cert",
             "tls-key", "tls-client-ca", "tls-client-auth", "require-replicas", "store-direct-url",
             "descriptors", "upstream-ca", "upstream-cert", "upstream-key", "upstream-server-name",
             "reserved-in-flight", "trace-header", "print-openapi", "version", "help", "config",
             "check-config", "store"}
CHANGED = "an option has changed"
LATER = "an option has changed in the file: it takes effect at the next start"
READ = "the configuration was read again"


def run(words, *arguments, env=None):
    return subprocess.run([*words, *arguments], capture_output=True, text=True, check=False,
                          timeout=DEADLINE_S, env={**os.environ, **(env or {})})


def check(words, *arguments, env=None):
    """{option: (value, origin)} of --check-config, which must be good."""
    done = run(words, "--check-config", *arguments, env=env)
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == "ok", done.stdout
    return {m[1]: (m[2], m[3]) for m in map(LINE.match, lines)}


def table(words):
    """{option: (value, default, whether SIGHUP changes it)}."""
    found = {}
    for line in run(words, "--print-options", "markdown").stdout.splitlines():
        cells = [c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[0].startswith("`--"):
            found[cells[0].strip("`-")] = (cells[1].strip("`"), cells[2], cells[4] == "SIGHUP")
    return found


def another(name, value, default):
    """A value of the option that is not its default."""
    if name in VALUES:
        return VALUES[name]
    if not value:
        return "true"
    number = re.match(r"\d+", default)
    return str(int(number[0]) + 1) if number else "1000"


class Written(unittest.TestCase):
    def setUp(self):
        place = Place()
        self.addCleanup(place.remove)
        self.folder = place.path
        self.file = str(place.path / "runsd.yaml")

    def write(self, text):
        other = self.file + ".new"
        with open(other, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(other, self.file)


class Layers(Written):
    def test_all_three_are_taken_in_their_order(self):
        for section, words in PROGRAMS.items():
            with self.subTest(section):
                store = "" if section == "runs-gateway" else "  store: 'memory:'\n"
                self.write(f"{section}:\n{store}  drain-ms: 1\n  log-level: warn\n"
                           "  log-format: text\n")
                said = check(words, "--config", self.file, "--drain-ms=3",
                             env={"RUNSD_DRAIN_MS": "2", "RUNSD_LOG_LEVEL": "error"})
                self.assertEqual(("3", "the command line"), said["drain-ms"])
                self.assertEqual(("error", "$RUNSD_LOG_LEVEL"), said["log-level"])
                self.assertEqual("text", said["log-format"][0])
                self.assertRegex(said["log-format"][1], rf"^{re.escape(self.file)}:\d:15$")
                self.assertEqual(("none", "the default"), said["admin"])
                # Of --config's own variable.
                self.assertEqual("text", check(words, env={"RUNSD_CONFIG": self.file})
                                 ["log-format"][0])

    def test_lists_replace_each_other(self):
        self.write("runsd:\n  store: 'memory:'\n  listen: [127.0.0.1:1, 127.0.0.1:2]\n")
        words = PROGRAMS["runsd"]
        for more, env, expected in (
                ((), {}, "127.0.0.1:1, 127.0.0.1:2"),
                ((), {"RUNSD_LISTEN": "127.0.0.1:3\n127.0.0.1:4"}, "127.0.0.1:3, 127.0.0.1:4"),
                (("--listen=127.0.0.1:5",), {"RUNSD_LISTEN": "127.0.0.1:3"}, "127.0.0.1:5")):
            self.assertEqual(expected, check(words, "--config", self.file, *more, env=env)
                             ["listen"][0])

    def test_every_variable_is_read(self):
        for section, words in PROGRAMS.items():
            for name, (value, default, _) in table(words).items():
                if name in NOT_ALONE:
                    continue
                with self.subTest(f"{section} {name}"):
                    variable = "RUNSD_" + name.upper().replace("-", "_")
                    given = another(name, value, default).strip("[]").replace(",", "")
                    said = check(words, *(() if section == "runs-gateway" else ("--store=memory:",)),
                                 env={variable: given})
                    self.assertEqual((given.replace(" ", ", "), f"${variable}"), said[name])

    def test_a_client_has_a_section_of_its_own(self):
        self.write("runsctl:\n  server: unix:/nowhere.sock\n  timeout-ms: 50\nrunsd:\n  a: b\n")
        done = runsctl("whoami", "--config", self.file)
        self.assertEqual(6, done.returncode, done.stderr)
        self.assertIn("/nowhere.sock", done.stderr)
        self.write("runsctl:\n  token: rst_secret\n")
        done = runsctl("whoami", "--config", self.file)
        self.assertEqual((2, f"runsctl: {self.file}:2:10: runsctl.token: a secret cannot stand in the "
                             "file; $RUNSCTL_TOKEN may have it; see runsctl whoami --help\n"),
                         (done.returncode, done.stderr))


class Check(Written):
    def refused(self, section, text):
        self.write(f"{section}:\n{text}")
        done = run(PROGRAMS[section], "--check-config", "--config", self.file)
        self.assertEqual((2, ""), (done.returncode, done.stdout))
        return done.stderr

    def test_says_where_what_is_wrong(self):
        rows = [("runsd", "  log-level: loud\n", '2:14: runsd.log-level: "loud" is none of'),
                ("runsd", "  store: 'memory:'\n  feed-max-age: soon\n",
                 '3:17: runsd.feed-max-age: "soon" is no length of time'),
                ("runsd", "  store: nonsense:x\n",
                 '2:10: runsd.store: "nonsense:x" is no kind of store'),
                ("runsctl serve", "  store: 'sqlite:'\n",
                 '2:10: runsctl serve.store: the store "sqlite:" names no '),
                ("runsd", "  tls-cert: /none\n", "2:13: runsd.tls-cert needs --tls-key"),
                ("runsctl serve", "  store: 'memory:'\n  http: here\n", "3:9: runsctl serve.http: "),
                ("runs-gateway", "  descriptors: /none\n", "2:16: runs-gateway.descriptors /none: "),
                ("runs-gateway", "  trust-forwarded-for: [a]\n",
                 "2:3: runs-gateway.trust-forwarded-for: "),
                ("runs-gateway", "  upstreams: a\n",
                 "2:3: runs-gateway has no option upstreams (did you mean upstream?)")]
        for section, text, message in rows:
            with self.subTest(text):
                self.assertIn(f"{self.file}:{message}", self.refused(section, text))

    def test_reads_certificates_and_starts_nothing(self):
        authority = Authority(self.folder)
        good = authority.issue("server", ["DNS:localhost"])
        self.write("runsctl serve:\n  store: sqlite:runs.db\n"
                   f"  tls-cert: {good.cert}\n  tls-key: {good.key}\n")
        words = PROGRAMS["runsctl serve"]
        done = subprocess.run([*words, "--check-config", "--config", self.file], text=True,
                              capture_output=True, timeout=DEADLINE_S, check=False, cwd=self.folder)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertFalse((self.folder / "runs.db").exists())
        self.write("runsctl serve:\n  store: sqlite:runs.db\n"
                   f"  tls-cert: {good.cert}\n  tls-key: {good.cert}\n")
        done = run(words, "--check-config", "--config", self.file)
        self.assertEqual(2, done.returncode)
        self.assertIn(f"{self.file}:4:12: runsctl serve.tls-key: ", done.stderr)

    def test_names_variables_that_nobody_reads(self):
        done = run(PROGRAMS["runsd"], "--check-config", env={"RUNSD_LOGLEVEL": "info"})
        self.assertEqual(0, done.returncode)
        self.assertIn("RUNSD_LOGLEVEL is set, and no option of it (did you mean RUNSD_LOG_LEVEL?)",
                      done.stderr)


class Reload(Written):
    # What a program must be told to run here.
    LEAST = {"runsd": {"store": "'memory:'", "listen": "127.0.0.1:0"},
             "runsctl serve": {"store": "'memory:'", "grpc": "127.0.0.1:0", "http": "127.0.0.1:0"},
             "runs-gateway": {"listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}}
    READY = {"runsd": "ready", "runsctl serve": "serving", "runs-gateway": "ready"}

    def options(self, section, **more):
        least = {**self.LEAST[section], **{k.replace("_", "-"): v for k, v in more.items()}}
        self.write(f"{section}:\n" + "".join(f"  {k}: {v}\n" for k, v in least.items()))

    def start(self, section):
        process = Process(*PROGRAMS[section], "--config", self.file)
        self.addCleanup(process.kill)
        process.wait_for_log(lambda l: l.get("message") == self.READY[section], "ready")
        self.seen = 0
        return process

    def hang_up(self, process, message=READ):
        """Returns the lines up to the one of the message."""
        process.popen.send_signal(signal.SIGHUP)
        begin = self.seen

        def is_new(line):
            return process.lines.index(line) >= begin and line.get("message") == message
        last = process.wait_for_log(is_new, message)
        with process.changed:
            self.seen = process.lines.index(last) + 1
            return process.lines[begin:self.seen]

    def test_each_option_that_can_changes_and_each_other_is_named(self):
        for section, words in PROGRAMS.items():
            known = {n: t for n, t in table(words).items() if n not in NOT_ALONE}
            self.assertGreaterEqual(sum(live for _, _, live in known.values()), 8, section)
            self.options(section)
            process = self.start(section)
            new = {n: another(n, value, default) for n, (value, default, _) in known.items()}
            self.options(section, **new)
            lines = self.hang_up(process)
            told = {l["option"][2:]: l for l in lines if l.get("message") in (CHANGED, LATER)}
            for name, (_, _, live) in known.items():
                with self.subTest(f"{section} {name}"):
                    self.assertEqual(CHANGED if live else LATER, told[name]["message"])
                    self.assertEqual(new[name].strip("[]"), told[name]["to"])
            self.assertEqual(sum(live for _, _, live in known.values()), lines[-1]["changed"])
            # Once only.
            again = self.hang_up(process)
            self.assertEqual((0, 0), (again[-1]["changed"], again[-1]["atNextStart"]))
            self.assertEqual([], [l for l in again if l.get("message") in (CHANGED, LATER)])
            self.assertEqual(0, process.stop())

    def test_a_bad_file_keeps_everything(self):
        for section in PROGRAMS:
            with self.subTest(section):
                self.options(section, log_level="debug")
                process = self.start(section)
                refusal = "the configuration was not read again: all options stay"
                self.options(section, log_level="loud", drain_ms="1")
                self.assertIn(f'{section}.log-level: "loud" is none of',
                              self.hang_up(process, refusal)[-1]["error"])
                os.remove(self.file)
                self.assertIn("No such file", self.hang_up(process, refusal)[-1]["error"])
                self.options(section, log_level="debug")
                self.assertEqual(0, self.hang_up(process)[-1]["changed"])
                self.assertEqual(0, process.stop())

    def test_what_changed_takes_effect(self):
        self.options("runsctl serve", store=f"sqlite:{self.folder / 'runs.db'}")
        token = create_token(f"sqlite:{self.folder / 'runs.db'}")
        process = self.start("runsctl serve")
        port = next(l for l in process.lines if l.get("message") == "serving")["port"]

        def ask(path="/v1/whoami"):
            return rest.request(port, "GET", path, token).status
        self.assertEqual([200] * 5, [ask() for _ in range(5)])
        self.assertEqual(400, ask("/v1/whoami?nonsense=1"))
        self.options("runsctl serve", store=f"sqlite:{self.folder / 'runs.db'}", limit_reads="1",
                     limit_burst_ms="1000", query_unknown="ignore", log_level="debug")
        self.assertEqual(4, self.hang_up(process)[-1]["changed"])
        self.assertIn(429, [ask() for _ in range(5)])
        self.assertIn(ask("/v1/whoami?nonsense=1"), (200, 429))
        self.options("runsctl serve", store=f"sqlite:{self.folder / 'runs.db'}")
        process.popen.send_signal(signal.SIGHUP)
        process.wait_for_log(lambda l: l.get("option") == "--limit-reads" and l.get("to") == "none",
                             "the limit is off")
        self.assertEqual(0, process.stop())

    def test_a_secret_is_not_logged(self):
        self.options("runsd")
        process = self.start("runsd")
        self.options("runsd", trace_endpoint="http://me:hunter2@127.0.0.1:9/v1/traces")
        self.assertIn(f"{self.file}:4:19: runsd.trace-endpoint: ", self.hang_up(
            process, "the configuration was not read again: all options stay")[-1]["error"])
        self.assertNotIn("hunter2", process.text())
        self.assertEqual(0, process.stop())


if __name__ == "__main__":
    unittest.main()
