from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.schedule.pattern import PATTERN_MAX, TEXT_MAX, compiled, matches
from swarmpy.errors import InvalidInput


@pytest.mark.parametrize(
    ("pattern", "text", "is_match"),
    [
        ("host-[0-9]+", "host-12", True),
        ("host", "host-12", False),
        ("HOST.*", "host-12", True),
        ("^host-12$", "host-12", True),
        ("a|b|c", "b", True),
        ("(?:north|south)-(\\d{1,3})", "south-7", True),
        ("(ab){2,3}", "ababab", True),
        ("[]a]+", "a]", True),
        ("[^-]+", "ab", True),
        ("a\\.b", "a.b", True),
        ("a{2}", "aa", True),
        (".*-.*", "eu-west", True),
        ("a+?", "aaa", True),
        ("", "", True),
    ],
)
def test_a_pattern_describes_the_whole_text(pattern: str, text: str, is_match: bool) -> None:
    assert matches(pattern, text) is is_match


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(a+)+", "too many ways"),
        ("(a*)*b", "too many ways"),
        ("(a|a)*b", "too many ways"),
        ("(a?){30}", "too many ways"),
        ("a?" * 40, "too many ways"),
        ("(a|a)" * 25, "too many ways"),
        (".*.*.*x", "too many ways"),
        ("(?=a)b", "looks around or has a name, at its character 1"),
        ("(?P<n>a)", "looks around or has a name"),
        ("(a)\\1", "escape other than"),
        ("a)", "closes a group that was not opened, at its character 2"),
        ("(a", "opens a group that is not closed, at its character 1"),
        ("x[a", "opens a class that is not closed, at its character 2"),
        ("[[a]]", "class within a class"),
        ("*a", "cannot be read (nothing to repeat), at its character 1"),
        ("a**", "cannot be read (multiple repeat)"),
        ("a" * (PATTERN_MAX + 1), "is longer than 128 characters"),
    ],
)
def test_what_may_run_for_long_or_cannot_be_read_is_refused(pattern: str, fault: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compiled(pattern)
    assert fault in refused.value.message
    assert refused.value.remedy


@given(
    pattern=st.text(alphabet="ab.*+?|(){}[]^-,12\\\\d", max_size=24),
    text=st.text(alphabet="ab", max_size=TEXT_MAX),
)
def test_an_accepted_pattern_says_what_python_says_and_is_done_at_once(
    pattern: str, text: str
) -> None:
    try:
        compiled(pattern)
    except InvalidInput:
        return
    began = process_time()
    found = matches(pattern, text)
    assert process_time() - began < 1.0
    assert found is (re.fullmatch(pattern, text, re.IGNORECASE) is not None)


def test_the_worst_accepted_pattern_is_done_at_once() -> None:
    began = process_time()
    assert not matches("(a|a|a|a)(a|a|a|a).*.*x", "a" * TEXT_MAX)
    assert process_time() - began < 1.0
