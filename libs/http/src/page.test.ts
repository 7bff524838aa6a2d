// Pages: whatever comes from outside is text, never markup.
import { defaultsOf } from '@weir/config';
import { systemClock } from '@weir/runtime';
import { silentTelemetry } from '@weir/telemetry';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createHttpServer } from './http-server.ts';
import { httpFlags } from './http-settings.ts';
import { badge, durationText, html, page, sendPage, table, timeAndAge } from './page.ts';

describe('pages', () => {
  it('escape every text, also in attributes and lists, and markup not twice', () => {
    const text = `<i a='"'>&`;
    const escaped = '&lt;i a=&#39;&quot;&#39;&gt;&amp;';
    expect(html`<b title="${text}">${[text, html`<u>${text}</u>`, undefined, 7]}</b>`.markup).toBe(
      `<b title="${escaped}">${escaped}<u>${escaped}</u>7</b>`,
    );
    expect(page(text, html`x`)).toContain(`<h1>${escaped}</h1>x</html>`);
  });

  it('never let a text end its element', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const { markup } = html`<p>${text}</p>`;
        expect(markup.slice(3, -4)).not.toMatch(/[<>"']/);
      }),
    );
  });

  it('show tables with numbers to the right, and that there is nothing', () => {
    const { markup } = table([{ title: 'a' }, { title: 'n', numeric: true }], [['x', 5]]);
    expect(markup).toContain('<th>a</th><th class="number">n</th>');
    expect(markup).toContain('<td>x</td><td class="number">5</td>');
    expect(table([{ title: 'a' }], []).markup).toContain('None.');
    expect(badge('ACTIVE', 'good').markup).toBe('<span class="badge good">ACTIVE</span>');
  });

  it('show ages in the two largest units', () => {
    const texts = [-5, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 90_061_000];
    expect(texts.map(durationText)).toEqual([
      ...['0 s', '0 s', '1 s', '59 s', '1 m 0 s', '59 m 59 s', '1 h 0 m', '1 d 1 h'],
    ]);
    expect(timeAndAge(undefined, 0).markup).toBe('–');
    expect(timeAndAge(0, 61_000).markup).toContain('title="1970-01-01T00:00:00.000Z">1 m 1 s<');
  });

  it('are JSON when Accept has application/json, and only then', async () => {
    const server = createHttpServer(defaultsOf(httpFlags), {
      telemetry: silentTelemetry(),
      clock: systemClock,
    });
    server.get('/page', (request, reply) => sendPage(request, reply, { a: 1 }, () => 'a page'));
    const get = (accept?: string) =>
      server.inject({ url: '/page', headers: accept === undefined ? {} : { accept } });
    expect((await get('text/html, application/json;q=0.9')).json()).toEqual({ a: 1 });
    for (const accept of [undefined, 'text/html', '*/*', 'application/yaml']) {
      const answer = await get(accept);
      expect([answer.headers['content-type'], answer.body]).toEqual([
        ...['text/html; charset=utf-8', 'a page'],
      ]);
    }
    await server.close();
  });
});
