// One real broker that asks for everything that users' brokers ask for: a listener for each way to say
// who a client is, certificates of an authority of its own, and access control by topic.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KafkaProvider, startKafka } from '../providers/kafka.mjs';
import { createAuthority, type Issued } from './certificates.ts';

export const USER = 'alice';
export const PASSWORD = 'alice-pw';
/** May see topics and read them, and write none. */
export const READER = 'carol';
/** Is known, and may do nothing. */
export const NOBODY = 'bob';

const LISTENERS = {
  SASL: 'SASL_PLAINTEXT',
  TLS: 'SSL',
  MUTUAL: 'SSL',
  SASLTLS: 'SASL_SSL',
  /** Its certificate is another host's. */
  ELSEWHERE: 'SSL',
};
type Listener = keyof typeof LISTENERS;

export interface SecuredKafka {
  /** host:port without any security, where every client may do everything. */
  readonly brokers: string;
  readonly listeners: Readonly<Record<Listener, string>>;
  readonly ca: string;
  readonly client: Issued;
  /** Of an authority that the broker knows nothing of, and its client. */
  readonly strangerCa: string;
  readonly stranger: Issued;
  readonly directory: string;
  readonly provider: KafkaProvider;
  stop(): Promise<void>;
}

export async function startSecuredKafka(): Promise<SecuredKafka> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-secured-'));
  const own = createAuthority(directory, 'own');
  const strange = createAuthority(directory, 'strange');
  const server = own.issue('server', 'DNS:localhost,IP:127.0.0.1');
  const elsewhere = own.issue('elsewhere', 'DNS:kafka.elsewhere.example');
  const provider = await startKafka({
    own: true,
    listeners: LISTENERS,
    scram: ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map(
      (mechanism) => `${mechanism}=[name=${USER},password=${PASSWORD}]`,
    ),
    properties: {
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
      ...saslOf('sasl'),
      ...saslOf('sasltls'),
      // A token that ends ends its connections, too.
      'listener.name.sasl.oauthbearer.connections.max.reauth.ms': '3600000',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': server.keyStore,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': own.ca,
      'listener.name.mutual.ssl.client.auth': 'required',
      'listener.name.elsewhere.ssl.keystore.type': 'PEM',
      'listener.name.elsewhere.ssl.keystore.location': elsewhere.keyStore,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': `User:ANONYMOUS;User:${USER};User:CN=weir`,
    },
  });
  return {
    brokers: provider.brokers,
    listeners: provider.listeners as Record<Listener, string>,
    ca: own.ca,
    client: own.issue('weir'),
    strangerCa: strange.ca,
    stranger: strange.issue('stranger'),
    directory,
    provider,
    async stop() {
      await provider.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function saslOf(listener: string): Record<string, string> {
  const module = (mechanism: string, name: string, more = '') => ({
    [`listener.name.${listener}.${mechanism}.sasl.jaas.config`]: `org.apache.kafka.common.security.${name} required${more};`,
  });
  const users = [USER, READER, NOBODY].map((user) => ` user_${user}="${user}-pw"`).join('');
  return {
    ...module('plain', 'plain.PlainLoginModule', users),
    ...module('scram-sha-256', 'scram.ScramLoginModule'),
    ...module('scram-sha-512', 'scram.ScramLoginModule'),
    // Without a handler of its own the broker takes unsigned tokens.
    ...module('oauthbearer', 'oauthbearer.OAuthBearerLoginModule'),
  };
}

/** An unsigned JSON web token, which only a broker for tests takes. */
export function unsignedToken(user: string, expiresAtMs: number, nowMs = expiresAtMs - 60_000) {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: user, iat: Math.floor(nowMs / 1000), exp: Math.floor(expiresAtMs / 1000) };
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}
