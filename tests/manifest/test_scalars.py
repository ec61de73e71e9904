import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.manifest import scalars
from swarmpy.manifest.units import duration_s, port_range, size_bytes


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-12", -12), ("+7", 7), ("0o17", 15), ("0xfF", 255), ("010", 10)],
)
def test_whole_numbers_are_those_of_yaml_1_2(text: str, number: int) -> None:
    assert scalars.as_integer(text) == number


@pytest.mark.parametrize("text", ["22:22", "1_000", "0b11", "", "1.0", "٣", "1" * 65])
def test_what_yaml_1_1_called_a_number_is_text(text: str) -> None:
    assert scalars.as_integer(text) is None


@pytest.mark.parametrize("text", ["no", "off", "y", "YES", "On"])
def test_the_norway_problem_is_gone(text: str) -> None:
    assert scalars.as_boolean(text) is None
    assert not scalars.is_null(text)


@pytest.mark.parametrize(
    ("text", "number"), [("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("3", 3.0)]
)
def test_numbers(text: str, number: float) -> None:
    assert scalars.as_number(text) == number


@pytest.mark.parametrize("text", [".inf", "nan", "1e999", "1.2.3"])
def test_what_is_not_finite_is_no_number(text: str) -> None:
    assert scalars.as_number(text) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m30s", 90), ("1.5h", 5400), ("250ms", 0.25), ("0", 0), ("2d", 172800)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "10", "s", "1s 2s", "-1s", "1w", "1m1"])
def test_what_is_no_duration(text: str) -> None:
    assert duration_s(text) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [("1048576", 1 << 20), ("512m", 512 << 20), ("1.5GiB", 3 << 29), ("2kb", 2048), ("7B", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


@given(st.integers(1, 65535), st.integers(0, 200))
def test_a_port_range_holds_every_port_between_its_ends(first: int, more: int) -> None:
    last = first + more
    found = port_range(f"{first}-{last}")
    assert found == (range(first, last + 1) if last <= 65535 else None)


@given(st.text(max_size=20))
def test_no_text_crashes_the_readers(text: str) -> None:
    for read in (scalars.as_integer, scalars.as_number, scalars.as_boolean, duration_s):
        read(text)
    size_bytes(text)
    port_range(text)
