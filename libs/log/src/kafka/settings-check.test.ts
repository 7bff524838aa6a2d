// What is wrong with the settings is told with the flag, before any broker is asked.
import { fileURLToPath } from 'node:url';
import { defaultsOf } from '@weir/config';
import { describe, expect, it } from 'vitest';
import { type KafkaSettings, kafkaFlags } from './flags.ts';
import { checkSettings } from './settings-check.ts';

const check = (more: Partial<KafkaSettings>) =>
  checkSettings({ ...defaultsOf(kafkaFlags), address: ['a:9092'], ...more });
const file = fileURLToPath(import.meta.url);

describe('checkSettings', () => {
  const wrong: readonly (readonly [Partial<KafkaSettings>, string])[] = [
    [{ address: [] }, 'address is not set'],
    [{ saslMechanism: 'GSSAPI' }, 'sasl-mechanism=GSSAPI is not one of PLAIN, SCRAM-SHA-256'],
    [{ compression: 'zip' }, 'producer-compression=zip is not one of none'],
    [{ saslUsername: 'a' }, 'sasl-password is not set'],
    [{ saslPassword: 'a' }, 'sasl-username is not set'],
    [{ saslMechanism: 'SCRAM-SHA-256' }, 'sasl-username is not set'],
    [{ saslMechanism: 'OAUTHBEARER' }, 'needs one of -ingest-storage.kafka.sasl-oauthbearer-token'],
    [
      { saslMechanism: 'OAUTHBEARER', saslOauthbearerToken: 'a', saslOauthbearerFilePath: 'b' },
      'needs one of',
    ],
    [{ tlsCaPath: file }, 'tls-ca-path is set without -ingest-storage.kafka.tls-enabled'],
    [{ tlsEnabled: true, tlsCaPath: `${file}.missing` }, 'tls-ca-path cannot be read'],
    [{ tlsEnabled: true, tlsCertPath: file }, 'tls-key-path is not set'],
    [{ tlsEnabled: true, tlsKeyPath: file }, 'tls-cert-path is not set'],
  ];
  for (const [settings, message] of wrong) {
    it(message, async () => {
      await expect(check(settings)).rejects.toMatchObject({ kind: 'invalid' });
      await expect(check(settings)).rejects.toThrow(message);
    });
  }

  it('takes what is right', async () => {
    await check({});
    await check({ saslUsername: 'a', saslPassword: 'b' });
    await check({ saslMechanism: 'OAUTHBEARER', saslOauthbearerHttpSocketPath: '/run/token' });
    await check({ tlsEnabled: true, tlsCaPath: file, tlsCertPath: file, tlsKeyPath: file });
  });
});
