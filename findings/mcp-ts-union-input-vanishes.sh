#!/usr/bin/env bash
# Packages: @modelcontextprotocol/sdk 1.32.2 with zod 4.1.12 (npm).
#
# Valid input: McpServer.registerTool with an inputSchema that is a zod union, discriminated union, intersection or a
# transformed object instead of a plain z.object (the types accept it).
# One would expect: the union's JSON schema (anyOf ...) in tools/list, or an error when the tool is registered.
# What happens instead: registration succeeds and tools/list publishes {"type":"object","properties":{}}: a tool
# without arguments. The arguments are still checked on each call, so {} is refused. The same object schema with
# .refine() is published in full. A union as outputSchema is not published either and makes EVERY call fail with an
# internal TypeError text as the tool's answer ("Cannot read properties of undefined ...").
# Why it matters: the model is told that the tool takes nothing, calls it with {} and gets a validation error naming
# fields it has never heard of; no log line points at the schema.
set -euo pipefail
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
npm install --prefix "$WORK" --silent --no-audit --no-fund --ignore-scripts @modelcontextprotocol/sdk@1.32.2 zod@4.1.12 >/dev/null
cat > "$WORK/run.mjs" <<'JS'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import * as z from 'zod';
async function ask(config, handler, args) {
  const server = new McpServer({ name: 's', version: '1' }), client = new Client({ name: 'c', version: '1' });
  server.registerTool('t', config, handler);
  const [a, b] = InMemoryTransport.createLinkedPair(); await server.connect(a); await client.connect(b);
  const tool = (await client.listTools()).tools[0], results = [];
  for (const x of args) results.push(await client.callTool({ name: 't', arguments: x }));
  await client.close(); await server.close();
  return { input: tool.inputSchema, output: tool.outputSchema, results };
}
const echo = async (x) => ({ content: [{ type: 'text', text: JSON.stringify(x) }] });
const A = z.object({ kind: z.literal('a'), name: z.string() }), B = z.object({ kind: z.literal('b'), size: z.number() });
let bad = 0; const check = (ok, what) => { console.log(ok ? '  seen:    ' : '  NOT SEEN:', what); if (!ok) bad++; };
const good = { kind: 'a', name: 'x', size: 1 };
for (const [name, schema] of [['union', z.union([A, B])], ['discriminated union', z.discriminatedUnion('kind', [A, B])],
    ['intersection', A.and(z.object({ size: z.number() }))], ['transformed object', A.transform((x) => ({ n: x.name }))]]) {
  const r = await ask({ inputSchema: schema }, echo, [good, {}]);
  console.log(name, JSON.stringify(r.input), '| {} ->', r.results[1].content[0].text.replace(/\s+/g, ' ').slice(0, 120));
  check(r.input.type === 'object' && JSON.stringify(r.input.properties) === '{}' && !r.input.anyOf && !r.input.oneOf && !r.input.allOf, 'published without any argument');
  check(!r.results[0].isError && r.results[1].isError === true, 'but the arguments are needed');
}
const plain = await ask({ inputSchema: A.refine((x) => x.name !== 'no') }, echo, [good]);
console.log('refined object', JSON.stringify(plain.input)); check(Boolean(plain.input.properties.name), 'a refined object is published in full');
const out = await ask({ outputSchema: z.union([A, B]) }, async () => ({ content: [], structuredContent: { kind: 'a', name: 'x' } }), [{}]);
console.log('union as outputSchema', out.output, '| call ->', JSON.stringify(out.results[0]));
check(out.output === undefined && out.results[0].isError === true && /Cannot read properties/.test(out.results[0].content[0].text), 'a union as outputSchema is not published and every call fails');
console.log(bad ? 'no longer as stated' : 'all as stated'); process.exit(bad ? 1 : 0);
JS
node "$WORK/run.mjs"
