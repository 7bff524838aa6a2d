// What is wrong with the settings before any broker is asked: the client's own message for most of these
// is "erroneous state".
import { access, constants } from 'node:fs/promises';
import { WeirError } from '@weir/errors';
import type { KafkaSettings } from './flags.ts';

const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'];
const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Rejects with `invalid`, naming the flag. */
export async function checkSettings(settings: KafkaSettings): Promise<void> {
  const { saslMechanism, saslUsername, saslPassword } = settings;
  const flag = (name: string) => `-ingest-storage.kafka.${name}`;
  const refuse = (name: string, why: string): never => {
    throw new WeirError('invalid', `${flag(name)} ${why}`);
  };
  if (settings.address.length === 0) refuse('address', 'is not set');
  oneOf(flag('sasl-mechanism'), saslMechanism, MECHANISMS);
  oneOf(flag('producer-compression'), settings.compression, COMPRESSIONS);
  const anonymous = saslUsername === '' && saslPassword === '';
  if (saslMechanism === 'OAUTHBEARER') {
    const sources = [
      settings.saslOauthbearerToken,
      settings.saslOauthbearerFilePath,
      settings.saslOauthbearerHttpSocketPath,
    ].filter((source) => source !== '');
    if (sources.length !== 1) {
      const names = `one of ${flag('sasl-oauthbearer-token')}, -file-path and -http-socket-path`;
      refuse('sasl-mechanism', `=OAUTHBEARER needs ${names}`);
    }
  } else if (!(anonymous && saslMechanism === 'PLAIN')) {
    if (saslUsername === '') refuse('sasl-username', `is not set, and ${saslMechanism} needs it`);
    if (saslPassword === '') refuse('sasl-password', `is not set, and ${saslMechanism} needs it`);
  }
  await checkFiles(settings, refuse);
}

async function checkFiles(
  settings: KafkaSettings,
  refuse: (name: string, why: string) => never,
): Promise<void> {
  const { tlsCaPath, tlsCertPath, tlsKeyPath, tlsEnabled } = settings;
  const files = {
    'tls-ca-path': tlsCaPath,
    'tls-cert-path': tlsCertPath,
    'tls-key-path': tlsKeyPath,
  };
  for (const [name, file] of Object.entries(files)) {
    if (file === '') continue;
    // Otherwise a process that was meant to be safe would talk in the open.
    if (!tlsEnabled) refuse(name, 'is set without -ingest-storage.kafka.tls-enabled');
    await access(file, constants.R_OK).catch((error: Error) =>
      refuse(name, `cannot be read: ${error.message}`),
    );
  }
  if (tlsCertPath !== '' && tlsKeyPath === '')
    refuse('tls-key-path', 'is not set beside tls-cert-path');
  if (tlsKeyPath !== '' && tlsCertPath === '')
    refuse('tls-cert-path', 'is not set beside tls-key-path');
}

function oneOf(flag: string, value: string, known: readonly string[]): void {
  if (known.includes(value)) return;
  throw new WeirError('invalid', `${flag}=${value} is not one of ${known.join(', ')}`);
}
