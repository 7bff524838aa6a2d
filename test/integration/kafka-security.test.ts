// Kafka as users have it: every way to tell a broker who a client is, on a real broker that asks for it,
// and what an operator reads when it is refused, at start and later. Needs the openssl command.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text, utf8 } from '@weir/bytes';
import { defaultsOf } from '@weir/config';
import type { GroupEvents } from '@weir/log';
import { type KafkaSettings, kafkaFlags, openKafkaLog } from '@weir/log/kafka';
import { systemClock } from '@weir/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allow, OPERATION } from '../support/kafka-request.ts';
import { push } from '../support/remote-write.ts';
import {
  NOBODY,
  PASSWORD,
  READER,
  type SecuredKafka,
  startSecuredKafka,
  USER,
  unsignedToken,
} from '../support/secured-kafka.ts';
import { freePort, WeirProcess } from '../support/weir-process.ts';

const BIG = 1 << 20;
const patience = { timeout: 20_000, interval: 20 };
let kafka: SecuredKafka;
let topics = 0;

beforeAll(async () => {
  kafka = await startSecuredKafka();
});
afterAll(() => kafka?.stop());

type Settings = Partial<KafkaSettings>;
const settingsFor = (more: Settings): KafkaSettings => ({
  ...defaultsOf(kafkaFlags),
  topic: `secured-${systemClock.nowMs()}-${topics++}`,
  autoCreateTopicDefaultPartitions: 1,
  writeTimeoutMs: 3000,
  startTimeoutMs: 4000,
  lingerMs: 0,
  ...more,
});
const openLog = (more: Settings) => openKafkaLog(settingsFor(more), { clock: systemClock });
const record = (value: string) => ({
  partition: 0,
  key: utf8('t'),
  value: utf8(value),
  version: 1,
});
const sasl = (saslMechanism: string, more: Settings = {}): Settings => ({
  address: [kafka.listeners.SASL],
  saslMechanism,
  saslUsername: USER,
  saslPassword: PASSWORD,
  ...more,
});
const tls = (more: Settings = {}): Settings => ({
  address: [kafka.listeners.TLS],
  tlsEnabled: true,
  tlsCaPath: kafka.ca,
  ...more,
});
const over = (listener: Settings, way: Settings): Settings => ({ ...way, ...listener });
const saslTls = () => tls({ address: [kafka.listeners.SASLTLS] });
const mutual = (more: Settings = {}) =>
  tls({
    address: [kafka.listeners.MUTUAL],
    tlsCertPath: kafka.client.cert,
    tlsKeyPath: kafka.client.key,
    ...more,
  });
const bearer = (more: Settings): Settings => ({
  address: [kafka.listeners.SASL],
  saslMechanism: 'OAUTHBEARER',
  ...more,
});
const token = (lifetimeMs = 60_000) => unsignedToken(USER, systemClock.nowMs() + lifetimeMs);

/** Produces, reads, joins, commits: all that Weir does with a log. */
async function useAll(more: Settings): Promise<void> {
  const log = await openLog(more);
  const owned = new Set<number>();
  const events: GroupEvents = {
    assigned: (partitions) => {
      for (const partition of partitions) owned.add(partition);
    },
    revoked: () => owned.clear(),
    lost: () => owned.clear(),
  };
  const [member, consumer] = await Promise.all([
    log.join(`group-of-${log.topicId}`, 'm', events),
    log.consume(0, 0),
    log.produce([record('a')]),
  ]);
  const { records } = await consumer.next(BIG);
  expect(records.map(({ value }) => text(value))).toEqual(['a']);
  await expect.poll(() => owned.size, patience).toBe(1);
  await member.commit(0, 1, 'note');
  expect(await log.committed(`group-of-${log.topicId}`, 0)).toEqual({
    nextOffset: 1,
    metadata: 'note',
  });
  await log.close();
}

