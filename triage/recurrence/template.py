"""The second look: the same words once the parts that change from one occurrence to the next are masked.

A wrong merge hides an outage and a missed one costs a look, so a part is masked only where its form, or the
word beside it, says that it changes by itself. Words are what white space separates.

=====================  ==========================================================  ============================
masked                 form                                                        as
=====================  ==========================================================  ============================
identifiers            UUIDs; 8 or more hex digits with a decimal one among them;  ``<id>``
                       whole numbers of 7 or more digits; ``0x`` and more than 8;
                       ``#12``; numbers after ``pid``, ``order``, ``request`` …;
                       numbers of 4 or more digits between slashes
dates and times        ISO, slashed, dotted, syslog's; clock times                 ``<date>``, ``<time>``
quantities             a number and its unit (``93%``, ``1.5 GiB``, ``1h30m``), a  ``<number>``
                       count and its noun (``5 pods``, ``3 of 5``), a number after
                       ``value``, ``load``, ``count`` …, three or more decimals
addresses of machines  IPv4, IPv6, MAC                                             ``<ip>``, ``<mac>``
e-mail addresses                                                                   ``<email>``
pods                   the suffixes that Kubernetes draws                          ``payments-<pod>``
hosts                  digits in the first label of a dotted name, of a name with  ``web<n>``
                       a port, or of a name after ``host``, ``node``, ``pod`` …
URLs                   credentials, query and fragment; host and path as above     ``https://shop.example/x?<query>``
=====================  ==========================================================  ============================

Kept, since they tell outages apart: bare numbers (HTTP 500 and 404, event 4625), error codes (``ORA-600``,
``0x80070005``), percentiles, ports, versions, paths and devices (``/var``, ``sda1``), and names with a number
where nothing says that they are a host (``db-1``, ``us-east-1``, ``queue-7``). What stands between quotes is often
all that tells two outages apart (a queue, a table), so it is treated like any other text.
"""

import re
from typing import NamedTuple

from triage.recurrence import forms
from triage.recurrence.fingerprint import digest, normalised, scope

# A word without any of these varies by no form.
_MAY_VARY = re.compile(r"[0-9@?#]")
# Longer words are blobs, in which only what is recognised anywhere is masked.
_LONGEST_WORD = 512
_BEFORE = "([{\"'`<>~=≥≤≈+-*|,;"
_AFTER = ")]}\"'`<>.,;:!?*|="
_NUMBER_STARTS = frozenset("0123456789#pP")
# From here on a number is an identifier; error codes and event numbers are shorter.
_LONG_NUMBER = 7
_TRANSPARENT = frozenset({"", "is", "was", "now", "at"})
_MASK = re.compile(r"<(?:id|date|time|number|ip|mac|email|pod|n|query)>")


def mask(text: str) -> str:
    """``text`` with its variable parts masked, on one line. Masking it again changes nothing.

    Linear in the length of the text.
    """
    words = text.split()
    for place, word in enumerate(words):
        if _MAY_VARY.search(word) is not None:
            words[place] = _masked_word(word, _neighbours_of(words, place))
    return " ".join(words)


def template_key(masked: str, service: str | None, environment: str | None, at: str | None = None) -> str | None:
    """``tp1:`` and 32 hex digits, the same for the same masked text within one scope; with a ``place``, ``tp2:``,
    the same within that place only.

    None where no word is left, since then everything would be the same problem.
    """
    left = normalised(masked)
    if not any(character.isalpha() for character in _MASK.sub("", left)):
        return None
    within = scope(service, environment)
    return f"tp1:{digest(left, within)}" if at is None else f"tp2:{digest(left, within, at)}"


class _Neighbours(NamedTuple):
    """What stands beside a word: the last word that says something, the next word, and whether the word is a
    number of ``3 of 5``."""

    before: str = ""
    after: str = ""
    of_many: bool = False


def _neighbours_of(words: list[str], place: int) -> _Neighbours:
    before = ""
    for word in reversed(words[max(0, place - 4) : place]):
        before = _context(word)
        if before not in _TRANSPARENT:
            break
    after = words[place + 1] if place + 1 < len(words) else ""
    of_many = (after == "of" and place + 2 < len(words) and _counts(words[place + 2])) or (
        place > 1 and words[place - 1] == "of" and _counts(words[place - 2])
    )
    return _Neighbours(before, _context(after), of_many)


def _context(word: str) -> str:
    """The word as its neighbours see it. A mask says nothing to them, or masking twice would differ."""
    return "" if "<" in word else word.strip(_BEFORE + _AFTER).casefold()


def _counts(word: str) -> bool:
    return word.startswith("<number>") or forms.WHOLE.fullmatch(word.strip(_BEFORE + _AFTER)) is not None


def _masked_word(word: str, beside: _Neighbours) -> str:
    """The word masked until nothing in it changes; every change takes digits out of it, so this ends."""
    while True:
        if len(word) > _LONGEST_WORD:
            masked = _inner(word)
        else:
            tail = word.lstrip(_BEFORE)
            core = tail.rstrip(_AFTER)
            start, end = word[: len(word) - len(tail)], tail[len(core) :]
            masked = f"{start}{_masked_core(core, end, beside)}{end}"
        if masked == word or _MAY_VARY.search(masked) is None:
            return masked
        word = masked


