#!/usr/bin/env bash
# Package: mcp 1.30.0 and 2.3.0 (PyPI), FastMCP / MCPServer tools.
#
# Valid input: a tool argument declared "text: str | None = None" (or with no annotation), called with texts that
# happen to be JSON: '{"a": 1}', '[1]', 'null'. The published schema says string or null.
# One would expect: the function gets exactly that text, as it does for "text: str".
# What happens instead: unless the annotation is exactly str, a text is first tried as JSON. '{"a": 1}' and '[1]' are
# turned into dict and list, which then fail the argument's own type ("Input should be a valid string"); 'null'
# arrives as None without any error; an unannotated argument gets a dict. '5', 'true' and '"x"' stay texts.
# Why it matters: making a text argument optional breaks every call that saves JSON (config files, request bodies),
# and a text "null" silently means "not given". Note also that unknown arguments are ignored without a word.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
for v in 1.30.0 2.3.0; do
  python3 -m venv "$WORK/v$v"; "$WORK/v$v/bin/pip" install --quiet --disable-pip-version-check "mcp==$v" >/dev/null 2>&1
done
cat > "$WORK/server.py" <<'PY'
import logging; logging.disable(logging.CRITICAL)
from typing import Optional
try: from mcp.server.fastmcp import FastMCP as Server
except ImportError: from mcp.server import MCPServer as Server
m = Server('x')
@m.tool()
def plain(text: str) -> str: return repr(text)
@m.tool()
def optional(text: Optional[str] = None) -> str: return repr(text)
@m.tool()
def bare(text) -> str: return repr(text)
m.run()
PY
cat > "$WORK/run.py" <<'PY'
import json, subprocess, sys
def calls(python, server):
    p = subprocess.Popen([python, server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    n = 0
    def ask(method, params):
        nonlocal n; n += 1
        p.stdin.write(json.dumps({'jsonrpc': '2.0', 'id': n, 'method': method, 'params': params}) + '\n'); p.stdin.flush()
        for l in p.stdout:
            m = json.loads(l)
            if m.get('id') == n: return m['result']
    ask('initialize', {'protocolVersion': '2025-06-18', 'capabilities': {}, 'clientInfo': {'name': 'c', 'version': '1'}})
    p.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    out = {}
    try:
        for tool in ('plain', 'optional', 'bare'):
            for t in ('{"a": 1}', '[1]', 'null', '5'):
                r = ask('tools/call', {'name': tool, 'arguments': {'text': t}}); s = r['content'][0]['text']
                out[tool, t] = 'refused' if r.get('isError') and 'valid string' in s else s
        out['unknown argument'] = ask('tools/call', {'name': 'plain', 'arguments': {'text': 'x', 'colour': 'red'}})['content'][0]['text']
    finally:
        p.stdin.close()
        try: p.wait(10)
        except subprocess.TimeoutExpired: p.kill(); p.wait()
    return out
want = {('plain', '{"a": 1}'): '\'{"a": 1}\'', ('plain', '[1]'): "'[1]'", ('plain', 'null'): "'null'", ('plain', '5'): "'5'",
        ('optional', '{"a": 1}'): 'refused', ('optional', '[1]'): 'refused', ('optional', 'null'): 'None', ('optional', '5'): "'5'",
        ('bare', '{"a": 1}'): "{'a': 1}", ('bare', '[1]'): '[1]', ('bare', 'null'): 'None', ('bare', '5'): "'5'", 'unknown argument': "'x'"}
bad = 0
for python in sys.argv[2:]:
    print(python.split('/')[-3][1:])
    got = calls(python, sys.argv[1])
    for k, w in want.items():
        ok = got[k] == w; bad += not ok; print('  %s %s -> %s' % ('seen:    ' if ok else 'NOT SEEN:', k, got[k]))
print('no longer as stated' if bad else 'all as stated'); sys.exit(1 if bad else 0)
PY
PYTHONDONTWRITEBYTECODE=1 python3 "$WORK/run.py" "$WORK/server.py" "$WORK/v1.30.0/bin/python" "$WORK/v2.3.0/bin/python"
