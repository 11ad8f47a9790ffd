#!/usr/bin/env bash
# Packages: @modelcontextprotocol/sdk 1.32.2 with zod 4.1.12 (npm), its McpServer and its Client.
#
# Valid input: a tool with outputSchema { total: z.number() } that returns structuredContent { total: 1, note: 'x' };
# or with z.number().default(7) and a result that leaves the field out. Both satisfy the zod schema.
# One would expect: the server refuses it, or the client accepts it: they are one package and one schema.
# What happens instead: the server checks with zod (unknown keys are fine, defaults fill in), throws the parsed value
# away and sends the original; the JSON schema that it published says additionalProperties false and "required" for
# the defaulted field. The same package's client therefore throws -32602 for a result that its server approved.
# And only if listTools() was called before: without it the client checks nothing and the same result is fine.
# Why it matters: whether a tool works depends on the reader and on whether it listed the tools first; a server's own
# tests (that call without listing) stay green. Declare z.object({...}).loose() and make defaulted fields optional.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2 zod@4.1.12 >/dev/null
cat > "$WORK/run.mjs" <<'JS'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import * as z from 'zod';
async function ask(outputSchema, structuredContent, list) {
  const server = new McpServer({ name: 's', version: '1' }), client = new Client({ name: 'c', version: '1' });
  server.registerTool('t', { outputSchema }, async () => ({ content: [], structuredContent }));
  const [a, b] = InMemoryTransport.createLinkedPair(); await server.connect(a); await client.connect(b);
  try {
    if (list) await client.listTools();
    const r = await client.callTool({ name: 't', arguments: {} });
    return r.isError ? 'server refuses' : 'ok ' + JSON.stringify(r.structuredContent);
  } catch (e) { return 'client throws ' + e.code + ' ' + e.message.replace(/.*schema: /, ''); } finally { await client.close(); await server.close(); }
}
const cases = [
  ['unknown key, listed first', { total: z.number() }, { total: 1, note: 'x' }, true, /^client throws -32602 .*additional properties/],
  ['unknown key, not listed', { total: z.number() }, { total: 1, note: 'x' }, false, /^ok {"total":1,"note":"x"}$/],
  ['default, listed first', { total: z.number().default(7) }, {}, true, /^client throws -32602 .*required property 'total'/],
  ['default, not listed', { total: z.number().default(7) }, {}, false, /^ok {}$/],
  ['wrong type, listed first', { total: z.number() }, { total: 'x' }, true, /^server refuses$/],
  ['loose object, listed first', z.object({ total: z.number() }).loose(), { total: 1, note: 'x' }, true, /^ok /],
];
let bad = 0;
for (const [name, schema, content, list, want] of cases) {
  const got = await ask(schema, content, list); const ok = want.test(got); if (!ok) bad++;
  console.log((ok ? '  seen:     ' : '  NOT SEEN: ') + name + ': ' + got);
}
console.log(bad ? 'no longer as stated' : 'all as stated'); process.exit(bad ? 1 : 0);
JS
node "$WORK/run.mjs"
