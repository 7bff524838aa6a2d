// How every client of this process reaches the brokers.
import type { Clock } from '@weir/runtime';
import type { ClientConfig } from './driver.ts';
import type { KafkaSettings } from './flags.ts';
import { readToken } from './oauth-token.ts';

export function clientConfig(settings: KafkaSettings, clock: Clock): ClientConfig {
  const bearer = settings.saslMechanism === 'OAUTHBEARER';
  const sasl = bearer || settings.saslUsername !== '';
  const protocol = `${sasl ? 'sasl_' : ''}${settings.tlsEnabled ? 'ssl' : 'plaintext'}`;
  return {
    'bootstrap.servers': settings.address.join(','),
    'client.id': settings.clientId,
    ...(settings.clientRack !== '' && { 'client.rack': settings.clientRack }),
    'security.protocol': protocol,
    ...(sasl && {
      'sasl.mechanisms': settings.saslMechanism,
      ...(bearer
        ? { oauthbearer_token_refresh_cb: () => readToken(settings, clock.nowMs()) }
        : { 'sasl.username': settings.saslUsername, 'sasl.password': settings.saslPassword }),
    }),
    ...(settings.tlsCaPath !== '' && { 'ssl.ca.location': settings.tlsCaPath }),
    ...(settings.tlsCertPath !== '' && { 'ssl.certificate.location': settings.tlsCertPath }),
    ...(settings.tlsKeyPath !== '' && { 'ssl.key.location': settings.tlsKeyPath }),
    'enable.ssl.certificate.verification': !settings.tlsInsecureSkipVerify,
    'socket.connection.setup.timeout.ms': Math.max(1000, settings.dialTimeoutMs),
    'socket.keepalive.enable': true,
    // A broker that comes back is found within a second.
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1000,
  };
}

/**
 * For questions about offsets and groups. Such a client has no partitions, so nothing tells it when leaders and
 * coordinators move: what it knows of them is good for a second, not for the client's quarter of an hour.
 */
export function queriesConfig(settings: KafkaSettings, clock: Clock): ClientConfig {
  return { ...readerConfig(settings, clock), 'metadata.max.age.ms': 1000 };
}

/** For clients that read at offsets they are told; never commits on its own, never picks an offset. */
export function readerConfig(settings: KafkaSettings, clock: Clock): ClientConfig {
  return {
    ...clientConfig(settings, clock),
    'group.id': `${settings.clientId}-reader`,
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    // In the first and only argument of the constructor: with a second one it is ignored.
    'auto.offset.reset': 'error',
    'enable.partition.eof': true,
    // A partition that is added waits for the fetch under way: keep that short.
    'fetch.wait.max.ms': 100,
    'fetch.error.backoff.ms': 50,
    'fetch.queue.backoff.ms': 10,
    'queued.min.messages': 1000,
    'queued.max.messages.kbytes': 16 * 1024,
    'fetch.message.max.bytes': 1024 * 1024,
    'check.crcs': true,
  };
}
