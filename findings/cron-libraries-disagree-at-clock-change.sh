#!/usr/bin/env bash
# Packages: croner 11.0.1, cron-parser 5.10.6 (npm), croniter 7.0.0, cronsim 2.8 (PyPI).
#
# Valid input: three everyday schedules in Europe/Berlin over the two clock changes of 2026.
# One would expect: the libraries agree; a daily job runs once a day (the rule that cron itself made usual).
# What happens instead (times are UTC):
#   "30 2 * * *" when the clock goes back: croniter gives 02:30 twice (00:30 and 01:30); the others once.
#   "30 2 * * *" when 02:30 does not exist: cron-parser 01:30, the other three 01:00.
#   "0 */2 * * *" when 02:00 does not exist: croniter and cron-parser add a run at 03:00 local (01:00), an hour the
#   expression excludes, one hour before the regular one; croner and cronsim leave it out.
# Only croner and cronsim agree on all three.
# Why it matters: a schedule checked or previewed with one library and run by another fires at other times or twice
# on these nights; a daily bill or report is sent twice.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts croner@11.0.1 cron-parser@5.10.6 >/dev/null
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$WORK/py" croniter==7.0.0 cronsim==2.8 tzdata==2025.2 >/dev/null 2>&1
cat > "$WORK/run.mjs" <<'JS'
import { Cron } from 'croner'; import parser from 'cron-parser';
const P = parser.CronExpressionParser ?? parser, tz = 'Europe/Berlin', short = (d) => d.toISOString().slice(5, 16);
for (const [e, from] of JSON.parse(process.argv[2])) {
  const a = new Cron(e, { timezone: tz }).nextRuns(3, new Date(from)).map(short);
  const c = P.parse(e, { tz, currentDate: new Date(from) }); const b = [1, 2, 3].map(() => short(c.next().toDate()));
  console.log(JSON.stringify({ croner: a, 'cron-parser': b }));
}
JS
cat > "$WORK/run.py" <<'PY'
import json, subprocess, sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
from croniter import croniter
from cronsim import CronSim
CASES = [['30 2 * * *', '2026-10-24T12:00:00Z'], ['30 2 * * *', '2026-03-28T12:00:00Z'], ['0 */2 * * *', '2026-03-28T22:30:00Z']]
js = [json.loads(l) for l in subprocess.run(['node', sys.argv[1], json.dumps(CASES)], capture_output=True, text=True, check=True).stdout.splitlines()]
short = lambda d: d.astimezone(timezone.utc).strftime('%m-%dT%H:%M'); bad = 0
WANT = [
    {'croner': ['10-25T00:30', '10-26T01:30', '10-27T01:30'], 'cron-parser': ['10-25T00:30', '10-26T01:30', '10-27T01:30'], 'croniter': ['10-25T00:30', '10-25T01:30', '10-26T01:30'], 'cronsim': ['10-25T00:30', '10-26T01:30', '10-27T01:30']},
    {'croner': ['03-29T01:00', '03-30T00:30', '03-31T00:30'], 'cron-parser': ['03-29T01:30', '03-30T00:30', '03-31T00:30'], 'croniter': ['03-29T01:00', '03-30T00:30', '03-31T00:30'], 'cronsim': ['03-29T01:00', '03-30T00:30', '03-31T00:30']},
    {'croner': ['03-28T23:00', '03-29T02:00', '03-29T04:00'], 'cron-parser': ['03-28T23:00', '03-29T01:00', '03-29T02:00'], 'croniter': ['03-28T23:00', '03-29T01:00', '03-29T02:00'], 'cronsim': ['03-28T23:00', '03-29T02:00', '03-29T04:00']}]
for (e, f), got, want in zip(CASES, js, WANT):
    start = datetime.fromisoformat(f.replace('Z', '+00:00')).astimezone(ZoneInfo('Europe/Berlin'))
    c = croniter(e, start); got['croniter'] = [short(c.get_next(datetime)) for _ in range(3)]
    s = CronSim(e, start); got['cronsim'] = [short(next(s)) for _ in range(3)]
    print(e, 'from', f)
    for k in want: ok = got[k] == want[k]; bad += not ok; print('  %s %-12s %s' % ('seen:    ' if ok else 'NOT SEEN:', k, got[k]))
print('no longer as stated' if bad else 'all as stated'); sys.exit(1 if bad else 0)
PY
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$WORK/py" python3 "$WORK/run.py" "$WORK/run.mjs"
