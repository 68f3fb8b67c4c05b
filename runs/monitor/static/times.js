// @ts-check
// Times as the visitor reads them: in the chosen zone, and how long ago.

import { say, settings } from './kit.js';

/** @param {number} s seconds */
function ago(s) {
  const past = s >= 0;
  const d = Math.abs(s);
  if (d < 10 || (!past && d < 60)) return say('ago.now');
  const span = d < 60 ? say('span.seconds', Math.floor(d)) : d < 3600 ? say('span.minutes', Math.floor(d / 60)) : d < 172800 ? say('span.hours', Math.floor(d / 3600)) : say('span.days', Math.floor(d / 86400));
  return past ? say('ago.past', span) : say('ago.in', span);
}

function zone() {
  const z = settings.get('zone', 'local');
  return z === 'utc' ? 'UTC' : z === 'named' ? settings.get('zonename', 'UTC') || 'UTC' : undefined;
}

/**
 * @param {string} lang
 * @param {Intl.DateTimeFormatOptions} style
 * @returns {(t: Date) => string}
 */
function absolute(lang, style) {
  try {
    const f = new Intl.DateTimeFormat(lang, { ...style, timeZone: zone() });
    return (t) => f.format(t);
  } catch {
    const f = new Intl.DateTimeFormat(lang, { ...style, timeZone: 'UTC' }); // no such zone
    return (t) => f.format(t) + ' UTC';
  }
}

/** Shows the times of the page, of which some are within a sentence or a name. */
export function times() {
  const long = absolute(document.documentElement.lang || 'en', { dateStyle: 'medium', timeStyle: 'medium' });
  const short = absolute('sv', { dateStyle: 'short', timeStyle: 'medium' }); // as the server writes it: 2026-01-02 15:04:05
  const relative = settings.get('times', 'relative') === 'relative', now = Date.now();
  for (const e of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll('time.ops-time'))) {
    const t = new Date(e.dateTime);
    const full = long(t), age = (now - t.getTime()) / 1000;
    const text = 'absolute' in e.dataset ? short(t) : relative && age < 30 * 86400 ? ago(age) : full;
    if (e.title !== full) e.title = full;
    if (e.textContent !== text) e.textContent = text;
  }
}

setInterval(times, 20_000);
settings.addEventListener('change', times);
times();
