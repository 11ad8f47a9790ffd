#!/usr/bin/env bash
# Package: openapi-fetch 0.17.0 (npm), the client for types of openapi-typescript.
#
# Valid input: POST with a body that the API description declares as text/csv, application/x-ndjson or
# application/octet-stream, and the matching content-type header: a string, a Blob, a Uint8Array, a File.
# One would expect: the bytes are sent as they are, as fetch() does with each of these.
# What happens instead: everything but FormData (and url-encoded) goes through JSON.stringify, whatever the header
# says: the CSV arrives in quotes with \n escaped, NDJSON the same, a Blob or File arrives as the two characters {},
# bytes arrive as {"0":65,"1":66}. The content-type header still says text/csv or octet-stream; no error, no warning.
# In url-encoded bodies an array becomes "1,2" and null the word null.
# Why it matters: uploads are lost with status 200. A bodySerializer must be given for each such call.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts openapi-fetch@0.17.0 >/dev/null
cat > "$WORK/run.mjs" <<'JS'
import createClient from 'openapi-fetch';
import http from 'node:http';
let got; const server = http.createServer((q, r) => { let b = ''; q.on('data', (d) => (b += d)); q.on('end', () => { got = [q.headers['content-type'], b]; r.writeHead(200, { 'content-type': 'application/json' }); r.end('{}'); }); });
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const baseUrl = 'http://127.0.0.1:' + server.address().port, client = createClient({ baseUrl });
const cases = [
  ['csv string', 'a,b\n1,2\n', 'text/csv', '"a,b\\n1,2\\n"'],
  ['ndjson string', '{"a":1}\n', 'application/x-ndjson', '"{\\"a\\":1}\\n"'],
  ['Blob', new Blob(['bytes']), 'application/octet-stream', '{}'],
  ['File', new File(['bytes'], 'f.bin'), 'application/octet-stream', '{}'],
  ['Uint8Array', new Uint8Array([65, 66]), 'application/octet-stream', '{"0":65,"1":66}'],
  ['url-encoded', { id: [1, 2], gone: null }, 'application/x-www-form-urlencoded', 'id=1%2C2&gone=null'],
];
let bad = 0;
for (const [name, body, type, want] of cases) {
  const { response } = await client.POST('/up', { body, headers: { 'content-type': type } });
  const ok = response.status === 200 && got[0] === type && got[1] === want; if (!ok) bad++;
  console.log((ok ? '  seen:     ' : '  NOT SEEN: ') + name + ' as ' + got[0] + ' -> ' + got[1]);
}
await client.POST('/up', { body: 'a,b\n', headers: { 'content-type': 'text/csv' }, bodySerializer: (b) => b });
console.log('  with a bodySerializer of one\'s own -> ' + JSON.stringify(got[1])); if (got[1] !== 'a,b\n') bad++;
server.close(); server.closeAllConnections();
console.log(bad ? 'no longer as stated' : 'all as stated'); process.exitCode = bad ? 1 : 0;
JS
node "$WORK/run.mjs"
