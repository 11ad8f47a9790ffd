/** One session through the generated client, without a cast: a task, a question, the lists. */
import createClient from "openapi-fetch";
import type { paths } from "./generated/schema.js";

const [baseUrl, prompt] = process.argv.slice(2);
if (!baseUrl || !prompt) throw new Error("usage: session <url> <prompt>");
const client = createClient<paths>({ baseUrl });

const task = await client.POST("/api/task", { body: { prompt } });
if (!task.data || !("pending" in task.data)) throw new Error(`nobody is asked: ${JSON.stringify(task)}`);
const id = task.data.session_id;
const request = task.data.pending[0];
if (request?.kind !== "question") throw new Error(`no question: ${JSON.stringify(request)}`);

const decided = await client.POST("/api/sessions/{id}/requests/{request_id}", {
  params: { path: { id, request_id: request.request_id } },
  body: { decision: "allow", answers: { "Which colour?": "Blue", "Which sizes?": ["S", "L"] } },
});
if (decided.error) throw new Error(decided.error.detail);
if (decided.data.decided_by?.kind !== "user") throw new Error(`decided by ${decided.data.decided_by?.kind}`);

let status: string | undefined;
while (status !== "idle") {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const session = await client.GET("/api/sessions/{id}", { params: { path: { id } } });
  if (session.error) throw new Error(session.error.detail);
  status = session.data.status;
}

const types: string[] = [];
const texts: string[] = [];
let cursor: string | undefined;
do {
  const page = await client.GET("/api/sessions/{id}/events", {
    params: { path: { id }, query: { limit: 5, cursor } },
  });
  if (!page.data || !("events" in page.data)) throw new Error(page.error?.detail ?? "no page");
  for (const event of page.data.events) {
    types.push(event.type);
    if (event.type === "assistant_text") texts.push(event.data.text);
  }
  cursor = page.data.next_cursor ?? undefined;
} while (cursor);

const sessions = await client.GET("/api/sessions", { params: { query: { limit: 1 } } });
if (!sessions.data) throw new Error(sessions.error.detail);
console.log(JSON.stringify({ types, texts, title: sessions.data.sessions[0]?.title }));
