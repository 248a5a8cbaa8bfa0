// An application that uses the client which openapi-typescript generates from /openapi.json.
// tsc checks its types, and node runs it against the service. It prints one line of JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[]; stdout: { write(text: string): void } };

type Clip = components["schemas"]["Clip"];

const baseUrl = process.argv[2] ?? "";
// The list and statistics have other formats, too; this client requests JSON only.
const api = createClient<paths, "application/json">({ baseUrl });

const jazz: Clip[] = [];
for (let cursor: string | undefined; ; ) {
  const query = { genre: ["jazz"], limit: 1, ...(cursor === undefined ? {} : { cursor }) };
  const { data, response } = await api.GET("/api/v1/clips", { params: { query } });
  if (!data) break;
  jazz.push(...data);
  const next = /<([^>]+)>; rel="next"/.exec(response.headers.get("Link") ?? "")?.[1];
  if (next === undefined) break;
  cursor = new URL(next).searchParams.get("cursor") ?? undefined;
}

const added = await api.POST("/api/v1/clips", {
  body: {
    title: "From TypeScript",
    genre: "jazz",
    duration: 3,
    audio_url: "https://example.com/path/to/audio.mp3",
    tags: ["typed"],
  },
  params: { header: { "Idempotency-Key": "typescript-1" } },
});
const { data: clip } = added;
if (!clip) throw new Error("The clip was not added.");
const health: "unchecked" | "ok" | "failing" = clip.health.status;

const headers = { Authorization: `Bearer ${process.argv[3] ?? ""}` };
const { openAsBlob }: { openAsBlob(path: string): Promise<Blob> } = await import("node:fs" as string);
const file = await openAsBlob(process.argv[4] ?? "");
const form = new FormData();
form.append("metadata", JSON.stringify({ title: "Uploaded", genre: "jazz" }));
form.append("audio", file, "song.mp3");
// The generator has no type for files: it describes them as strings.
const sent = form as unknown as components["schemas"]["ClipUploadRequest"];
const uploaded = await api.POST("/api/v1/clips", { body: sent, bodySerializer: () => form, headers });
const { id = 0, duration, proposals = {} } = uploaded.data ?? {};
const changed = await api.PATCH("/api/v1/clips/{id}", {
  params: { path: { id } },
  body: proposals,
  headers,
});
const replaced = await api.PUT("/api/v1/clips/{id}/audio", {
  params: { path: { id }, header: { "If-Match": changed.response.headers.get("ETag") ?? "" } },
  body: "",
  bodySerializer: () => file,
  headers,
});
const refused = await api.PUT("/api/v1/clips/{id}/audio", {
  params: { path: { id } },
  body: "%PDF-1.7",
  bodySerializer: (body) => body,
  headers,
});

const path = { id: jazz[0]?.id ?? 0 };
const range = await api.GET("/api/v1/clips/{id}/stream", {
  params: { path, header: { Range: "bytes=0-99" } },
  parseAs: "arrayBuffer",
});

const statistics = await api.GET("/api/v1/clips/{id}/stats", {
  params: { path, query: { interval: "week" } },
});
const plays: number | undefined = statistics.data?.series.at(-1)?.plays;

// An error is one of two shapes, and TypeScript knows which is which.
const wrong = await api.GET("/api/v1/clips", { params: { query: { limit: 0 } } });
const missing = await api.GET("/api/v1/clips/{id}", { params: { path: { id: 999 } } });
const code: string | string[] | undefined = missing.error?.code;
const codes: string[] = wrong.error && !("detail" in wrong.error) ? wrong.error.codes : [];

process.stdout.write(
  JSON.stringify({
    jazz: jazz.map(({ title }) => title),
    added: [added.response.status, clip.title.toUpperCase(), clip.creator, health],
    uploaded: [
      duration,
      changed.data?.title,
      replaced.response.status,
      refused.error && "code" in refused.error ? refused.error.code : null,
    ],
    range: [range.response.status, range.data?.byteLength],
    plays,
    missing: code,
    wrong: codes,
  }),
);
