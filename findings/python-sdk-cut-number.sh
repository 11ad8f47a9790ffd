#!/usr/bin/env bash
# Packages: anthropic 2.14.0 (PyPI) beside @anthropic-ai/sdk 1.14.0 (npm).
#
# Valid input: a streamed tool_use that max_tokens ends in the middle of its input: {"to":"ann","amount":12 | 500}
# One would expect: the unfinished value is left out or marked, the same way in both official clients.
# What happens instead: the final message has a tidy tool_use block in both, with no mark on the block. The TypeScript
# client leaves the unfinished number out (input {"to":"ann"}), the Python client takes the digits so far for the
# whole number: input {"to":"ann","amount":12}. An unfinished list is shortened by both, an unfinished true is
# dropped by both.
# Why it matters: 12 instead of 12500 passes every schema check. A tool loop that looks at the blocks and not first
# at stop_reason == "max_tokens" runs the tool with a number that nobody wrote.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/sdk@1.14.0 >/dev/null
python3 -m venv "$WORK/venv"; "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.14.0 >/dev/null 2>&1
cat > "$WORK/ts.mjs" <<'JS'
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({ apiKey: 'k', baseURL: process.env.URL, maxRetries: 0 });
const m = await client.messages.stream({ model: process.argv[2], max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }).finalMessage();
console.log(JSON.stringify([m.stop_reason, m.content[0].type, m.content[0].input]));
JS
cat > "$WORK/run.py" <<'PY'
import http.server, json, os, subprocess, sys, threading, anthropic
CASES = {'number': '{"to":"ann","amount":12', 'list': '{"to":"ann","lines":["one","tw', 'true': '{"to":"ann","urgent":tru'}
def events(part):
    yield {'type': 'message_start', 'message': {'id': 'm', 'type': 'message', 'role': 'assistant', 'model': 'x', 'content': [], 'stop_reason': None, 'stop_sequence': None, 'usage': {'input_tokens': 10, 'output_tokens': 1}}}
    yield {'type': 'content_block_start', 'index': 0, 'content_block': {'type': 'tool_use', 'id': 't', 'name': 'pay', 'input': {}}}
    yield {'type': 'content_block_delta', 'index': 0, 'delta': {'type': 'input_json_delta', 'partial_json': part}}
    yield {'type': 'content_block_stop', 'index': 0}
    yield {'type': 'message_delta', 'delta': {'stop_reason': 'max_tokens', 'stop_sequence': None}, 'usage': {'output_tokens': 9}}
    yield {'type': 'message_stop'}
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        data = ''.join('event: %s\ndata: %s\n\n' % (e['type'], json.dumps(e)) for e in events(CASES[body['model']])).encode()
        self.send_response(200); self.send_header('content-type', 'text/event-stream'); self.send_header('content-length', str(len(data))); self.end_headers(); self.wfile.write(data)
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); s.daemon_threads = True; threading.Thread(target=s.serve_forever, daemon=True).start()
url = 'http://127.0.0.1:%d' % s.server_port; client = anthropic.Anthropic(api_key='k', base_url=url, max_retries=0)
def python(model):
    with client.messages.stream(model=model, max_tokens=9, messages=[{'role': 'user', 'content': 'x'}]) as st: m = st.get_final_message()
    return [m.stop_reason, m.content[0].type, m.content[0].input]
def ts(model): return json.loads(subprocess.run(['node', 'ts.mjs', model], cwd=os.path.dirname(os.path.abspath(__file__)), env=dict(os.environ, URL=url), capture_output=True, text=True, check=True).stdout)
seen = {(c.__name__, m): c(m) for m in CASES for c in (python, ts)}
for k, v in seen.items(): print(k[0], CASES[k[1]], '->', v)
T = lambda **i: ['max_tokens', 'tool_use', dict({'to': 'ann'}, **i)]
ok = seen == {('python', 'number'): T(amount=12), ('ts', 'number'): T(), ('python', 'list'): T(lines=['one']), ('ts', 'list'): T(lines=['one']), ('python', 'true'): T(), ('ts', 'true'): T()}
print('as stated: the cut number is a number in Python and absent in TypeScript' if ok else 'no longer as stated'); sys.exit(0 if ok else 1)
PY
PYTHONDONTWRITEBYTECODE=1 "$WORK/venv/bin/python" "$WORK/run.py"
