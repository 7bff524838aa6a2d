// Pages for people: HTML without scripts, in one style, light or dark as the browser has it. Whatever is put
// into a page is escaped unless it is markup made here. Pages that machines read too answer JSON when the
// request's Accept has `application/json`, as Mimir's do.
import { isoTime } from '@weir/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Text that is markup already. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[];

/** Markup as a template; what stands in braces is escaped, lists are joined, undefined is left out. */
export function html(literals: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  let markup = literals[0]!;
  for (const [at, value] of values.entries()) markup += markupOf(value) + literals[at + 1]!;
  return new Html(markup);
}

function markupOf(value: HtmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map(markupOf).join('');
  return escaped(String(value));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

/** How a state is to be taken, and so its colour. */
export type Mood = 'good' | 'busy' | 'bad' | 'idle';

export function badge(text: string, mood: Mood): Html {
  return html`<span class="badge ${mood}">${text}</span>`;
}

export interface Column {
  readonly title: string;
  /** Numbers stand under each other. */
  readonly numeric?: boolean;
}

export function table(columns: readonly Column[], rows: readonly (readonly HtmlValue[])[]): Html {
  if (rows.length === 0) return html`<p class="none">None.</p>`;
  const classOf = (at: number) => (columns[at]?.numeric ? html` class="number"` : undefined);
  const head = columns.map(({ title }, at) => html`<th${classOf(at)}>${title}</th>`);
  const body = rows.map((cells) => {
    return html`<tr>${cells.map((cell, at) => html`<td${classOf(at)}>${cell}</td>`)}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** A time and how long ago that is; a dash for none. */
export function timeAndAge(timeMs: number | undefined, nowMs: number): Html {
  if (timeMs === undefined || !Number.isFinite(timeMs)) return html`–`;
  const iso = isoTime(timeMs);
  return html`<time datetime="${iso}" title="${iso}">${durationText(nowMs - timeMs)}</time>`;
}

/** `3 h 20 m`, `12 s`: the two largest units, for reading; negative ones as 0 s. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24];
  const minutes = Math.floor(seconds / 60) % 60;
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} m`;
  if (minutes > 0) return `${minutes} m ${seconds % 60} s`;
  return `${seconds} s`;
}

const STYLE = `:root{color-scheme:light dark;--ink:#1b2330;--soft:#5b6778;--line:#e3e8ef;--link:#0b6bcb;--paper:#fff;--row:#f6f8fb}
@media(prefers-color-scheme:dark){:root{--ink:#d8dee9;--soft:#8b97a8;--line:#2b3442;--link:#6cb2f7;--paper:#12161d;--row:#171d26}}
body{font:15px/1.5 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1.25rem;color:var(--ink);background:var(--paper)}
h1{font-size:1.4rem;margin:.5rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}a{color:var(--link)}nav,.soft,.none,time{color:var(--soft)}nav{font-size:.85rem}
.scroll{overflow-x:auto}table{border-collapse:collapse}td,th{text-align:left;padding:.3rem 1.1rem .3rem 0;border-bottom:1px solid var(--line);white-space:nowrap;vertical-align:top}
th{font-weight:600;font-size:.85rem;color:var(--soft);position:sticky;top:0;background:var(--paper)}tbody tr:hover{background:var(--row)}.number{text-align:right;font-variant-numeric:tabular-nums}
.badge{display:inline-block;padding:0 .5rem;border-radius:.6rem;font-size:.8rem;font-weight:600}.good{background:#1a7f37;color:#fff}.busy{background:#bf8700;color:#fff}.bad{background:#cf222e;color:#fff}.idle{background:#6e7781;color:#fff}
.warn{border-left:4px solid #bf8700;padding:.4rem .8rem;background:var(--row)}form{display:inline}button{font:inherit;font-size:.85rem;padding:.05rem .55rem;margin-right:.3rem;border:1px solid var(--line);border-radius:.35rem;background:var(--row);color:var(--ink);cursor:pointer}
ul{padding-left:1.2rem}code{font-size:.9em}`;

/** A whole page. */
export function page(title: string, ...body: readonly HtmlValue[]): string {
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Weir: ${title}</title><style>${new Html(STYLE)}</style><nav><a href="/">Weir</a></nav><h1>${title}</h1>${body}</html>`
    .markup;
}

/** Answers what machines or people asked for; the page is made only when it is wanted. */
export function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  json: unknown,
  makePage: () => string,
): FastifyReply {
  if (wantsJson(request)) return sendJson(reply, json);
  return reply.type('text/html; charset=utf-8').send(makePage());
}

export function sendJson(reply: FastifyReply, json: unknown): FastifyReply {
  return reply.type('application/json').send(JSON.stringify(json));
}

export function wantsJson(request: Pick<FastifyRequest, 'headers'>): boolean {
  return request.headers.accept?.includes('application/json') ?? false;
}
