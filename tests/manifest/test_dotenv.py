import pytest

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.dotenv import read_dotenv


def test_lines_quotes_comments_and_bare_names() -> None:
    text = """
# comment
A=1
export B = two words  # not this
C='single $X # kept'
D="line\\nbreak \\"quoted\\""
E
F=
"""
    assert read_dotenv(text, ".env") == {
        "A": "1",
        "B": "two words",
        "C": "single $X # kept",
        "D": 'line\nbreak "quoted"',
        "E": None,
        "F": "",
    }


@pytest.mark.parametrize("line", ["1A=2", "=x", "no spaces allowed", 'A="open'])
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(InvalidManifest, match=r"\.env:2:1"):
        read_dotenv(f"OK=1\n{line}\n", ".env")
