"""How runsctl reaches a server: what it says of an address that is another's, and typed tokens."""

import os
import signal
import socket
import ssl
import threading
import unittest

from harness import DEADLINE_S, program, runsctl, serve_for
from terminal import Terminal

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE = range(7)


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        serve_for(cls)
        cls.env = {"RUNSCTL_TOKEN": cls.token}


class Speaker:
    """Listens and answers each connection with the same bytes, or by what wrap makes of it."""

    def __init__(self, answer, wrap=None):
        self.answer, self.wrap = answer, wrap
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.heard = b""
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            try:
                connection.settimeout(DEADLINE_S)
                if self.wrap:
                    connection = self.wrap(connection)
                connection.sendall(self.answer)
                while True:
                    piece = connection.recv(4096)
                    if not piece:
                        return
                    self.heard += piece
            except OSError:
                pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(DEADLINE_S)


class OtherAddress(Served):
    def said(self, address, *more, code=UNAVAILABLE):
        done = runsctl("runs", "list", "--server", address, *more, env=self.env)
        self.assertEqual((code, ""), (done.returncode, done.stdout), done.stderr)
        self.assertEqual(1, done.stderr.count("\n"), done.stderr)
        return done.stderr

    def test_rest(self):
        address = f"127.0.0.1:{self.server.http_port}"
        for more in ((), ("--json",)):
            said = self.said(address, *more)
            self.assertIn(f"{address} speaks HTTP/1.1, so it may be REST's address; --server takes "
                          "that of gRPC", said)
        made = runsctl("tokens", "list", "--server", f"localhost:{self.server.http_port}",
                       env=self.env)
        self.assertIn("REST's address", made.stderr)

    def test_tls(self):
        # It needs no certificate to answer a ClientHello with an alert.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        speaker = Speaker(b"", lambda c: context.wrap_socket(c, server_side=True))
        self.addCleanup(speaker.close)
        self.assertIn(f"{speaker.address} speaks TLS", self.said(speaker.address))

    def test_others(self):
        for answer, words in ((b"SSH-2.0-OpenSSH_9.2\r\n", 'it answers "SSH-2.0-OpenSSH_9.2"'),
                              (b"HTTP/1.1 400 Bad Request\r\n\r\nThis is an HTTPS port", "TLS"),
                              (b"+OK \x1b[2J\r\n", r"\x1B[2J"),
                              (b"\x00\x01\x02", "; see wh"), (b"", "; see whether it runs at")):
            speaker = Speaker(answer)
            self.addCleanup(speaker.close)
            # One that is silent is waited for; the look takes another second.
            said = self.said(speaker.address, "--timeout-ms", "2000")
            self.assertIn(words, said)
            self.assertNotIn(self.token.encode(), speaker.heard)

    def test_nobody(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        self.assertIn(f"see whether it runs at {address}", self.said(address))

    def test_a_url_is_no_address(self):
        for url in ("http://127.0.0.1:50051", "https://example.com", "grpc://h:1/"):
            self.assertIn("it is a URL", self.said(url, code=USAGE))

    def test_a_server_that_answers_is_not_asked_what_it_is(self):
        done = runsctl("runs", "list", "--server", self.server.grpc, env={"RUNSCTL_TOKEN": "nope"})
        self.assertEqual(DENIED, done.returncode)
        self.assertNotIn("speaks", done.stderr)


class TokenOptions(Served):
    def test_what_is_no_token(self):
        path = self.place.path / "empty"
        path.write_text("\n")
        for words, more in (("exclude each other", ("--token", "a", "--token-file", str(path))),
                            ("there is no token in", ("--token-file", str(path))),
                            ("No such file", ("--token-file", "/nowhere")),
                            ("no printable ASCII", ("--token", "a b")),
                            ("--token: give the token alone, without \"Bearer\"",
                             ("--token", f"Bearer {self.token}"))):
            done = runsctl("whoami", "--server", self.server.grpc, *more, env={"RUNSCTL_TOKEN": ""})
            self.assertEqual((USAGE, ""), (done.returncode, done.stdout))
            self.assertIn(words, done.stderr)


    def test_no_token(self):
        done = runsctl("runs", "list", "--server", self.server.grpc, env={"RUNSCTL_TOKEN": ""})
        self.assertEqual((DENIED, ""), (done.returncode, done.stdout))
        self.assertRegex(done.stderr, "no token was sent; give a token with --token, --token-file "
                         "or RUNSCTL_TOKEN")
        self.assertNotIn("Authorization", done.stderr)
        done = runsctl("runs", "list", "--server", self.server.grpc,
                       env={"RUNSCTL_TOKEN": f"bearer {self.token}"})
        self.assertEqual(USAGE, done.returncode)
        self.assertIn("RUNSCTL_TOKEN: give the token alone", done.stderr)


class TypedToken(Served):
    def start(self, file="-"):
        terminal = Terminal((program("runsctl"), "whoami", "--server", self.server.grpc,
                             "--token-file", file), env={"RUNSCTL_TOKEN": ""})
        self.addCleanup(terminal.kill)
        terminal.wait_for(b"Token: ")
        terminal.wait_for_echo(False)
        return terminal

    def test_is_not_shown(self):
        for file in ("-", "/dev/stdin", "/dev/tty"):
            terminal = self.start(file)
            terminal.type(self.token.encode() + b"\n")
            status, lines = terminal.finish()
            self.assertEqual(OK, status, lines)
            self.assertNotIn(self.token, "\n".join(lines))
            self.assertIn("organization  acme", lines)

    def test_a_pipe_that_is_named_is_read_once(self):
        path = str(self.place.path / "fifo")
        os.mkfifo(path)
        writer = threading.Thread(target=lambda: open(path, "w", encoding="ascii").write(
            self.token + "\n"), daemon=True)
        writer.start()
        done = runsctl("whoami", "--server", self.server.grpc, "--token-file", path,
                       env={"RUNSCTL_TOKEN": ""})
        writer.join(DEADLINE_S)
        self.assertEqual((OK, ""), (done.returncode, done.stderr))

    def test_no_token(self):
        for keys in (b"\n", b"\x04"):
            terminal = self.start()
            terminal.type(keys)
            status, lines = terminal.finish()
            self.assertEqual(USAGE, status, lines)
            self.assertIn("--token-file: no token was typed", lines[-1])

    def test_a_token_that_is_none_is_not_shown_either(self):
        terminal = self.start()
        terminal.type(b"mis typed\n")
        status, lines = terminal.finish()
        self.assertEqual(USAGE, status)
        self.assertNotIn("typed", "\n".join(lines).replace("Token:", ""))

    def test_the_terminal_shows_again_what_is_typed(self):
        """After the signals of the keyboard: Ctrl-C and Ctrl-backslash, and one from elsewhere."""
        for end, number in ((lambda t: t.type(b"\x03"), signal.SIGINT),
                            (lambda t: t.type(b"\x1c"), signal.SIGQUIT),
                            (lambda t: os.kill(t.pid, signal.SIGTERM), signal.SIGTERM)):
            # The terminal outlives the program in a shell, which says how the program ended.
            shell = Terminal(("/bin/sh", "-c", 'trap : INT QUIT; ulimit -c 0; "$@"; '
                              'echo "ended: $?"; stty -a', "sh", program("runsctl"), "whoami",
                              "--token-file", "-"), env={"RUNSCTL_TOKEN": ""})
            self.addCleanup(shell.kill)
            shell.wait_for(b"Token: ")
            shell.wait_for_echo(False)
            if number == signal.SIGTERM:
                with open(f"/proc/{shell.pid}/task/{shell.pid}/children", encoding="ascii") as file:
                    child = file.read()
                os.kill(int(child), signal.SIGTERM)
            else:
                end(shell)
            status, lines = shell.finish()
            text = "\n".join(lines)
            self.assertEqual(0, status, text)
            self.assertIn(f"ended: {128 + number}", text)
            self.assertRegex(text, r"[; ]echo ")

    def test_from_a_pipe_nothing_is_asked(self):
        done = runsctl("whoami", "--server", self.server.grpc, "--token-file", "-",
                       input=self.token + "\n", env={"RUNSCTL_TOKEN": ""})
        self.assertEqual((OK, ""), (done.returncode, done.stderr))


del Served  # it has no tests of its own

if __name__ == "__main__":
    unittest.main()
