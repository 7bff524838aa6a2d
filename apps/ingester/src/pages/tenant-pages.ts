// The same for people: tenants of this ingester, and one of them in full.
import { badge, html, page, table } from '@weir/http';
import type { TenantRow, TenantTsdb } from './tenant-data.ts';

export function tenantsPage(rows: readonly TenantRow[], silent: number): string {
  return page(
    'Tenants of this ingester',
    silenceNote(silent),
    table(
      [
        ...[{ title: 'Tenant' }, { title: 'Local blocks', numeric: true }],
        ...[{ title: 'Oldest sample in the head' }, { title: 'Newest' }, { title: '' }],
      ],
      rows.map(({ Tenant, Blocks, MinTime, MaxTime, Warning }) => [
        html`<a href="/ingester/tsdb/${encodeURIComponent(Tenant)}">${Tenant}</a>`,
        ...[Blocks, short(MinTime), short(MaxTime)],
        Warning === '' ? undefined : badge(Warning, 'bad'),
      ]),
    ),
  );
}

export function tenantPage(tenant: string, tsdb: TenantTsdb, silent: number): string {
  const { Head, Partitions, Blocks } = tsdb;
  const times = [{ title: 'Oldest sample' }, { title: 'Newest' }];
  return page(
    `Tenant ${tenant}`,
    silenceNote(silent),
    html`<p><a href="/ingester/tenants">All tenants of this ingester</a></p><h2>Head</h2>`,
    table(
      [{ title: 'Partition', numeric: true }, { title: 'Series', numeric: true }, ...times],
      [
        ...Partitions.map(({ Partition, NumSeries, MinTime, MaxTime }) => [
          ...[Partition, NumSeries, short(MinTime), short(MaxTime)],
        ]),
        ['all', Head.NumSeries, short(Head.MinTime), short(Head.MaxTime)],
      ],
    ),
    html`<h2>Local blocks</h2>`,
    table(
      [
        ...[{ title: 'Block' }, { title: 'Partition', numeric: true }],
        ...[{ title: 'From' }, { title: 'To' }, { title: 'Series', numeric: true }],
        ...[{ title: 'Samples', numeric: true }, { title: 'Uploaded' }],
      ],
      Blocks.map(({ ID, Partition, MinTime, MaxTime, Stats, UploadedOn }) => [
        ...[html`<code>${ID}</code>`, Partition, short(MinTime), short(MaxTime)],
        ...[Stats.numSeries ?? '–', Stats.numSamples ?? '–'],
        UploadedOn === '' ? badge('not yet', 'busy') : UploadedOn,
      ]),
    ),
  );
}

/** Without the milliseconds that machines read. */
function short(time: string): string {
  return time.split(' ')[0] || '–';
}

function silenceNote(silent: number) {
  if (silent === 0) return undefined;
  const what = silent === 1 ? '1 partition is' : `${silent} partitions are`;
  return html`<p class="warn">${what} being opened or reopened and not in here.</p>`;
}
