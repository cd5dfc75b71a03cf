# SPDX-License-Identifier: Apache-2.0
"""A hub of a page, for tests of the sensor: enrolment and ingest over TLS 1.3, and a ledger of what came.

It is written from the description of the wire alone (src/record/message.h), so that it and the program err apart.
Certificates are made with the openssl command.
"""

import base64
import hashlib
import pathlib
import socket
import ssl
import struct
import subprocess
import threading
import time
import uuid

HELLO, WELCOME, BATCH, GAP, BEAT, BEAT_BACK, ACK, REFUSE, RENEW, RENEWED = range(1, 11)
NO_DIGEST = bytes(32)
MAGIC = b"NOROSHI FLOWS\r\n\x1a"


def openssl(*words, stdin=None):
    done = subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.decode()[:300]}")
    return done.stdout


class Authority:
    """Certificates of one hub."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.certificate = self.folder / "ca.key", self.folder / "ca.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)
        config = self.config("ca", "basicConstraints=critical,CA:true", "keyUsage=critical,keyCertSign,cRLSign",
                             "subjectKeyIdentifier=hash")
        openssl("req", "-new", "-x509", "-key", self.key, "-subj", "/CN=test authority", "-days", "30", "-config", config,
                "-extensions", "ext", "-out", self.certificate)
        self.server = self.make_server()

    def config(self, name, *lines):
        path = self.folder / f"{name}.cnf"
        path.write_text("[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=x\n[ext]\n" + "\n".join(lines) + "\n")
        return path

    def sign(self, request, name, seconds, *lines):
        """Certificate for a PKCS #10 request; the names are ours."""
        config = self.config(name, "basicConstraints=critical,CA:false", "keyUsage=critical,digitalSignature", *lines)
        start = time.time() - 3600
        database = self.folder / f"{name}.db"
        database.write_text("")
        extra = config.read_text() + f"[ca]\ndefault_ca=c\n[c]\ndatabase={database}\nnew_certs_dir={self.folder}\n" \
            "rand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=optional\n"
        config.write_text(extra)
        stamp = [time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t)) for t in (start, time.time() + seconds)]
        path = self.folder / f"{name}.csr"
        path.write_bytes(request)
        out = self.folder / f"{name}.pem"
        openssl("ca", "-batch", "-config", config, "-cert", self.certificate, "-keyfile", self.key, "-in", path, "-subj",
                f"/CN={name}", "-extensions", "ext", "-startdate", stamp[0], "-enddate", stamp[1], "-notext", "-out", out)
        return out.read_text()

    def make_server(self):
        key, chain = self.folder / "hub.key", self.folder / "hub-chain.pem"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        request = openssl("req", "-new", "-key", key, "-subj", "/CN=hub", "-config", self.config("hubreq"))
        text = self.sign(request, "hub", 86400, "extendedKeyUsage=serverAuth",
                         f"subjectAltName=URI:urn:noroshi:hub:{uuid.uuid4()},IP:127.0.0.1,DNS:localhost,IP:10.78.0.1")
        chain.write_text(text + self.certificate.read_text())
        return chain, key

    def pin(self):
        public = openssl("x509", "-in", self.certificate, "-pubkey", "-noout")
        return hashlib.sha256(openssl("pkey", "-pubin", "-outform", "DER", stdin=public)).digest()

    def token(self, secret):
        pin = self.pin()
        whole = pin + hashlib.blake2b(pin, digest_size=32).digest()[:3]
        return secret + "." + base64.b32encode(whole).decode().lower().rstrip("=")


class Ledger:
    """What one sensor delivered. Every batch and gap is checked against what came before."""

    def __init__(self):
        self.epoch = self.seq = 0
        self.digest = NO_DIGEST
        self.rows = self.gap_rows = self.gap_packets = self.repeats = 0
        self.payloads, self.gaps, self.faults, self.beats, self.epochs = [], [], [], [], []

    def batch(self, body):
        epoch, seq = struct.unpack_from("<QQ", body)
        previous, payload = body[16:48], body[56:]
        if (epoch, seq) <= (self.epoch, self.seq):
            self.repeats += 1
            return
        self.follow(epoch, seq, previous)
        self.digest = hashlib.blake2b(body[:48] + payload, digest_size=32).digest()
        self.rows += struct.unpack_from("<I", payload, 16)[0]
        self.payloads.append(payload)
        self.seq = seq

    def gap(self, body):
        epoch, first, last = struct.unpack_from("<QQQ", body)
        observations, packets, first_tick, last_tick, reason = struct.unpack_from("<QQqqB", body, 56)
        if (epoch, last) <= (self.epoch, self.seq):
            self.repeats += 1
            return
        self.follow(epoch, first, None)
        self.seq, self.digest = last, body[24:56]
        self.gap_rows += observations
        self.gap_packets += packets
        self.gaps.append((first, last, observations, packets, first_tick, last_tick, reason))

    def follow(self, epoch, seq, previous):
        if epoch != self.epoch:
            self.epochs.append(epoch)
            if epoch < self.epoch:
                self.faults.append(f"epoch {epoch} after {self.epoch}")
            self.epoch, self.seq, self.digest = epoch, 0, NO_DIGEST
        if seq != self.seq + 1:
            self.faults.append(f"batch {seq} after {self.seq}")
        if previous is not None and previous != self.digest:
            self.faults.append(f"batch {seq} does not follow from the one before")

    def flows(self):
        return MAGIC + b"".join(self.payloads)


