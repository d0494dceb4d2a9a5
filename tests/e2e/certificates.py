"""Certificates for the tests, made by the openssl command in a folder of the test's own."""

import pathlib
import subprocess

KEYS = {"ec": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "rsa": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")}


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, check=False)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr}")
    return done.stdout


class Pair:
    """The files of a certificate and its private key."""

    def __init__(self, folder, name):
        self.cert = pathlib.Path(folder) / f"{name}.pem"
        self.key = pathlib.Path(folder) / f"{name}.key"

    def put_at(self, other):
        """Takes the place of another pair's files, the key first, as a careless tool does it."""
        other.key.write_bytes(self.key.read_bytes())
        other.cert.write_bytes(self.cert.read_bytes())


def make_key(path, kind):
    openssl("genpkey", *KEYS[kind], "-out", path)
    path.chmod(0o600)


class Authority(Pair):
    """One that signs, and is its own issuer."""

    def __init__(self, folder, name="ca"):
        super().__init__(folder, name)
        self.folder = pathlib.Path(folder)
        make_key(self.key, "ec")
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.cert, "-days", 30,
                "-subj", f"/CN={name}")

    def issue(self, name, names, use="serverAuth", key="ec", days=10):
        """Signs a certificate for names such as "DNS:localhost"; one of negative days has
        expired."""
        pair = Pair(self.folder, name)
        make_key(pair.key, key)
        request = self.folder / f"{name}.csr"
        openssl("req", "-new", "-key", pair.key, "-out", request, "-subj", f"/CN={name}")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(names)}\nextendedKeyUsage={use}\n"
                              "basicConstraints=CA:FALSE\n", encoding="utf-8")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
                "-set_serial", abs(hash(name)) + 2, "-days", days, "-extfile", extensions,
                "-out", pair.cert)
        return pair
