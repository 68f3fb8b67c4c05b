// @ts-check
// One stream of events for all tabs of a browser, because a browser opens six
// connections to a host at most. One tab, which holds a lock, has the stream and
// passes on what it is told. An event is how a run is now, so that whoever comes
// late or comes back has missed nothing.

import { api, settings, tenant } from './kit.js';

/**
 * @typedef {{total: number, processed: number, succeeded: number, failed: number, skipped: number}} Counts
 * @typedef {{id: string, type: string, label: string, target?: string, status: string, outcome?: string, trouble?: string, mine?: boolean,
 *   attempt: number, revision: number, percent?: number, counts: Counts, created_at: string, started_at?: string,
 *   completed_at?: string, updated_at: string}} Run
 * @typedef {{runs?: () => string[], active?: boolean, inbox?: boolean, run?: (run: Run) => void, unread?: (n: number) => void,
 *   link?: (up: boolean) => void}} Follower
 * @typedef {{runs: string[], active: boolean, inbox: boolean}} Want
 */

const silence = 35_000; // two pings that did not come
const pollEvery = 5_000;
const tryAgain = 60_000; // a stream, while polling
const me = Math.random().toString(36).slice(2);
const name = `ops ${api} ${tenant}`;

/** @type {Set<Follower>} */
const followers = new Set();
/** @type {Map<string, Run>} */
const runs = new Map();
/** @type {Map<string, Want>} wants of other tabs, while this one leads */
const others = new Map();

let unread = -1;
let up = true;
let joined = false, leading = false;
let failures = 0, heard = 0, url = '', tag = '';
/** @type {EventSource | undefined} */ let source;
/** @type {BroadcastChannel | undefined} */ let channel;
/** @type {AbortController | undefined} */ let waiting;
/** @type {(() => void) | undefined} */ let release;
/** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
/** @type {ReturnType<typeof setInterval> | undefined} */ let watchdog;

/**
 * Tells f what becomes of runs. What f.runs returns may change; say so with
 * changed().
 * @param {Follower} f
 */
export function follow(f) {
  followers.add(f);
  for (const run of runs.values()) f.run?.(run);
  if (unread >= 0) f.unread?.(unread);
  changed();
}

/** What is followed has changed. */
export function changed() {
  if (!joined) return;
  if (leading) later(open, 50);
  else post({ t: 'want', id: me, want: want() });
}

/** What this tab wants to know. @returns {Want} */
function want() {
  const all = [...followers];
  return {
    runs: [...new Set(all.flatMap((f) => f.runs?.() ?? []))],
    active: all.some((f) => f.active),
    inbox: all.some((f) => f.inbox),
  };
}

/** @param {object} m */
const post = (m) => channel?.postMessage(m);

/** One thing at a time is to come. @param {() => void} what @param {number} ms */
function later(what, ms) {
  clearTimeout(timer);
  timer = setTimeout(what, ms);
}

/** @param {Run} run */
function told(run) {
  const before = runs.get(run.id);
  if (before && (before.revision > run.revision || (before.revision === run.revision && before.trouble === run.trouble))) return;
  runs.delete(run.id);
  runs.set(run.id, run); // the latest last
  for (const [id, old] of runs) {
    if (runs.size <= 500) break;
    if (old.status === 'completed') runs.delete(id);
  }
  for (const f of followers) f.run?.(run);
}

/** @param {number} n */
function toldUnread(n) {
  unread = n;
  for (const f of followers) f.unread?.(n);
}

/** @param {boolean} now */
function toldLink(now) {
  if (up === now) return;
  up = now;
  for (const f of followers) f.link?.(now);
}

/** Where the stream is that tells what all tabs want. */
function address() {
  const all = [want(), ...others.values()];
  const ids = new Set(all.flatMap((w) => w.runs));
  // What was active when it was heard of last is asked for by name: it may have
  // ended while nobody listened.
  for (const run of runs.values()) if (run.status !== 'completed') ids.add(run.id);
  const q = new URLSearchParams();
  if (all.some((w) => w.active)) q.set('active', '1');
  if (all.some((w) => w.inbox)) q.set('inbox', '1');
  for (const id of [...ids].filter((id) => runs.get(id)?.status !== 'completed').sort().reverse().slice(0, 100)) q.append('run', id);
  // A page of no tenant has no stream.
  return tenant && q.size ? `${api}/t/${encodeURIComponent(tenant)}/events?${q}` : '';
}