def _masked_core(core: str, end: str, beside: _Neighbours) -> str:
    """``end`` is the punctuation that followed, which ends a phrase before the next word."""
    if core[:1] in _NUMBER_STARTS:
        number = _masked_number(core, "" if end else beside.after, beside)
        if number is not None:
            return number
    return _masked_value(core, beside.before)


def _masked_number(core: str, after: str, beside: _Neighbours) -> str | None:
    """A mask if this is a number, date or time that varies; ``after`` is the word it may count or measure."""
    if forms.NUMBER.fullmatch(core):
        return _masked_plain_number(core, after, beside)
    if core[0] == "#":
        return "#<id>" if core[1:].isdigit() else None
    if forms.DAY.fullmatch(core) and (beside.before in forms.MONTHS or after in forms.MONTHS):
        return "<date>"
    if forms.QUANTITY.fullmatch(core) and not forms.HTTP_ERRORS.fullmatch(core):
        return "<number>"
    if forms.CLOCK.fullmatch(core):
        return "<time>"
    return "<date>" if forms.DATE.fullmatch(core) else None


def _masked_plain_number(core: str, after: str, beside: _Neighbours) -> str | None:
    """What stands beside a bare number says whether it counts, measures, identifies or names something."""
    if core.isdigit():
        if len(core) >= _LONG_NUMBER or beside.before in forms.ID_WORDS:
            return "<id>"
        if len(core) <= 2 and (beside.before in forms.MONTHS or after in forms.MONTHS):
            return "<date>"
    if beside.before in forms.MEASURE_WORDS or forms.UNIT_WORD.fullmatch(after):
        return "<number>"
    if forms.HTTP_ERROR.fullmatch(core):
        return None
    counted = forms.COUNTED_WORD.fullmatch(after) and beside.before not in forms.NAMING_WORDS
    return "<number>" if counted or beside.of_many or forms.LONG_FRACTION.fullmatch(core) else None


def _masked_value(core: str, before: str) -> str:
    """A word that is no number: an address, a host, a pair of key and value, or text with identifiers in it."""
    if "://" in core and (url := forms.URL.fullmatch(core)):
        return _masked_url(url)
    if "@" in core and forms.EMAIL.fullmatch(core):
        return "<email>"
    if ":" in core or "-" in core:
        if forms.MAC.fullmatch(core):
            return "<mac>"
        if forms.IPV6.fullmatch(core):
            return "<ip>"
    if (":" in core or "=" in core) and (masked := _masked_pair(core)) is not None:
        return masked
    if tag := forms.SYSLOG_TAG.fullmatch(core + "]"):
        return f"{tag[1]}[<id>"
    masked = _inner(core)
    if before in forms.HOST_WORDS:
        masked = forms.POD_SUFFIX.sub("-<pod>", masked)
    return _masked_host(masked, named=before in forms.HOST_WORDS)


def _masked_pair(core: str) -> str | None:
    """``host:port`` with the host masked and the port kept, or ``key=value`` with the value masked."""
    if (port := forms.PORT.fullmatch(core)) and forms.ID_WORDS.isdisjoint({port[1].casefold()}):
        return f"{_masked_host(_inner(port[1]), named=True)}:{port[2]}"
    pair = forms.PAIR.fullmatch(core)
    if pair is None:
        return None
    key, separator, value = pair.groups()
    return f"{key}{separator}{_masked_word(value, _Neighbours(before=key.casefold()))}"


def _masked_url(url: re.Match[str]) -> str:
    """Scheme, host, port and path, since they tell which endpoint fails; credentials go without a trace."""
    scheme, authority, path, rest = url.groups()
    host = authority.rpartition("@")[2]
    place = _masked_pair(host) if ":" in host else _masked_host(_inner(host), named=False)
    # The end of a mask was taken for punctuation, so one that is there already is left alone.
    query = rest if rest is None or rest.startswith("?<query") else "?<query>"
    return f"{scheme}{place if place is not None else _inner(host)}{_inner(path)}{query or ''}"


def _masked_host(name: str, *, named: bool) -> str:
    """Digits of a host name's first label masked; ``named``: something beside it says that it is a host."""
    if dotted := forms.DOTTED_HOST.fullmatch(name):
        return forms.DIGITS.sub("<n>", dotted[1]) + dotted[2]
    if named and forms.HOST.fullmatch(name):
        return forms.DIGITS.sub("<n>", name)
    return name


def _inner(word: str) -> str:
    """What is recognised anywhere inside a word."""
    if _MAY_VARY.search(word) is None:
        return word
    word = forms.INNER_DATE.sub("<date>", word)
    word = forms.POD.sub("-<pod>", word)
    word = forms.INNER_ID.sub("<id>", word)
    if "." in word:
        word = forms.INNER_IP.sub("<ip>", word)
    return forms.PATH_NUMBER.sub("<id>", word) if "/" in word else word
