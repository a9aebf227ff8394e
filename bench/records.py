"""The records of each workload, as SQL expressions over the record number `n`.

Each expression yields the text of one record. It depends on `n` and the seed alone, so the same files come out on
every machine and in any order of writing. Numbers are written in their shortest form.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

MACROS = """
CREATE MACRO rnd(n, salt) AS hash(n * 1000 + salt, {seed});
CREATE MACRO below(n, salt, m) AS CAST(rnd(n, salt) % m AS BIGINT);
CREATE MACRO pick(n, salt, words) AS words[1 + below(n, salt, len(words))];
CREATE MACRO hex(n, salt, digits)
    AS left(printf('%016x%016x%016x', rnd(n, salt), rnd(n, salt + 1), rnd(n, salt + 2)), digits);
CREATE MACRO fraction(n, salt, size)
    AS CAST((CAST(rnd(n, salt) AS DOUBLE) / 18446744073709551616.0 - 0.5) * size AS VARCHAR);
CREATE MACRO cents(n, salt, m) AS printf('%d.%02d', below(n, salt, m), below(n, salt + 1, 100));
CREATE MACRO moment(n, salt, step_us)
    AS TIMESTAMP '2026-03-01' + to_microseconds(n * step_us + below(n, salt, step_us));
CREATE MACRO rfc3339(t) AS strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ');
CREATE MACRO quoted(t) AS '"' || t || '"';
"""


class Member(NamedTuple):
    """A member of an object: its key, the SQL of its JSON text, and the SQL condition under which it is there."""

    key: str
    value: str
    present: str | None = None


def words(*texts: str) -> str:
    """A list of texts as SQL."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


def object_text(members: Sequence[Member], indent: str = "") -> str:
    """SQL of an object's text; with an indent, each member stands on a line of its own. The first is always there."""
    line = f"\n{indent}" if indent else ""
    colon = ": " if indent else ":"
    parts = []
    for index, member in enumerate(members):
        key = ("{" if index == 0 else ",") + line + json.dumps(member.key) + colon
        text = f"{literal(key)}, {member.value}"
        parts.append(f"CASE WHEN {member.present} THEN concat({text}) ELSE '' END" if member.present else text)
    end = f"\n{indent[:-2]}}}" if indent else "}"
    return "concat(" + ", ".join([*parts, literal(end)]) + ")"


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


SOURCES = words("telematics", "can_bus", "gps", "driver_app", "maintenance", "charger")
EVENT_TYPES = words(
    "speed_changed", "door_opened", "door_closed", "ignition_on", "ignition_off", "fuel_level",
    "battery_level", "harsh_braking", "tyre_pressure", "geofence_entered", "geofence_left", "odometer",
)  # fmt: skip
STATES = words("ok", "low", "high", "open", "closed", "unknown", "driver is not authenticated", "charging")


def event(indent: str = "") -> str:
    """What a device in a vehicle reports: six members, about 200 bytes."""
    extra = object_text([
        Member("lat", "printf('%d.%05d', 40 + below(n, 8, 15), 10000 + below(n, 9, 90000))"),
        Member("lon", "printf('%d.%05d', below(n, 10, 30), 10000 + below(n, 11, 90000))"),
        Member("satellites", "CAST(below(n, 12, 24) AS VARCHAR)"),
    ], indent and indent + "  ")  # fmt: skip
    return object_text([
        Member("vehicle_id", "printf('\"VH-%06d\"', below(n, 1, 20000))"),
        Member("event_time", "quoted(rfc3339(moment(n, 2, 8000)))"),
        Member("event_source", f"quoted(pick(n, 3, {SOURCES}))"),
        Member("event_type", f"quoted(pick(n, 4, {EVENT_TYPES}))"),
        Member("event_value", "CASE WHEN below(n, 5, 3) = 0 THEN "
               f"quoted(pick(n, 6, {STATES})) ELSE printf('%d.%d', below(n, 6, 400), 1 + below(n, 7, 9)) END"),
        Member("event_extra_data", extra, "below(n, 13, 20) > 0"),
    ], indent)  # fmt: skip