/** Opens the stream, or another one if something else is wanted now. */
function open() {
  const next = address();
  if (source && source.readyState !== EventSource.CLOSED && covers(url, next)) return;
  shut();
  url = next;
  if (!url) return;
  const s = (source = new EventSource(url));
  heard = Date.now();
  watchdog = setInterval(() => Date.now() - heard > silence && failed(), 5_000);
  /** @param {string} event @param {(body: any) => void} [take] */
  const on = (event, take) =>
    s.addEventListener(event, (e) => {
      heard = Date.now();
      if (s === source) take?.('data' in e ? JSON.parse(String(e.data)) : undefined);
    });
  on('open', () => {
    failures = 0;
    link(true);
  });
  on('ping');
  on('run', pass);
  on('inbox', (m) => passUnread(m.unread));
  on('bye', () => {
    shut();
    later(open, 200 + Math.random() * 1_000);
  });
  s.addEventListener('error', () => s === source && failed());
}

/** Whether a stream tells everything that is wanted. @param {string} has @param {string} wanted */
function covers(has, wanted) {
  const params = (/** @type {string} */ u) => (u.split('?')[1] ?? '').split('&');
  const there = new Set(params(has));
  return params(wanted).every((p) => there.has(p));
}

/** Tells this tab and the others. @param {Run} run */
function pass(run) {
  told(run);
  post({ t: 'run', run });
}

/** @param {number} n */
function passUnread(n) {
  toldUnread(n);
  post({ t: 'inbox', unread: n });
}

/** @param {boolean} now */
function link(now) {
  toldLink(now);
  post({ t: 'link', up: now });
}

function shut() {
  clearTimeout(timer);
  clearInterval(watchdog);
  source?.close();
  source = undefined;
}

function failed() {
  shut();
  if (++failures < 2) {
    later(open, 500 + Math.random() * 1_000);
    return;
  }
  link(false);
  poll(Date.now() + tryAgain);
}

/**
 * Asks for the state every few seconds. A stream is tried again when that time
 * has come, or when the server answers after it was away.
 * @param {number} until
 * @param {boolean} [away]
 */
async function poll(until, away) {
  const asked = address();
  if (!asked) return;
  if (asked !== url) tag = '';
  url = asked;
  let answered = false;
  try {
    const r = await fetch(url, { cache: 'no-store', headers: { Accept: 'application/json', ...(tag && { 'If-None-Match': tag }) } });
    if (!leading || source) return;
    if ([401, 403, 404].includes(r.status)) return; // nothing to see any more
    answered = r.ok || r.status === 304;
    if (r.ok) {
      tag = r.headers.get('ETag') ?? '';
      const { runs: now, inbox } = await r.json();
      now.forEach(pass);
      if (inbox) passUnread(inbox.unread);
    }
  } catch {
    // The server is away.
  }
  if (leading && !source) {
    if (Date.now() > until || (answered && away)) later(open, 0);
    else later(() => poll(until, !answered), pollEvery);
  }
}

/** @param {MessageEvent} e */
function heardFrom({ data: m }) {
  if (m.t === 'want' && leading) {
    others.set(m.id, m.want);
    for (const run of runs.values()) if (run.status !== 'completed') post({ t: 'run', run });
    if (unread >= 0) post({ t: 'inbox', unread });
    later(open, 50);
  } else if (m.t === 'gone') others.delete(m.id);
  else if (m.t === 'lead') post({ t: 'want', id: me, want: want() });
  else if (m.t === 'run') told(m.run);
  else if (m.t === 'inbox') toldUnread(m.unread);
  else if (m.t === 'link') toldLink(m.up);
}

function lead() {
  leading = true;
  others.clear();
  post({ t: 'lead' });
  later(open, 50); // until the others have said what they want
}

function join() {
  if (joined) return;
  joined = true;
  failures = 0;
  if (!navigator.locks || !self.BroadcastChannel) return lead(); // no secure context: a stream of its own
  channel = new BroadcastChannel(name);
  channel.addEventListener('message', heardFrom);
  waiting = new AbortController();
  const hold = () => {
    if (!joined) return;
    lead();
    return new Promise((/** @type {(v?: unknown) => void} */ done) => (release = done));
  };
  navigator.locks.request(name, { signal: waiting.signal }, hold).catch(() => {});
  post({ t: 'want', id: me, want: want() });
}

function leave() {
  if (!joined) return;
  joined = leading = false;
  shut();
  post({ t: 'gone', id: me });
  waiting?.abort();
  release?.();
  release = undefined;
  channel?.close();
  channel = undefined;
}

/** Hidden tabs and paused pages follow nothing. @param {boolean} [going] */
function decide(going) {
  if (!going && document.visibilityState === 'visible' && settings.get('live', 'on') === 'on') join();
  else leave();
}

document.addEventListener('visibilitychange', () => decide());
addEventListener('pagehide', () => decide(true));
addEventListener('pageshow', () => decide());
settings.addEventListener('change', () => decide());
decide();
