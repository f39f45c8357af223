"""Sealed values, blind indexes and link tokens: what a stolen dump must not show."""

import pytest
from sqlalchemy.dialects import postgresql

from booking import sealed
from booking.sealed import Keyring, Sealed, UnsealError

OLD = b"an-earlier-secret-for-tests-only-000"
NEW = b"a-later-secret-for-tests-only-000000"
INDEX = b"an-index-secret-for-tests-only-00000"
ring = Keyring({"k1": OLD}, INDEX)


def test_what_is_sealed_is_opened_again() -> None:
    for plain in ("", "0903123456", "Nguyễn Thị Mẫu", "x" * 10_000):
        assert ring.unseal(ring.seal(plain)) == plain


def test_a_sealed_value_shows_nothing_and_never_looks_the_same_twice() -> None:
    first, second = ring.seal("+84903123456"), ring.seal("+84903123456")
    assert first != second
    assert b"903123456" not in first


@pytest.mark.parametrize("at", [0, 2, 5, 14, 20, -1])
def test_a_value_that_was_changed_is_not_opened(at: int) -> None:
    value = bytearray(ring.seal("+84903123456"))
    value[at] ^= 1
    with pytest.raises(UnsealError):
        ring.unseal(bytes(value))


def test_a_value_cut_short_is_not_opened() -> None:
    value = ring.seal("+84903123456")
    for length in (0, 2, 3, 10, 16, len(value) - 1):
        with pytest.raises(UnsealError):
            ring.unseal(value[:length])


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(UnsealError):
        Keyring({"k1": NEW}, INDEX).unseal(ring.seal("+84903123456"))
    with pytest.raises(UnsealError):
        Keyring({"k2": OLD}, INDEX).unseal(ring.seal("+84903123456"))


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key() -> None:
    rotated = Keyring({"k2": NEW, "k1": OLD}, INDEX)
    assert rotated.unseal(ring.seal("old")) == "old"
    assert rotated.seal("new").startswith(b"k2\0")
    with pytest.raises(UnsealError):
        ring.unseal(rotated.seal("new"))
    assert rotated.index("phone", "+84903123456") == ring.index("phone", "+84903123456")


def test_an_index_is_equal_for_equal_values_of_one_purpose_only() -> None:
    assert ring.index("phone", "a") == ring.index("phone", "a")
    assert len(ring.index("phone", "a")) == 32
    others = [ring.index("phone", "b"), ring.index("bhyt", "a"), Keyring({"k1": OLD}, NEW).index("phone", "a")]
    assert ring.index("phone", "a") not in others


def test_a_link_token_fits_one_appointment_in_one_version() -> None:
    token = ring.link_token("one", 1)
    assert len(token) * 6 >= 160 - 6
    assert ring.token_fits(token, "one", 1)
    for other in ((token, "two", 1), (token, "one", 2), (token[:-1], "one", 1), ("", "one", 1), ("ố", "one", 1)):
        assert not ring.token_fits(*other)
    assert not Keyring({"k1": OLD}, NEW).token_fits(token, "one", 1)


def test_a_sealed_column_writes_sealed_and_reads_plain() -> None:
    sealed.install(ring)
    column, dialect = Sealed(), postgresql.dialect()  # type: ignore[no-untyped-call]
    stored = column.process_bind_param("0903123456", dialect)
    assert stored is not None
    assert b"0903123456" not in stored
    assert column.process_result_value(stored, dialect) == "0903123456"
    assert column.process_bind_param(None, dialect) is None
    assert column.process_result_value(None, dialect) is None


def test_without_keys_nothing_is_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_installed", [])
    with pytest.raises(RuntimeError, match="no keys installed"):
        sealed.keys()


def test_the_keys_do_not_show_themselves() -> None:
    assert OLD.decode() not in repr(ring)
    assert INDEX.decode() not in repr(ring)
