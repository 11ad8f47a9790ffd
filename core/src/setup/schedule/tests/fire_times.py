#!/usr/bin/env python3
"""Writes fire_times.tsv anew: `./fire_times.py > fire_times.tsv`.

It knows nothing of the program: it walks over every minute of UTC, asks Python's zoneinfo what the clocks on the
wall show, and compares that with the fields. The rules, in words, are those of docs/schedules.md.
"""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()

# Of each: the zone, a day in UTC, and how many. Clocks change on these days, but for the last two.
SPANS = [
    ("America/New_York", "2026-03-08", 2),
    ("America/New_York", "2026-11-01", 2),
    ("Europe/Helsinki", "2026-03-28", 3),
    ("Europe/Helsinki", "2026-10-24", 3),
    ("Australia/Lord_Howe", "2026-10-03", 2),
    ("Australia/Lord_Howe", "2026-04-04", 2),
    ("Europe/Helsinki", "2028-02-27", 35),
    ("America/New_York", "2026-12-25", 21),
]
ON_A_DAY_OF_CHANGE = [
    "30 2 * * *",
    "30 1 * * *",
    "30 3 * * *",
    "0 3 * * *",
    "15,45 3 * * *",
    "10,20 2 * * *",
    "*/15 1 * * *",
    "*/30 1-3 * * *",
    "0 */2 * * *",
    "0 1-4 * * *",
    "59 * * * 0",
]
ON_OTHER_DAYS = ["0 9 1,15 * *", "0 9 * * mon-fri/2", "30 18 29 feb *", "15 6 13 * fri", "0 0 * jan sun", "5 4 */5 * 1"]


def values(field, first, last, names):
    chosen = set()
    for part in field.lower().split(","):
        span, _, step = part.partition("/")
        low, dash, high = span.partition("-")
        number = lambda word: names.index(word) + (names is MONTHS) if word in names else int(word)
        if span == "*":
            low, high = first, last
        elif dash:
            low, high = number(low), number(high)
        else:
            low = number(low)
            high = last if step else low
        chosen.update(range(low, high + 1, int(step or 1)))
    return chosen


def matcher(cron):
    minute, hour, day, month, weekday = cron.split()
    minutes, hours = values(minute, 0, 59, []), values(hour, 0, 23, [])
    days, months = values(day, 1, 31, []), values(month, 1, 12, MONTHS)
    weekdays = {number % 7 for number in values(weekday, 0, 7, DAYS)}

    def matches(wall):
        of_month, of_week = wall.day in days, wall.isoweekday() % 7 in weekdays
        restricted = not (day.startswith("*") or weekday.startswith("*"))
        is_day = of_month or of_week if restricted else of_month and of_week
        return wall.minute in minutes and wall.hour in hours and wall.month in months and is_day

    return matches


def fire_times(zone, cron, begin, end):
    matches, zone = matcher(cron), ZoneInfo(zone)
    minute, hour = cron.split()[:2]
    follows_the_clock = minute.startswith("*") or hour.startswith("*")
    wall = lambda at: at.astimezone(zone)
    at = begin + MINUTE
    while at <= end:
        shown, before = wall(at), wall(at - MINUTE)
        if follows_the_clock:
            fires = matches(shown)
        else:
            fires = matches(shown) and not shown.fold
            skipped = before.replace(tzinfo=None) + MINUTE
            while skipped < shown.replace(tzinfo=None):
                fires = fires or matches(skipped)
                skipped += MINUTE
        if fires:
            yield at
        at += MINUTE


for zone, day, days in SPANS:
    begin = datetime.fromisoformat(day).replace(tzinfo=timezone.utc)
    end = begin + timedelta(days=days)
    for cron in ON_A_DAY_OF_CHANGE if days < 5 else ON_OTHER_DAYS:
        for at in fire_times(zone, cron, begin, end):
            print(zone, cron, begin.strftime("%FT%TZ"), at.strftime("%FT%TZ"), sep="\t")