describe('each way to be somebody: produce, read, join, commit', () => {
  const ways: readonly (readonly [string, () => Settings])[] = [
    ['SASL PLAIN', () => sasl('PLAIN')],
    ['SASL SCRAM-SHA-256', () => sasl('SCRAM-SHA-256')],
    ['SASL SCRAM-SHA-512', () => sasl('SCRAM-SHA-512')],
    ['SASL OAUTHBEARER, token as a flag', () => bearer({ saslOauthbearerToken: token() })],
    ['TLS and PLAIN', () => over(saslTls(), sasl('PLAIN'))],
    ['TLS and SCRAM-SHA-256', () => over(saslTls(), sasl('SCRAM-SHA-256'))],
    ['TLS and SCRAM-SHA-512', () => over(saslTls(), sasl('SCRAM-SHA-512'))],
    ['TLS and OAUTHBEARER', () => over(saslTls(), bearer({ saslOauthbearerToken: token() }))],
    ['mutual TLS', () => mutual()],
    ['TLS alone', () => tls()],
  ];
  for (const [name, way] of ways) it(name, () => useAll(way()));

  it('TLS with the checks of certificates turned off', async () => {
    const way = tls({ tlsCaPath: kafka.strangerCa, tlsInsecureSkipVerify: true });
    await (await openLog(way)).close();
  });

  it('SASL OAUTHBEARER, tokens from a file that is read again', async () => {
    const file = join(kafka.directory, 'token.json');
    await writeFile(file, JSON.stringify({ token: token(3000) }));
    const log = await openLog(bearer({ saslOauthbearerFilePath: file }));
    await writeFile(file, JSON.stringify({ token: token() }));
    await systemClock.sleep(3500);
    await log.produce([record('with the second token')]);
    await log.close();
  });

  it('SASL OAUTHBEARER, tokens from a Unix socket', async () => {
    const path = join(kafka.directory, 'token.sock');
    const server: Server = createServer((_request, response) => {
      response.end(JSON.stringify({ token: token() }));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await useAll(bearer({ saslOauthbearerHttpSocketPath: path }));
    server.close();
  });
});

describe.concurrent('what is refused at start, with the broker and the way in the message', () => {
  const cases: readonly (readonly [string, () => Settings, readonly string[]])[] = [
    [
      'a wrong password, PLAIN',
      () => sasl('PLAIN', { saslPassword: 'wrong-pw' }),
      ['refuses this client (no TLS, PLAIN as alice)', 'Invalid username or password'],
    ],
    [
      'a wrong password, SCRAM',
      () => sasl('SCRAM-SHA-256', { saslPassword: 'wrong-pw' }),
      ['(no TLS, SCRAM-SHA-256 as alice)', 'invalid credentials with SASL mechanism SCRAM-SHA-256'],
    ],
    [
      'a wrong password, SCRAM-SHA-512',
      () => sasl('SCRAM-SHA-512', { saslPassword: 'wrong-pw' }),
      ['(no TLS, SCRAM-SHA-512 as alice)', 'invalid credentials with SASL mechanism SCRAM-SHA-512'],
    ],
    [
      'a user that the broker does not know, SCRAM',
      () => sasl('SCRAM-SHA-512', { saslUsername: 'mallory' }),
      ['(no TLS, SCRAM-SHA-512 as mallory)', 'invalid credentials'],
    ],
    [
      'a wrong password over TLS, PLAIN',
      () => over(saslTls(), sasl('PLAIN', { saslPassword: 'wrong-pw' })),
      ['(TLS, PLAIN as alice)', 'Invalid username or password'],
    ],
    [
      'a token that is none',
      () => bearer({ saslOauthbearerToken: 'wrong-pw' }),
      ['(no TLS, OAUTHBEARER)', 'invalid_token'],
    ],
    [
      'a token that has expired',
      () => bearer({ saslOauthbearerToken: token(-1000) }),
      ['no OAUTHBEARER token: the token of -ingest-storage.kafka.sasl-oauthbearer-token expired'],
    ],
    [
      'an authority that the broker does not have',
      () => tls({ tlsCaPath: kafka.strangerCa }),
      ['certificate verify failed', 'its issuer is not among', '-ingest-storage.kafka.tls-ca-path'],
    ],
    [
      'a certificate of another host',
      () => tls({ address: [kafka.listeners.ELSEWHERE] }),
      ['is for another host name', 'kafka.elsewhere.example'],
    ],
    ['no client certificate', () => mutual({ tlsCertPath: '', tlsKeyPath: '' }), ['SSL alert']],
    [
      "a stranger's client certificate",
      () => mutual({ tlsCertPath: kafka.stranger.cert, tlsKeyPath: kafka.stranger.key }),
      ['(TLS, client certificate)', 'SSL alert'],
    ],
    [
      'TLS to a port without',
      () => tls({ address: [kafka.brokers] }),
      ['connecting to a PLAINTEXT broker listener'],
    ],
  ];
  for (const [name, way, messages] of cases) {
    it(name, async () => {
      const settings = way();
      const fromMs = systemClock.steadyMs();
      const error = await openLog(settings).then(
        () => undefined,
        (reason) => reason,
      );
      expect(error).toMatchObject({ kind: 'invalid' });
      for (const message of messages) expect(error.message).toContain(message);
      if (!messages[0]!.startsWith('no OAUTH')) {
        expect(error.message).toContain(`broker ${settings.address![0]}`);
      }
      expect(error.message).not.toContain('wrong-pw');
      expect(systemClock.steadyMs() - fromMs).toBeLessThan(20_000);
    });
  }

  it('no TLS to a port that wants it, and no SASL to one that wants that', async () => {
    const hint = 'brokers close so on clients that leave out TLS or SASL';
    for (const listener of [kafka.listeners.TLS, kafka.listeners.SASL]) {
      const settings = { address: [listener], startTimeoutMs: 1500 };
      await expect(openLog(settings)).rejects.toThrow(hint);
    }
  });

  it('a topic that this user may not see, and one that he may not create', async () => {
    const nobody = sasl('PLAIN', { saslUsername: NOBODY, saslPassword: `${NOBODY}-pw` });
    await expect(openLog(nobody)).rejects.toMatchObject({ kind: 'invalid' });
    await expect(openLog(nobody)).rejects.toThrow('(no TLS, PLAIN as bob) may not see topic');
  });
});

describe.concurrent('what a user may not do with a topic that he may see', () => {
  const carol = (topic: string): Settings =>
    sasl('PLAIN', { topic, saslUsername: READER, saslPassword: `${READER}-pw` });
  async function topicWith(...operations: number[]): Promise<string> {
    const settings = settingsFor({ address: [kafka.brokers] });
    await (await openKafkaLog(settings, { clock: systemClock })).close();
    for (const operation of operations) {
      await allow(kafka.brokers, READER, operation, settings.topic);
    }
    return settings.topic;
  }

  it('writing: produce is rejected, to be tried again; reading works', async () => {
    const topic = await topicWith(OPERATION.describe, OPERATION.read);
    const log = await openLog(carol(topic));
    // Nor may she see how it is configured: then flags count.
    expect(log.recordSizeMaxBytes).toBe(15_983_616);
    const rejected = log.produce([record('a')]);
    await expect(rejected).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(rejected).rejects.toThrow(/[Aa]uthoriz/);
    const writer = await openLog({ address: [kafka.brokers], topic });
    await writer.produce([record('b')]);
    const consumer = await log.consume(0, 0);
    expect(text((await consumer.next(BIG)).records[0]!.value)).toBe('b');
    await writer.close();
    await log.close();
  });

  it('reading: its consumer says so', async () => {
    const topic = await topicWith(OPERATION.describe, OPERATION.write);
    const log = await openLog(carol(topic));
    await log.produce([record('a')]);
    const consumer = await log.consume(0, 0);
    const rejected = consumer.next(BIG);
    await expect(rejected).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(rejected).rejects.toThrow(/as \(no TLS, PLAIN as carol\).*[Aa]uthoriz/);
    await log.close();
  });

  it('joining a group: committing is rejected', async () => {
    const topic = await topicWith(OPERATION.describe, OPERATION.read);
    const log = await openLog(carol(topic));
    const nothing = () => {};
    const events = { assigned: nothing, revoked: nothing, lost: nothing };
    const member = await log.join('group-of-others', 'm', events);
    await expect(member.commit(0, 1, '')).rejects.toThrow(/[Aa]uthoriz/);
    await log.close();
  });
});

describe('a process', () => {
  let directory: string;
  let weir: WeirProcess | undefined;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weir-secured-'));
  });
  afterAll(async () => {
    await weir?.kill();
    await rm(directory, { recursive: true, force: true });
  });
  const processWith = async (password: string) => {
    const kafkaFlag = (name: string, value: string) => `-ingest-storage.kafka.${name}=${value}`;
    weir = new WeirProcess({
      port: await freePort(),
      flags: [
        `-data-dir=${directory}`,
        '-log.level=debug',
        kafkaFlag('address', kafka.listeners.SASLTLS),
        kafkaFlag('topic', 'of-a-process'),
        kafkaFlag('tls-enabled', 'true'),
        kafkaFlag('tls-ca-path', kafka.ca),
        kafkaFlag('sasl-mechanism', 'SCRAM-SHA-512'),
        kafkaFlag('sasl-username', USER),
        kafkaFlag('sasl-password', password),
        kafkaFlag('write-timeout', '2s'),
      ],
    });
    return weir;
  };

  it('ends with the reason when its password is wrong', async () => {
    const refused = await processWith('not-the-pw');
    refused.spawn();
    expect(await refused.ended()).toBe(1);
    expect(refused.output).toContain('Kafka refuses this client (TLS, SCRAM-SHA-512 as alice)');
    expect(refused.output).not.toContain('not-the-pw');
  });

  it('takes pushes, prints no secret, and says why when brokers go away', async () => {
    const started = await processWith(PASSWORD);
    const { base } = started;
    await started.start();
    const samples = [[systemClock.nowMs(), 1]] as [number, number][];
    const pushed = () => push(base, [{ labels: { __name__: 'a' }, samples }]);
    expect((await pushed()).status).toBe(200);
    const config = await (await fetch(`${base}/config`)).text();
    expect(config).toContain('sasl_password: "********"');
    await kafka.provider.stopBroker();
    // The first push may still meet the broken connections of a broker on its way down.
    const refusal = async () => {
      const refused = await pushed();
      expect(refused).toMatchObject({ status: 503 });
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      return refused.body;
    };
    await expect.poll(refusal, patience).toContain('Connection refused');
    await kafka.provider.startBroker();
    await expect.poll(async () => (await pushed()).status, patience).toBe(200);
    expect(config + started.output).not.toContain(PASSWORD);
  });
});
