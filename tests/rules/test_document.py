"""Reading YAML strictly, with lines."""

import pytest

from triage.errors import ConfigurationError
from triage.rules.document import MAX_BYTES, read_document


def test_values_and_their_lines_are_kept():
    document = read_document("a: 1\nb:\n  - x\n  - {c: true}\n", "f.yaml")
    assert document.values == {"a": 1, "b": ["x", {"c": True}]}
    assert document.line_of(("b", 1, "c")) == 4
    assert document.line_of(("b", 1, "not there")) == 4
    assert document.line_of(("nowhere",)) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("17:00", "17:00"),
        ("no", "no"),
        ("on", "on"),
        ("2027-01-31", "2027-01-31"),
        ("0x10", "0x10"),
        ("'3'", "3"),
        ("3", 3),
        ("-2.5", -2.5),
        ("false", False),
        ("~", None),
        ("", None),
    ],
)
def test_plain_scalar_is_read_as_yaml_1_2_does(text, value):
    found = read_document(f"key: {text}\n", "f.yaml").values["key"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: &x [1]\n", 1, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: !!python/object:os.system x\n", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("- a\n", 1, "mapping of keys"),
        ("just text", 1, "mapping of keys"),
        ("", 1, "mapping of keys"),
        ("a: b: c\n", 1, "not valid YAML"),
        ("a:\n\t- b\n", 2, "not valid YAML"),
        ("? [a]\n: b\n", 1, "a text as key"),
        ("a: " + "[" * 30 + "]" * 30, 1, "nested more than"),
    ],
)
def test_anything_else_is_refused_with_its_line(text, line, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_document(text, "f.yaml")
    assert caught.value.line == line
    assert str(caught.value).startswith(f"f.yaml:{line}: ")


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 50_000, "a: \x00", "\ud800: a"])
def test_hostile_text_is_refused_and_harms_nobody(text):
    with pytest.raises(ConfigurationError):
        read_document(text, "f.yaml")


def test_huge_file_is_refused():
    with pytest.raises(ConfigurationError, match=f"at most {MAX_BYTES}"):
        read_document("a: " + "x" * MAX_BYTES, "f.yaml")


def test_duplicate_key_is_a_fault_in_the_line_of_the_second():
    document = read_document("a: 1\nb: 2\na: {c: 3}\n", "f.yaml")
    assert document.values == {"a": 1, "b": 2}
    with pytest.raises(ConfigurationError, match="duplicate key 'a', first given in line 1") as caught:
        document.raise_faults()
    assert caught.value.line == 3


def test_first_fault_in_the_file_is_raised_and_the_others_are_counted():
    document = read_document("a: 1\nb: 2\nc: 3\n", "f.yaml")
    document.fault(("c",), "third")
    document.fault(("b",), "second")
    with pytest.raises(ConfigurationError, match=r"f.yaml:2: second \(\+1 more\)"):
        document.raise_faults()