class Hub:
    """Serves until closed. Partition: `refuse` closes every connection at once; cut() closes those that are."""

    def __init__(self, folder, host="127.0.0.1", port=0):
        self.authority = Authority(folder)
        self.ledger, self.lock = Ledger(), threading.Lock()
        self.host, self.refuse, self.closing = host, False, False
        self.connections, self.secret = [], "nre_test"
        self.valid_s, self.ack_every, self.cut_after, self.hold_acks = 86400, 1, 0, False
        self.damaged, self.refusals = set(), 0  # numbers of batches that are refused
        self.sensor = str(uuid.uuid4())
        self.enrolled = self.renewals = self.sessions = self.plain = 0
        self.ingest = self.listen(port, self.make_context(True), self.talk)
        self.web = self.listen(0, self.make_context(False), self.enrol)

    def make_context(self, mutual):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.load_cert_chain(*self.authority.server)
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.certificate)
        return context

    def listen(self, port, context, serve):
        listener = socket.create_server((self.host, port))
        threading.Thread(target=self.accept, args=(listener, context, serve), daemon=True).start()
        return listener

    @staticmethod
    def port_of(listener):
        return listener.getsockname()[1]

    def accept(self, listener, context, serve):
        while not self.closing:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            self.plain += 1
            if self.refuse:
                plain.close()
                continue
            threading.Thread(target=self.handle, args=(plain, context, serve), daemon=True).start()

    def handle(self, plain, context, serve):
        try:
            plain.settimeout(30)
            with context.wrap_socket(plain, server_side=True) as stream:
                self.connections.append(stream)
                serve(stream)
        except (OSError, ValueError, struct.error, RuntimeError):
            pass
        finally:
            plain.close()

    # ---- enrolment ----

    def enrol(self, stream):
        text = b""
        while b"\r\n\r\n" not in text:
            text += stream.recv(4096) or b"\r\n\r\n"
        head, body = text.split(b"\r\n\r\n", 1)
        length = int([line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")][0])
        while len(body) < length:
            body += stream.recv(4096)
        secret, request = body.split(b"\n", 1)
        if secret.decode() != self.secret or not head.startswith(b"POST /api/v1/enrol HTTP/1.1"):
            answer = b"this token is not known\n"
            stream.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            return
        self.enrolled += 1
        answer = f"ingest {self.host}:{self.port_of(self.ingest)}\nsensor {self.sensor}\n" + self.certify(request)
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                       % len(answer) + answer.encode())

    def certify(self, request):
        certificate = self.authority.sign(request, "sensor", self.valid_s, "extendedKeyUsage=clientAuth",
                                          f"subjectAltName=URI:urn:noroshi:sensor:{self.sensor}")
        return certificate + self.authority.certificate.read_text()

    # ---- ingest ----

    @staticmethod
    def read(stream, n):
        out = b""
        while len(out) < n:
            part = stream.recv(n - len(out))
            if not part:
                raise ConnectionError("ended")
            out += part
        return out

    def message(self, stream):
        length, version, kind, zero = struct.unpack("<IBBH", self.read(stream, 8))
        if version != 1 or zero != 0:
            raise ValueError("head")
        return kind, self.read(stream, length)

    @staticmethod
    def send(stream, kind, body):
        stream.sendall(struct.pack("<IBBH", len(body), 1, kind, 0) + body)

    def talk(self, stream):
        kind, body = self.message(stream)
        if kind != HELLO:
            raise ValueError("no hello")
        self.sessions += 1
        with self.lock:
            ledger = self.ledger
            welcome = struct.pack("<QQ", ledger.epoch, ledger.seq) + ledger.digest
        self.send(stream, WELCOME, welcome + struct.pack("<qII", time.time_ns(), 1000, 1000))
        n = 0
        while True:
            kind, body = self.message(stream)
            if kind == BATCH and struct.unpack_from("<Q", body, 8)[0] in self.damaged:
                self.call_damaged(stream, body)
                return
            with self.lock:
                self.take(stream, kind, body)
            n += kind in (BATCH, GAP)
            if self.cut_after and n >= self.cut_after:
                return

    def call_damaged(self, stream, body):
        self.refusals += 1
        self.send(stream, REFUSE, struct.pack("<BI", 6, 100) + body[:16] + b"not a whole batch")
        while stream.recv(65536):  # a socket closed before all is read would take these words back
            pass

    def take(self, stream, kind, body):
        if kind == BATCH:
            self.ledger.batch(body)
        elif kind == GAP:
            self.ledger.gap(body)
        elif kind == BEAT:
            self.ledger.beats.append(struct.unpack("<QqqqQQQQQQQQIB", body))
            self.send(stream, BEAT_BACK, body[:16] + struct.pack("<q", time.time_ns()))
        elif kind == RENEW:
            self.renewals += 1
            self.valid_s = 86400
            self.send(stream, RENEWED, self.certify(body).encode())
        if kind in (BATCH, GAP) and not self.hold_acks:
            self.send(stream, ACK, struct.pack("<QQ", self.ledger.epoch, self.ledger.seq))

    def cut(self):
        for stream in self.connections:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.connections.clear()

    def close(self):
        self.closing = True
        for listener in (self.ingest, self.web):
            listener.close()
        self.cut()
