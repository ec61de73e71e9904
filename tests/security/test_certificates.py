import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from swarmpy.errors import InvalidInput, StorageCorrupt
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.security.certificates import (
    CLOCK_SKEW_S,
    IDENTITY_FILE,
    Authority,
    NodeIdentity,
    Subject,
    digest_of,
    new_key_and_csr,
    read_certificate,
    subject_of,
)
from tests.security.certificate_makers import authority, node
from tests.security.plain_disk import PlainDisk

NOW_S = 1_800_000_000.0


def signed(role: NodeRole.ValueType, csr: bytes | None = None) -> x509.Certificate:
    pem = authority().sign(
        csr or new_key_and_csr()[1],
        node_id="node1",
        role=role,
        cluster_id="cluster1",
        ttl_s=60,
        now_s=NOW_S,
    )
    return read_certificate(pem)


@pytest.mark.parametrize(
    ("role", "names"),
    [
        pytest.param(NODE_ROLE_WORKER, ["node1.node.swarmpy"], id="worker"),
        pytest.param(NODE_ROLE_MANAGER, ["node1.node.swarmpy", "manager.swarmpy"], id="manager"),
    ],
)
def test_a_certificate_says_who_a_node_is(role: NodeRole.ValueType, names: list[str]) -> None:
    certificate = signed(role)
    assert subject_of(certificate) == Subject("node1", role, "cluster1")
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert extension.value.get_values_for_type(x509.DNSName) == names
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_a_certificate_allows_for_clocks_that_differ_and_ends_after_its_ttl() -> None:
    certificate = signed(NODE_ROLE_WORKER)
    assert certificate.not_valid_before_utc.timestamp() == NOW_S - CLOCK_SKEW_S
    assert certificate.not_valid_after_utc.timestamp() == NOW_S + 60


def test_the_authority_outlives_its_swarm_and_signs_no_other_authority() -> None:
    ca = read_certificate(Authority.create("cluster1", NOW_S).ca_certificate_pem)
    lifetime = ca.not_valid_after_utc - ca.not_valid_before_utc
    assert lifetime.days == 20 * 365
    limits = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert limits.ca
    assert limits.path_length == 0


def test_what_a_request_asks_for_is_ignored() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "root")])
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    )
    certificate = signed(NODE_ROLE_WORKER, request.public_bytes(serialization.Encoding.PEM))
    assert subject_of(certificate).node_id == "node1"
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def rsa_request() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request_for_a_key_that_is_not_held() -> bytes:
    """Return a request whose public key was exchanged after it was signed."""
    mine, theirs = (x509.load_pem_x509_csr(new_key_and_csr()[1]) for _ in range(2))

    def point(csr: x509.CertificateSigningRequest) -> bytes:
        return csr.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    der = mine.public_bytes(serialization.Encoding.DER).replace(point(mine), point(theirs))
    return x509.load_der_x509_csr(der).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("csr", "message"),
    [
        pytest.param(b"nothing", "cannot be read", id="no request"),
        pytest.param(rsa_request(), "P-256", id="another kind of key"),
        pytest.param(request_for_a_key_that_is_not_held(), "own key", id="somebody else's key"),
    ],
)
def test_a_bad_request_is_refused(csr: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        signed(NODE_ROLE_WORKER, csr)


def test_an_identity_survives_being_saved(tmp_path: Path) -> None:
    identity, disk = node("node1"), PlainDisk()
    assert NodeIdentity.load(disk, tmp_path) is None
    identity.save(disk, tmp_path)
    assert NodeIdentity.load(disk, tmp_path) == identity
    assert stat.S_IMODE((tmp_path / IDENTITY_FILE).stat().st_mode) == 0o600


def test_a_damaged_identity_says_so(tmp_path: Path) -> None:
    disk = PlainDisk()
    node("node1").save(disk, tmp_path)
    path = tmp_path / IDENTITY_FILE
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StorageCorrupt, match="is damaged"):
        NodeIdentity.load(disk, tmp_path)


def test_the_parts_of_an_identity_belong_together() -> None:
    one, other = node("node1"), node("node2")
    with pytest.raises(InvalidInput, match="key is not"):
        NodeIdentity.read(one.certificate_pem, other.key_pem, one.ca_certificate_pem)
    foreign = authority("cluster2").ca_certificate_pem
    with pytest.raises(InvalidInput, match="another swarm"):
        NodeIdentity.read(one.certificate_pem, one.key_pem, foreign)


def test_nothing_secret_is_in_a_repr() -> None:
    identity, ca = node("node1"), authority()
    for shown in (repr(identity), repr(ca)):
        assert "PRIVATE" not in shown
    assert ca.digest == digest_of(ca.ca_certificate_pem)
    assert ca.digest in repr(ca)


def test_an_authority_needs_its_own_key() -> None:
    with pytest.raises(InvalidInput, match="not the one of its certificate"):
        Authority(authority().ca_certificate_pem, authority("cluster2").ca_key_pem)
