// The chart lints, and renders what Kubernetes needs to run the three services.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const chart = fileURLToPath(new URL('../../helm/weir', import.meta.url));

function helm(...args: string[]): string {
  const binary = process.env.WEIR_HELM;
  if (!binary) throw new Error('WEIR_HELM is not set: run npm run test:peers');
  return execFileSync(binary, args, { encoding: 'utf8' });
}

describe('the Helm chart', () => {
  it('lints without a warning', () => {
    expect(helm('lint', '--strict', chart)).toContain('0 chart(s) failed');
  });

  it('renders a service each, and state only for the ingester', () => {
    const rendered = helm('template', 'metrics', chart);
    const kinds = [...rendered.matchAll(/^kind: (\w+)\nmetadata:\n {2}name: (\S+)/gm)];
    expect(kinds.map(([, kind, name]) => `${kind} ${name}`).sort()).toEqual([
      'ConfigMap metrics-config',
      'Deployment metrics-distributor',
      'Deployment metrics-querier',
      'Service metrics-distributor',
      'Service metrics-ingester',
      'Service metrics-querier',
      'StatefulSet metrics-ingester',
    ]);
    expect(rendered).toContain('- -target=ingester');
    expect(rendered).toContain('- -ingester.ring.instance-id=$(POD_NAME)');
  });

  it('takes its values', () => {
    const rendered = helm(
      'template',
      'metrics',
      chart,
      '--set=secretName=,ingester.storage.className=fast,querier.extraArgs={-log.level=debug}',
      '--set=config.ingest_storage.kafka.address=broker:1',
    );
    expect(rendered).not.toContain('envFrom');
    expect(rendered).toContain('storageClassName: fast');
    expect(rendered).toContain('"-log.level=debug"');
    expect(rendered).toContain('address: broker:1');
  });
});