def bad_event() -> str:
    """An event; of 200, one is cut off in the middle and one has a time that is none."""
    text = event()
    return (
        f"CASE below(n, 20, 200) WHEN 0 THEN left({text}, 60 + below(n, 21, 60)) "
        f'WHEN 1 THEN replace({text}, \'"event_time":"2026\', \'"event_time":"soon\') ELSE {text} END'
    )


BAD_EVENT_IS_GOOD = "below(n, 20, 200) > 1"


def push() -> str:
    """A record like those of the GitHub archive: structs, a list of structs, a map, absent and null members."""
    commit = object_text([
        Member("sha", "quoted(hex(n * 8 + i, 40, 40))"),
        Member("author", object_text([
            Member("name", "printf('\"Dev %d\"', below(n * 8 + i, 44, 5000))"),
            Member("email", "printf('\"dev%d@example.org\"', below(n * 8 + i, 44, 5000))"),
        ])),
        Member("message", "printf('\"Fix \\\"%s\\\" in module %d\\n\\nSee issue #%d\"', "
               f"pick(n * 8 + i, 45, {EVENT_TYPES}), below(n * 8 + i, 46, 300), below(n * 8 + i, 47, 90000))"),
        Member("distinct", "CASE WHEN below(n * 8 + i, 48, 9) = 0 THEN 'false' ELSE 'true' END"),
    ])  # fmt: skip
    actor = "CAST(1000 + below(n, 31, 900000) AS VARCHAR)"
    repo = "CAST(5000 + below(n, 32, 400000) AS VARCHAR)"
    return object_text([
        Member("id", "printf('\"%d\"', 20000000000 + n)"),
        Member("type", "quoted(pick(n, 30, ['PushEvent', 'PushEvent', 'PullRequestEvent', 'ReleaseEvent']))"),
        Member("actor", object_text([
            Member("id", actor),
            Member("login", f"quoted('user-' || {actor})"),
            Member("avatar_url", f"quoted('https://avatars.example.org/u/' || {actor} || '?')"),
        ])),
        Member("repo", object_text([
            Member("id", repo),
            Member("name", f"quoted('org-' || {repo} || '/project')"),
            Member("stars", "CASE WHEN below(n, 33, 5) = 0 THEN 'null' ELSE CAST(below(n, 33, 50000) AS VARCHAR) END"),
        ])),
        Member("payload", object_text([
            Member("push_id", "CAST(9000000000 + n AS VARCHAR)"),
            Member("ref", "quoted('refs/heads/' || pick(n, 34, ['main', 'main', 'develop', 'next']))"),
            Member("head", "quoted(hex(n, 35, 40))"),
            Member("score", "fraction(n, 38, 100)"),
            Member("commits", f"'[' || array_to_string([{commit} FOR i IN range(1 + below(n, 39, 4))], ',') || ']'"),
        ])),
        Member("labels", "printf('{\"team\":\"t%d\",\"area\":\"%s\"}', "
               f"below(n, 50, 40), pick(n, 51, {SOURCES}))"),
        Member("public", "'true'"),
        Member("created_at", "quoted(rfc3339(moment(n, 52, 80000)))"),
        Member("org", object_text([
            Member("id", "CAST(below(n, 53, 90000) AS VARCHAR)"),
            Member("login", "printf('\"org-%d\"', below(n, 53, 90000))"),
        ]), "below(n, 54, 3) = 0"),
    ])  # fmt: skip


WIDE_KINDS = ("string", "long", "double", "int", "boolean", "string", "double", "timestamp", "int", "string")
WIDE_COLUMNS = tuple((f"c{index:03}_{WIDE_KINDS[index % 10]}", WIDE_KINDS[index % 10]) for index in range(200))


def wide() -> str:
    """200 members of all scalar types; every tenth value is null."""
    values = {
        "string": f"quoted(pick(n, {{salt}}, {EVENT_TYPES}) || '_' || below(n, {{salt}}, 1000))",
        "long": "CAST(below(n, {salt}, 9000000000000000) AS VARCHAR)",
        "double": "fraction(n, {salt}, 1000)",
        "int": "CAST(below(n, {salt}, 100000) AS VARCHAR)",
        "boolean": "CASE WHEN below(n, {salt}, 2) = 0 THEN 'true' ELSE 'false' END",
        "timestamp": "quoted(rfc3339(moment(n, {salt}, 500000)))",
    }
    members = [Member("id", "CAST(n AS VARCHAR)")]
    for index, (name, kind) in enumerate(WIDE_COLUMNS[1:], start=1):
        value = values[kind].format(salt=100 + index)
        members.append(Member(name, f"CASE WHEN below(n, {500 + index}, 10) = 0 THEN 'null' ELSE {value} END"))
    return object_text(members)


