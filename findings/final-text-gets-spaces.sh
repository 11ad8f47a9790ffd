#!/usr/bin/env bash
# Packages: anthropic 2.14.0 (PyPI) beside @anthropic-ai/sdk 1.14.0 (npm).
#
# Valid input: a streamed answer in several text blocks, as the API gives it with citations: "Paris", " is the
# capital of France", ".".
# One would expect: the final text is the blocks one after the other, the same in both official clients.
# What happens instead: get_final_text() in Python gives "Paris is the capital of France."; finalText() in
# TypeScript puts a blank between every two blocks: "Paris  is the capital of France .". The deltas of
# TypeScript's own `text` event, added up, are the text without these blanks; its second argument, called the
# snapshot, is only the text of the block that is under way, "." at the end.
# Why it matters: words, numbers and JSON that a block border cuts are changed (12500 gets a blank in its
# middle), only in one of the clients and only for answers with citations, so a test with one block does not
# show it.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/sdk@1.14.0 >/dev/null
python3 -m venv "$WORK/venv"; "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.14.0 >/dev/null 2>&1
cat > "$WORK/ts.mjs" <<'JS'
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({ apiKey: 'k', baseURL: process.env.URL, maxRetries: 0 });
const s = client.messages.stream({ model: 'claude-opus-4-8', max_tokens: 9, messages: [{ role: 'user', content: process.argv[2] }] });
let deltas = '', snapshot = ''; s.on('text', (delta, all) => { deltas += delta; snapshot = all; });
console.log(JSON.stringify([await s.finalText(), deltas, snapshot]));
JS
cat > "$WORK/run.py" <<'PY'
import http.server, json, os, subprocess, sys, threading, anthropic
CASES = {'cited': ['Paris', ' is the capital of France', '.'], 'number': ['It costs 12', '500 dollars.'], 'one block': ['It costs 12500 dollars.']}
def events(blocks):
    yield {'type': 'message_start', 'message': {'id': 'm', 'type': 'message', 'role': 'assistant', 'model': 'x', 'content': [], 'stop_reason': None, 'stop_sequence': None, 'usage': {'input_tokens': 10, 'output_tokens': 1}}}
    for i, t in enumerate(blocks):
        yield {'type': 'content_block_start', 'index': i, 'content_block': {'type': 'text', 'text': ''}}
        yield {'type': 'content_block_delta', 'index': i, 'delta': {'type': 'text_delta', 'text': t}}
        yield {'type': 'content_block_stop', 'index': i}
    yield {'type': 'message_delta', 'delta': {'stop_reason': 'end_turn', 'stop_sequence': None}, 'usage': {'output_tokens': 9}}
    yield {'type': 'message_stop'}
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        case = json.loads(self.rfile.read(int(self.headers['content-length'])))['messages'][0]['content']
        data = ''.join('event: %s\ndata: %s\n\n' % (e['type'], json.dumps(e)) for e in events(CASES[case])).encode()
        self.send_response(200); self.send_header('content-type', 'text/event-stream'); self.send_header('content-length', str(len(data))); self.end_headers(); self.wfile.write(data)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler); threading.Thread(target=server.serve_forever, daemon=True).start()
url = 'http://127.0.0.1:%d' % server.server_port; bad = 0
for case, blocks in CASES.items():
    with anthropic.Anthropic(api_key='k', base_url=url, max_retries=0).messages.stream(model='claude-opus-4-8', max_tokens=9, messages=[{'role': 'user', 'content': case}]) as s: py = s.get_final_text()
    ts, deltas, snapshot = json.loads(subprocess.run(['node', os.path.dirname(__file__) + '/ts.mjs', case], env=dict(os.environ, URL=url), check=True, stdout=subprocess.PIPE).stdout)
    ok = py == deltas == ''.join(blocks) and ts == ' '.join(blocks) and snapshot == blocks[-1]; bad += not ok
    print('%s %s: Python %r, TypeScript %r, its deltas %r, its snapshot %r' % ('  seen:     ' if ok else '  NOT SEEN: ', case, py, ts, deltas, snapshot))
print('no longer as stated' if bad else 'all as stated'); sys.exit(bool(bad))
PY
PYTHONDONTWRITEBYTECODE=1 "$WORK/venv/bin/python" "$WORK/run.py"
