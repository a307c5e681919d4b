// The service worker: keeps the page that is shown without a connection, and nothing else. Its own address says in which
// language and look, so another choice is another worker.
"use strict";
const STORE = `offline${location.search}`;
const PAGE = "/offline";

self.addEventListener("install", (event) => event.waitUntil((async () => {
  const store = await caches.open(STORE);
  const answer = await fetch(PAGE, { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) throw new Error(`${PAGE}: ${answer.status}`);
  const files = [...(await answer.clone().text()).matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(([, file]) => file);
  await store.put(PAGE, answer);
  await store.addAll(files);
  await self.skipWaiting();
})()));

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name !== STORE) await caches.delete(name);
  await self.clients.claim();
})()));

const kept = async (request) => (await caches.open(STORE)).match(request); // not the page of the worker before

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const asked = new URL(request.url);
  if (asked.origin !== location.origin) return;
  if (request.mode === "navigate")
    event.respondWith(fetch(request).catch(async () => (await kept(PAGE)) ?? Response.error()));
  else if (request.method === "GET" && asked.pathname.startsWith("/static/"))
    event.respondWith(fetch(request).catch(async () => (await kept(request)) ?? Response.error()));
});