PHRASES = words(
    "The quick brown fox jumps over the lazy dog. ",
    'She said \\"maybe\\", and left. ',
    "Line one\\nline two\\n\\tindented ",
    "C:\\\\data\\\\incoming\\\\file.json ",
    "Zażółć gęślą jaźń; größer, naïve, œuvre. ",
    "数据湖中的每一条记录都有出处。",
    "Δοκιμή και έλεγχος. ",
    "emoji 🚀🧪 and \\ud83d\\ude80 escaped ",
    "caf\\u00e9 cr\\u00e8me ",
    "https:\\/\\/example.org\\/a?b=c&d=e ",
    "0123456789 ",
    "lorem ipsum dolor sit amet ",
)


def text() -> str:
    """A record with a body of 2 to 20 kB, with escapes and Unicode."""
    body = (
        f"array_to_string([pick(n * 1000 + i, 60, {PHRASES}) || below(n * 1000 + i, 61, 100000) || ' ' "
        "FOR i IN range(60 + below(n, 62, 540))], '')"
    )
    return object_text([
        Member("id", "CAST(n AS VARCHAR)"),
        Member("language", "quoted(pick(n, 63, ['en', 'de', 'pl', 'zh', 'el', 'fr']))"),
        Member("created_at", "quoted(rfc3339(moment(n, 64, 1500000)))"),
        Member("title", f"quoted(pick(n, 65, {PHRASES}) || n)"),
        Member("body", f"quoted({body})"),
    ])  # fmt: skip


def numbers() -> str:
    """22 members: small and large integers, doubles of 15 to 17 digits, decimals."""
    members = [Member("id", "CAST(n AS VARCHAR)")]
    members += [Member(f"int_{i}", f"CAST(below(n, {200 + i}, 4000000000) - 2000000000 AS VARCHAR)") for i in range(5)]
    members += [
        Member(f"long_{i}", f"CAST(below(n, {210 + i}, 9000000000000000000) - 4000000000000000000 AS VARCHAR)")
        for i in range(4)
    ]
    members += [Member(f"double_{i}", f"fraction(n, {220 + i}, 1e{i - 2})") for i in range(8)]
    members += [Member(f"price_{i}", f"cents(n, {230 + 2 * i}, 10000000)") for i in range(4)]
    return object_text(members)


TRIP_HEADER = (
    "trip_id,vendor_id,pickup_time,dropoff_time,passengers,distance,pickup_zone,dropoff_zone,"
    "rate,stored,payment,fare,tip,total,note"
)


def trip() -> str:
    """One line of a table of taxi trips."""
    stamp = "strftime({}, '%Y-%m-%d %H:%M:%S')"
    return "concat_ws(',', " + ", ".join([
        "n",
        "1 + below(n, 70, 4)",
        stamp.format("moment(n, 71, 8000)"),
        stamp.format("moment(n, 71, 8000) + to_seconds(60 + below(n, 72, 5000))"),
        "CASE WHEN below(n, 73, 20) = 0 THEN '' ELSE CAST(1 + below(n, 73, 6) AS VARCHAR) END",
        "printf('%d.%02d', below(n, 74, 40), below(n, 75, 100))",
        "1 + below(n, 76, 265)",
        "1 + below(n, 77, 265)",
        "pick(n, 78, ['standard', 'standard', 'standard', 'airport', 'negotiated'])",
        "CASE WHEN below(n, 79, 50) = 0 THEN 'true' ELSE 'false' END",
        "pick(n, 80, ['card', 'card', 'cash', 'app'])",
        "cents(n, 81, 90)",
        "cents(n, 83, 20)",
        "cents(n, 85, 110)",
        "CASE below(n, 87, 40) WHEN 0 THEN '\"lost item, \"\"black\"\" bag\"' "
        "WHEN 1 THEN '\"stop, then on\"' ELSE '' END",
    ]) + ")"  # fmt: skip
