"""Incidents split off as a pattern of their own, and put back."""

from collections.abc import Mapping, Sequence
from typing import Any

from triage.store.database import Db
from triage.store.pattern_changes import Act, Alteration, in_the_way
from triage.store.pattern_history import Family, PatternChange, root_of
from triage.store.pattern_moves import Held, forget_texts, move_incidents, route_keys, see_anew, teach_keys


def split_off(
    alteration: Alteration,
    family: Family,
    moving: Sequence[Held],
    new: Mapping[str, str],
    *,
    exact: Sequence[str],
    whole: Sequence[str],
    told: Mapping[str, Sequence[str]],
    refused: Sequence[str],
    known: Sequence[str] | None,
    act: Act,
) -> str:
    """The change's id. ``new``: id, scope and template of the new pattern; ``exact`` … ``refused`` as in
    ``SplitPlan``; ``known``: fingerprints of the texts of all its incidents; None: there are too many to know."""
    db, members, pattern_id = alteration.db, list(family.members), new["id"]
    before = db.execute(
        "SELECT to_jsonb(p) AS row FROM pattern AS p WHERE id = ANY(%s::uuid[])", (members,)
    ).fetchall()
    seen = {row["row"]["id"]: {name: row["row"][name] for name in _SEEN} for row in before}
    db.execute(
        "INSERT INTO pattern (id, root, scope, template, first_seen_at, last_seen_at)"
        " VALUES (%(id)s, %(id)s, %(scope)s, %(template)s, %(at)s, %(at)s)",
        {**new, "at": act.at},
    )
    move_incidents(db, {held.id: pattern_id for held in moving}, members)
    detail: dict[str, Any] = {
        "incidents": {held.id: held.pattern_id for held in moving},
        "seen": seen,
        "keys": route_keys(db, [*exact, *whole], pattern_id, members),
        "taught": teach_keys(db, exact, pattern_id),
        "rerouted": _reroute(db, whole, pattern_id, members),
        "words": _tell(db, told, pattern_id),
        "refused": list(refused),
        "dropped": _refuse(db, refused, members),
        # What joined an incident left its text as a digest; nobody can say to which of the two it belongs.
        "forgotten": forget_texts(db, members, known) if told and known is not None else {},
    }
    change_id = alteration.record("split", family.root, act, detail, pattern_id)
    alteration.note_open([pattern_id], "split", act, change_id, pattern=pattern_id)
    return change_id


def put_back(alteration: Alteration, change: PatternChange, act: Act) -> None:
    """Everything of a pattern that was split off, what came since included, counts where it came from: if that was
    merged into another one since, it goes along once the merge is undone.

    Raises Conflict naming the changes that must be undone before.
    """
    db, gone, detail, origin = alteration.db, change.other_id or "", change.detail, change.pattern_id
    if later := alteration.find_later(change.id, [gone], ("merge", "split", "difference")):
        raise in_the_way(later)
    home = root_of(db, origin)
    alteration.note_open([gone], "undone", act, change.id, pattern=home)
    rows = db.execute("SELECT id FROM incident WHERE pattern_id = %s ORDER BY id FOR NO KEY UPDATE", (gone,))
    incidents = [str(row["id"]) for row in rows.fetchall()]
    move_incidents(db, {one: detail["incidents"].get(one, origin) for one in incidents}, [gone])
    _restore_keys(db, detail, gone, origin)
    _restore_splits(db, detail, gone)
    db.execute(
        "UPDATE pattern_key SET refused = false WHERE digest = ANY(%(refused)s) AND refused AND NOT EXISTS ("
        " SELECT FROM pattern_change WHERE kind = 'split' AND undone_at IS NULL AND id <> %(change)s"
        " AND detail->'refused' ? pattern_key.digest)",
        {"refused": detail["refused"], "change": change.id},
    )
    members = list(detail["seen"])
    see_anew(db, [home, *members])
    db.execute(
        "UPDATE pattern AS p SET first_seen_at = least(p.first_seen_at, b.first_seen_at),"
        " last_seen_at = greatest(p.last_seen_at, b.last_seen_at)"
        " FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[]) AS b (id, first_seen_at, last_seen_at)"
        " WHERE p.id = b.id",
        (members, *([seen[name] for seen in detail["seen"].values()] for name in _SEEN)),
    )
    # Whoever has its address kept is led to where it went.
    db.execute("UPDATE pattern SET root = %s WHERE root = %s", (home, gone))
    alteration.mark_undone(change, act)


