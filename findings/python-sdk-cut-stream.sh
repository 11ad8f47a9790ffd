#!/usr/bin/env bash
# Packages: anthropic 2.14.0 (PyPI) beside @anthropic-ai/sdk 1.14.0 (npm).
#
# Valid input: a streamed message whose connection ends early but in good order (a proxy or gateway closes after some
# text deltas: no message_delta, no message_stop, the HTTP body is complete).
# One would expect: both official clients tell that the message is not complete.
# What happens instead: the TypeScript client's finalMessage() throws. The Python client's get_final_message() and
# text_stream return normally with the half text; stop_reason is None and output_tokens is the 1 of the first event.
# Why it matters: a service on the Python client stores "Transfer 100 to" as the whole answer. After every stream
# check that stop_reason is set; nothing else will.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts @anthropic-ai/sdk@1.14.0 >/dev/null
python3 -m venv "$WORK/venv"; "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check anthropic==2.14.0 >/dev/null 2>&1
cat > "$WORK/ts.mjs" <<'JS'
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({ apiKey: 'k', baseURL: process.env.URL, maxRetries: 0 });
try {
  const m = await client.messages.stream({ model: process.argv[2], max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }).finalMessage();
  console.log(JSON.stringify({ text: m.content[0].text, stop_reason: m.stop_reason }));
} catch (e) { console.log(JSON.stringify({ error: e.constructor.name })); }
JS
cat > "$WORK/run.py" <<'PY'
import http.server, json, os, subprocess, sys, threading, anthropic
HEAD = {'type': 'message_start', 'message': {'id': 'm', 'type': 'message', 'role': 'assistant', 'model': 'x', 'content': [], 'stop_reason': None,
        'stop_sequence': None, 'usage': {'input_tokens': 10, 'output_tokens': 1}}}
CUT = [HEAD, {'type': 'content_block_start', 'index': 0, 'content_block': {'type': 'text', 'text': ''}},
       {'type': 'content_block_delta', 'index': 0, 'delta': {'type': 'text_delta', 'text': 'Transfer 100 to'}}]
WHOLE = CUT + [{'type': 'content_block_stop', 'index': 0}, {'type': 'message_delta', 'delta': {'stop_reason': 'end_turn', 'stop_sequence': None}, 'usage': {'output_tokens': 7}}, {'type': 'message_stop'}]
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['content-length'])))
        data = ''.join('event: %s\ndata: %s\n\n' % (e['type'], json.dumps(e)) for e in (CUT if body['model'] == 'cut' else WHOLE)).encode()
        self.send_response(200); self.send_header('content-type', 'text/event-stream'); self.send_header('content-length', str(len(data))); self.end_headers(); self.wfile.write(data)
s = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H); s.daemon_threads = True; threading.Thread(target=s.serve_forever, daemon=True).start()
url = 'http://127.0.0.1:%d' % s.server_port; client = anthropic.Anthropic(api_key='k', base_url=url, max_retries=0)
def python(model):
    try:
        with client.messages.stream(model=model, max_tokens=9, messages=[{'role': 'user', 'content': 'x'}]) as st:
            t = ''.join(st.text_stream); m = st.get_final_message()
        return {'text_stream': t, 'text': m.content[0].text, 'stop_reason': m.stop_reason, 'output_tokens': m.usage.output_tokens}
    except Exception as e: return {'error': type(e).__name__}
def ts(model): return json.loads(subprocess.run(['node', 'ts.mjs', model], cwd=os.path.dirname(os.path.abspath(__file__)), env=dict(os.environ, URL=url), capture_output=True, text=True, check=True).stdout)
seen = {(c.__name__, m): c(m) for m in ('whole', 'cut') for c in (python, ts)}
for k, v in seen.items(): print(k, v)
ok = seen['python', 'whole']['stop_reason'] == 'end_turn' and seen['ts', 'whole'] == {'text': 'Transfer 100 to', 'stop_reason': 'end_turn'} \
    and seen['ts', 'cut'] == {'error': 'AnthropicError'} \
    and seen['python', 'cut'] == {'text_stream': 'Transfer 100 to', 'text': 'Transfer 100 to', 'stop_reason': None, 'output_tokens': 1}
print('as stated: Python returns the cut message as if it were whole, TypeScript throws' if ok else 'no longer as stated'); sys.exit(0 if ok else 1)
PY
PYTHONDONTWRITEBYTECODE=1 "$WORK/venv/bin/python" "$WORK/run.py"
