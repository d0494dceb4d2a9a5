"""That the commands of docs/TLS.md do what it says."""

import os
import re
import ssl
import subprocess
import sys
import unittest

import stubs
from harness import DEADLINE_S, ROOT, Place, Process, bin_dir
from test_stream_proxies import free_port

PAGE = ROOT / "docs" / "TLS.md"
SECTION = "An authority of one's own"


def blocks(heading, language):
    """The blocks of a language under a heading."""
    part, = re.findall(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)",
                       PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


class Page(unittest.TestCase):
    def setUp(self):
        self.place = Place()
        self.addCleanup(self.place.remove)
        self.http, self.grpc = free_port(), free_port()
        self.environment = {**os.environ, "PATH": f"{bin_dir() / 'ctl'}:{os.environ['PATH']}"}

    def ours(self, text):
        """As it stands there, with our ports."""
        self.assertRegex(text, "8443|50051")
        return text.replace("8443", str(self.http)).replace("50051", str(self.grpc))

    def must(self, *command, **more):
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S,
                              check=False, cwd=self.place.path,
                              env={**self.environment, **more})
        self.assertEqual(0, done.returncode, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def shell(self, command):
        return self.must("bash", "-euc", command)

    def serve(self, command):
        server = Process("env", "-C", str(self.place.path), f"PATH={self.environment['PATH']}",
                         "bash", "-euc", f"exec {self.ours(command)}")
        self.addCleanup(server.kill)
        server.wait_for_log(lambda l: l.get("message") == "ready" and l.get("port") == self.http,
                            "ready")
        return server

    def test_an_authority_and_what_it_signs_are_enough_to_call(self):
        certificates, token, serve, call = blocks(SECTION, "sh")
        python, = blocks(SECTION, "python")
        self.shell(certificates)
        for name in ("ca", "server", "worker"):
            self.assertEqual(0o600, (self.place.path / f"{name}.key").stat().st_mode & 0o777)
        self.shell(token)
        server = self.serve(serve)
        said = self.shell(self.ours(call))
        self.assertIn('"clientSan":"uri:spiffe://acme/worker"', said.replace(" ", ""))
        self.assertRegex(said, r"certificate +uri:spiffe://acme/worker")
        said = self.must(sys.executable, "-c", self.ours(python), PYTHONPATH=stubs.FOLDER)
        self.assertEqual("worker uri:spiffe://acme/worker\n", said)
        self.assertEqual(0, server.stop())

    def test_the_certificate_for_a_try_is_served(self):
        section, = re.findall(r"\A# TLS\n(.*?)^## ", PAGE.read_text(encoding="utf-8"),
                              re.MULTILINE | re.DOTALL)
        _, make = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        self.shell(make)
        server = self.serve("runsctl serve --store memory: --http 127.0.0.1:8443 "
                            "--grpc 127.0.0.1:50051 --tls-cert cert.pem --tls-key key.pem")
        text = ssl.get_server_certificate(("localhost", self.http), timeout=DEADLINE_S)
        self.assertEqual((self.place.path / "cert.pem").read_text(encoding="ascii").split(),
                         text.split())
        self.assertEqual(0, server.stop())


if __name__ == "__main__":
    unittest.main()
