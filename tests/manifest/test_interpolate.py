import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.manifest.interpolate import interpolate
from swarmpy.manifest.problems import Problems
from swarmpy.manifest.tree import Place, Scalar

ENVIRONMENT = {"A": "apple", "EMPTY": "", "B": "b"}


def replaced(text: str) -> tuple[str, list[str]]:
    problems = Problems()
    value = interpolate(Scalar(Place("f", 1, 1), text, plain=True), ENVIRONMENT, problems, "p")
    assert isinstance(value, Scalar)
    return value.text, [line for _, line in problems._faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$A and ${A}", "apple and apple"),
        ("$$A", "$A"),
        ("$NONE.", "."),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}${EMPTY-y}", "x"),
        ("${NONE-y}", "y"),
        ("${A:+set}${NONE:+set}${EMPTY+there}", "setthere"),
        ("${NONE:-${B:-c}$A}", "bapple"),
        ("${A:?needed}", "apple"),
        ("${NONE:-a}b}", "ab}"),
        ("cost: 5$$", "cost: 5$"),
    ],
)
def test_variables_are_replaced(text: str, expected: str) -> None:
    assert replaced(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("${A", "is followed by"),
        ("${NONE:-x", "without its }"),
        ("$1", "no name after $"),
        ("50$", "no name after $"),
        ("${NONE:?the key}", "variable NONE is not set: the key"),
        ("${EMPTY:?}", "it is required"),
        ("${A!}", "is followed by '!'"),
        ("${NONE:-" * 20 + "}" * 20, "nested deeper than 16"),
    ],
)
def test_faults_name_the_place(text: str, fault: str) -> None:
    _, faults = replaced(text)
    assert len(faults) == 1
    assert faults[0].startswith("f:1:1 p: ")
    assert fault in faults[0]


@given(st.text(alphabet="$${}:-?+AB \\", max_size=40))
def test_any_text_is_replaced_or_refused(text: str) -> None:
    replaced(text)


@given(st.text(max_size=40))
def test_doubled_dollars_give_the_text_back(text: str) -> None:
    assert replaced(text.replace("$", "$$")) == (text, [])
