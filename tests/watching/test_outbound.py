"""Where a webhook may go, and what may come back: no redirects, no private addresses, bounded time and size."""

import datetime
import socket
import ssl
import threading
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accounts import outbound
from accounts.outbound import Allowed, NotSent, TargetRefused
from tests.watching.receiver import receiving

NEAR = Allowed(private=True, http=True)
PATIENCE = 60.0


def post(url, *, allowed=NEAR, timeout=PATIENCE):
    return outbound.post(url, b'{"a":1}', {"Content-Type": "application/json"}, timeout=timeout, allowed=allowed)


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.255.0.1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 0.1.2.3
    224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fc00::1 fd12::1 fec0::1 ff02::1
    2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1
    2002:7f00:1::1 2001:0:7f00:1::1 ::127.0.0.1""".split(),
)
def test_addresses_that_only_we_can_reach_are_refused(address):
    assert not outbound.is_allowed(ip_address(address), Allowed())


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_on_the_internet_are_not(address):
    assert outbound.is_allowed(ip_address(address), Allowed())


@pytest.mark.parametrize("address", ["224.0.0.1", "0.0.0.0", "::", "ff02::1"])
def test_some_are_refused_even_where_private_ones_are_allowed(address):
    assert not outbound.is_allowed(ip_address(address), NEAR)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "ftp://hooks.example.org/",
        "file:///etc/passwd",
        "https:///x",
        "https://",
        "hooks.example.org",
        "//hooks.example.org",
        "https://user@hooks.example.org/",
        "https://user:password@hooks.example.org/",
        "https://hooks.example.org/#part",
        "https://hooks.example.org:99999/",
        "https://hooks.example.org:port/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[::1/",
        "https://hooks.example.org/a b",
        "https://hooks.example.org/\r\nX: y",
        "https://höoks.example.org/",
        "https://hooks.example.org/" + "a" * 2000,
    ],
)
def test_urls_that_nothing_is_sent_to(url):
    with pytest.raises(TargetRefused):
        outbound.check_url(url, Allowed())


def test_https_on_the_internet_is_fine():
    assert outbound.check_url("https://hooks.example.org:8443/a?b=c", Allowed()).hostname == "hooks.example.org"


def resolving(monkeypatch, *addresses):
    asked = []

    def getaddrinfo(host, port, **_):
        asked.append(host)
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (kinds[ip_address(text).version], socket.SOCK_STREAM, 6, "", (text, port, *([0, 0] if ":" in text else [])))
            for text in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
def test_a_name_that_resolves_to_a_private_address_is_refused_when_connecting(monkeypatch, address):
    resolving(monkeypatch, address)
    outbound.check_url("https://inside.example.org/", Allowed())  # its name alone says nothing
    with pytest.raises(TargetRefused, match="private network"):
        post("https://inside.example.org/", allowed=Allowed())


def test_the_connection_goes_to_the_address_that_was_looked_at(monkeypatch):
    """A name that answers otherwise a moment later (DNS rebinding) leads nowhere else: it is asked once."""
    with receiving() as receiver:
        asked = resolving(monkeypatch, "127.0.0.1")
        assert post(f"http://somewhere.example.org:{receiver.port}/hook") == 204
        assert asked == ["somewhere.example.org"]
        ((path, headers, body),) = receiver.requests
    assert (path, headers["Host"], body) == ("/hook", f"somewhere.example.org:{receiver.port}", b'{"a":1}')


def test_of_several_addresses_only_the_good_ones_are_tried(monkeypatch):
    tried = []

    def connect(self, address):
        tried.append(address[0])
        raise ConnectionRefusedError

    class Socket(socket.socket):
        pass

    Socket.connect = connect
    resolving(monkeypatch, "10.0.0.1", "8.8.8.8", "127.0.0.1", "1.1.1.1")
    monkeypatch.setattr(outbound.socket, "socket", Socket)
    with pytest.raises(NotSent, match="ConnectionRefusedError"):
        post("https://mixed.example.org/", allowed=Allowed())
    assert tried == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with receiving() as inside:

        def elsewhere(handler):
            handler.send_response(status)
            handler.send_header("Location", inside.url)
            handler.end_headers()

        with receiving(answer=elsewhere) as receiver:
            assert post(receiver.url) == status
        assert inside.requests == []


@pytest.mark.parametrize("drips", [b"H", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
def test_a_server_that_drips_bytes_is_left_after_the_time_out(drips):
    over = threading.Event()

    def dripping(handler):
        try:
            handler.wfile.write(drips)
            while not over.wait(0.05):
                handler.wfile.write(b"a")
        except OSError:
            over.set()

    with receiving(answer=dripping) as receiver:
        with pytest.raises(NotSent):
            post(receiver.url, timeout=1.0)
        assert over.wait(PATIENCE)  # the connection was closed, not only left


def test_a_server_that_never_answers_is_left_too():
    listener = socket.create_server(("127.0.0.1", 0))
    try:
        with pytest.raises(NotSent):
            post(f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.5)
    finally:
        listener.close()


def test_no_more_than_a_little_is_read_of_an_answer():
    written = []

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while len(written) < 100_000:
                handler.wfile.write(b"x" * 65_536)
                written.append(1)
        except OSError:
            pass

    with receiving(answer=endless) as receiver:
        assert post(receiver.url) == 200
    assert len(written) < 1_000


@pytest.mark.parametrize("bytes_sent", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\xff\xfe\r\n"])
def test_an_answer_that_is_none_is_told_without_its_text(bytes_sent):
    def garbled(handler):
        handler.wfile.write(bytes_sent)

    with receiving(answer=garbled) as receiver, pytest.raises(NotSent) as failure:
        post(receiver.url)
    assert str(failure.value).isidentifier()


@pytest.fixture
def certificate(tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example.org")])
    moment = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(moment - datetime.timedelta(days=1))
        .not_valid_after(moment + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "certificate.pem"
    file.write_bytes(key.private_bytes(encoding, private, plain) + made.public_bytes(encoding))
    return file


@pytest.fixture
def tls_port(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
                with context.wrap_socket(client, server_side=True) as stream:
                    heard = b""
                    while not heard.endswith(b'{"a":1}') and (more := stream.recv(65_536)):
                        heard += more
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    stream.recv(1)  # until the other side has read it and closes
            except ssl.SSLError:
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


def test_a_certificate_must_be_good_and_of_that_name(monkeypatch, certificate, tls_port):
    resolving(monkeypatch, "127.0.0.1")
    with pytest.raises(NotSent, match="SSLCertVerificationError"):
        post(f"https://hooks.example.org:{tls_port}/")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert post(f"https://hooks.example.org:{tls_port}/") == 200
    with pytest.raises(NotSent, match="SSLCertVerificationError"):
        post(f"https://other.example.org:{tls_port}/")