def _reroute(db: Db, whole: Sequence[str], to: str, members: Sequence[str]) -> list[list[Any]]:
    """Texts that came here by their words, of a template of which nothing else is here, follow."""
    return _taken(
        db,
        "UPDATE pattern_split AS s SET pattern_id = %(to)s FROM pattern_split AS before"
        " WHERE s.template_key = ANY(%(keys)s) AND s.pattern_id = ANY(%(members)s::uuid[])"
        " AND before.template_key = s.template_key AND before.words = s.words"
        " RETURNING s.template_key, s.words, before.pattern_id",
        {"to": to, "keys": list(whole), "members": list(members)},
    )


def _tell(db: Db, told: Mapping[str, Sequence[str]], to: str) -> list[list[Any]]:
    added: list[list[Any]] = []
    for template, words in told.items():
        added += _taken(
            db,
            "INSERT INTO pattern_split (template_key, words, pattern_id) VALUES (%(key)s, %(words)s, %(to)s)"
            " ON CONFLICT DO NOTHING RETURNING template_key, words, pattern_id",
            {"key": template, "words": list(words), "to": to},
        )
    return added


def _refuse(db: Db, refused: Sequence[str], members: Sequence[str]) -> list[list[Any]]:
    """From now on only exact texts are recognised under these templates; the words that led here no more."""
    db.execute("UPDATE pattern_key SET refused = true WHERE digest = ANY(%s)", (list(refused),))
    return _taken(
        db,
        "DELETE FROM pattern_split WHERE template_key = ANY(%(keys)s) AND pattern_id = ANY(%(members)s::uuid[])"
        " RETURNING template_key, words, pattern_id",
        {"keys": list(refused), "members": list(members)},
    )


def _taken(db: Db, statement: str, arguments: Mapping[str, Any]) -> list[list[Any]]:
    rows = db.execute(statement.encode(), arguments).fetchall()
    return [[row["template_key"], row["words"], str(row["pattern_id"])] for row in rows]


def _restore_keys(db: Db, detail: Mapping[str, Any], gone: str, origin: str) -> None:
    by_former: dict[str, list[str]] = {}
    for digest, former in detail["keys"].items():
        by_former.setdefault(former, []).append(digest)
    for former, digests in by_former.items():
        route_keys(db, digests, former, [gone])
    db.execute(
        "DELETE FROM pattern_key WHERE pattern_id = %s AND digest = ANY(%s)", (gone, list(detail["taught"]))
    )
    db.execute("UPDATE pattern_key SET pattern_id = %s WHERE pattern_id = %s", (origin, gone))
    for former, digests in detail["forgotten"].items():
        teach_keys(db, digests, former)


def _restore_splits(db: Db, detail: Mapping[str, Any], gone: str) -> None:
    for template, words, _ in detail["words"]:
        db.execute(
            "DELETE FROM pattern_split WHERE template_key = %s AND words = %s AND pattern_id = %s",
            (template, words, gone),
        )
    for template, words, former in (*detail["rerouted"], *detail["dropped"]):
        db.execute(
            "INSERT INTO pattern_split (template_key, words, pattern_id) VALUES (%s, %s, %s)"
            " ON CONFLICT (template_key, words) DO UPDATE SET pattern_id = excluded.pattern_id",
            (template, words, former),
        )


_SEEN = ("first_seen_at", "last_seen_at")
