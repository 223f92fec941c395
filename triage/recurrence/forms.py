"""The forms in which variable parts are written, as regular expressions, and the words that give them away.

Each expression is bounded or possessive, so that no text makes it slow. Matching ignores case unless said.
"""

import re


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# --- the whole of a word, without the punctuation around it -------------------------------------------------
UNIT = (
    r"%|percent|ns|us|µs|μs|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|weeks?"
    r"|[kmgtp]i?b|[kmgtp]i|bytes?|[kmg]?bits?/s|[kmg]?bps|[kmgt]i?b/s|/s|/min|rps|qps|tps|iops"
    r"|req/s|ops/s|°[cf]?|ghz|mhz|ppm|rpm|volts?|watts?"
)
_DECIMAL = r"[+-]?[0-9]{1,15}(?:,[0-9]{3}){0,5}(?:\.[0-9]{1,15})?"
NUMBER = _form(rf"{_DECIMAL}|[0-9]{{1,9}}/[0-9]{{1,9}}")
LONG_FRACTION = _form(r"[+-]?[0-9]{1,15}\.[0-9]{3,15}")  # finer than a version number
WHOLE = _form(r"#?[0-9]{1,20}")
QUANTITY = _form(
    rf"{_DECIMAL}(?:{UNIT})"
    r"|[+-]?[0-9]{1,15}\.[0-9]{1,20}e[+-]?[0-9]{1,3}"
    r"|(?:[0-9]{1,9}(?:ms|[hmsdw])){2,6}"
    r"|p[0-9]{1,9}d|p(?:[0-9]{1,9}d)?t(?:[0-9]{1,9}[hms]){1,3}"
)
HTTP_ERRORS = _form(r"[45][0-9]{2}s")
HTTP_ERROR = _form(r"[45][0-9]{2}")
CLOCK = _form(r"[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]{1,9})?)?(?:z|utc|am|pm|[+-][0-9]{2}:?[0-9]{2})?")
DATE = _form(r"[0-3]?[0-9]([./])(?:[0-3]?[0-9]|[a-z]{3})\1(?:19|20)[0-9]{2}(?::[0-9]{2}:[0-9]{2}:[0-9]{2})?")
DAY = _form(r"[0-3]?[0-9](?:st|nd|rd|th)?")
MAC = _form(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}")
IPV6 = _form(r"(?=.*::|(?:[^:]*:){5})[0-9a-f:]{3,39}(?:%[a-z0-9]{1,15})?(?:/[0-9]{1,3})?")
EMAIL = _form(r"[^@\s/:]{1,128}@[a-z0-9-][a-z0-9.-]{0,254}")
URL = _form(r"([a-z][a-z0-9+.-]{1,20}://)([^/?#]*)([^?#]*)([?#].*)?")
HOST = _form(r"[a-z]{2}[a-z0-9_-]{0,61}")
DOTTED_HOST = _form(
    r"([a-z][a-z0-9_-]{0,62})((?:\.[a-z0-9_-]{1,63}){1,11}\.[a-z]{2,24}|\.(?:com|net|org|io|local|lan|internal|example))"
)
PORT = _form(r"([^=:]+):([0-9]{2,5})")
PAIR = _form(r"([a-z_][a-z0-9_.-]{0,63})([=:])(.+)")
SYSLOG_TAG = re.compile(r"([a-z][a-z0-9_./-]{0,63})\[[0-9]{1,8}\]:?")  # lower case: not SQLSTATE[23505]

# --- anywhere inside a word ---------------------------------------------------------------------------------
INNER_ID = _form(
    r"(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])"
    r"|(?<![0-9a-z.])0x[0-9a-f]{9,}+(?![0-9a-z])"
    r"|(?<![0-9a-z.])(?=[a-f]*+[0-9])[0-9a-f]{8,}+(?![0-9a-z]|\.[0-9])"
    r"|(?<![0-9a-z.])[0-9]{7}(?![0-9a-z]|\.[0-9])"
)
INNER_IP = _form(r"(?<![0-9a-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9a-z]|\.[0-9])")
INNER_DATE = _form(
    r"(?<![0-9])(?:19|20)[0-9]{2}([-/.])(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01])(?![0-9])"
    r"(?:[t_](?:[0-9]{2}:?){2}(?:[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
PATH_NUMBER = _form(r"(?<=/)[0-9]{4,}+(?=/|$)")
# Kubernetes draws the suffixes of pods from letters without vowels (a cron job's first is a number of minutes),
# so that no word can appear in them.
_DRAWN = "[bcdfghjklmnpqrstvwxz2456789]"
POD = _form(
    rf"(?<=[a-z0-9])-(?:{_DRAWN}{{8,10}}|[0-9]{{8,10}})-{_DRAWN}{{5}}(?![a-z0-9-])"
    rf"|(?<=[a-z0-9])-(?=[a-z]{{1,4}}[0-9]|[0-9]{{1,4}}[a-z]){_DRAWN}{{5}}(?![a-z0-9-])"
)
POD_SUFFIX = _form(rf"(?<=[a-z0-9])-{_DRAWN}{{5}}$")
DIGITS = re.compile(r"[0-9]++")

# --- the word before or after -------------------------------------------------------------------------------
UNIT_WORD = _form(UNIT)
COUNTED_WORD = _form(
    r"pods?|replicas?|nodes?|hosts?|instances?|targets?|members?|requests?|responses?|errors?|failures?|retries"
    r"|attempts?|times?|messages?|events?|records?|rows?|items?|jobs?|tasks?|users?|customers?|orders?"
    r"|connections?|sessions?|threads?|restarts?|alerts?|files?|packets?|timeouts?|transactions?|tickets?|backups?"
)
# After these a number is a name, whatever follows it.
NAMING_WORDS = _words(
    "port http status code error errno event exit signal version tls layer level tier line phase step stage shard"
    " partition queue topic table block disk channel slot vlan zone"
)
MEASURE_WORDS = _words(
    "value count current latency duration size used free total elapsed usage load average avg ratio took lag"
)
HOST_WORDS = _words(
    "host hostname node nodename instance pod server machine vm container exported_instance kubernetes_node"
)
ID_WORDS = _words(
    "pid ppid tid process order ticket request transaction session trace span correlation order_id request_id"
    " req_id request-id transaction_id session_id trace_id trace-id span_id correlation_id correlation-id user_id"
    " message_id job_id task_id requestid traceid spanid"
)
MONTHS = _words(
    "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august"
    " september october november december"
)
