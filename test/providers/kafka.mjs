// A real Kafka broker for tests. In this order: KAFKA_BROKERS (or what
// the test runner has started, WEIR_TEST_KAFKA_BROKERS) if set; a container where a Docker daemon
// answers; else the jars from Maven Central, cached outside the tree. Ports are free ones, data is
// temporary. With KAFKA_BROKERS the broker isn't ours: stopping and restarting it throws.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const KAFKA_VERSION = '4.3.1';
export const CLUSTER_ID = 'V2VpclRlc3RDbHVzdGVyMQ';
const RECORD_SIZE_MAX_BYTES = 17 * 1024 * 1024;
const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 15_000;
const HERE = join(dirname(fileURLToPath(import.meta.url)), 'kafka');
const run = promisify(execFile);

/**
 * @typedef {object} KafkaProvider
 * @property {string} brokers host:port
 * @property {Record<string, string>} [listeners] host:port of each further listener
 * @property {() => Promise<void>} [stopFollower] Stops the second broker in order.
 * @property {() => Promise<void>} [startFollower]
 * @property {() => Promise<void>} stop Ends the broker and removes its data.
 * @property {() => Promise<void>} restart Stops it in order and starts it on the same port and data.
 * @property {() => Promise<void>} kill kill -9; startBroker() brings it back.
 * @property {() => Promise<void>} stopBroker Stops it in order, keeping port and data.
 * @property {() => Promise<void>} startBroker
 */

/**
 * @param {{ properties?: Record<string, string>, own?: boolean,
 *   listeners?: Record<string, string>, scram?: readonly string[], follower?: boolean }} [options] further lines of
 *   server.properties; `own`: a broker that may be stopped and killed, whatever KAFKA_BROKERS says;
 *   `listeners`: names and protocols beside the plain one; `scram`: users, as StorageTool takes them.
 *   `follower`: a second broker. With the latter three the broker is ours and runs from the jars.
 * @returns {Promise<KafkaProvider>}
 */
export async function startKafka(options = {}) {
  const given = process.env.KAFKA_BROKERS ?? process.env.WEIR_TEST_KAFKA_BROKERS;
  const properties = { ...brokerProperties(), ...options.properties };
  if (options.listeners || options.follower) return startJars(properties, options);
  if (given && !options.own) return foreignBroker(given);
  if (await dockerAnswers()) return startContainer(properties);
  return startJars(properties);
}

function foreignBroker(brokers) {
  const refuse = async () => {
    throw new Error('the broker of KAFKA_BROKERS is not ours to stop or start');
  };
  return {
    brokers,
    stop: async () => {},
    restart: refuse,
    kill: refuse,
    stopBroker: refuse,
    startBroker: refuse,
  };
}

/** A client alone is not enough: the daemon must answer. */
async function dockerAnswers() {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}'], { timeout: 3000 });
    return true;
  } catch {
    return false;
  }
}

/** What every way of starting a broker has in common. */
export function brokerProperties() {
  return {
    'num.partitions': '4',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '2',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'min.insync.replicas': '1',
    'group.initial.rebalance.delay.ms': '0',
    'auto.create.topics.enable': 'false',
    'log.segment.bytes': '67108864',
    'log.cleaner.dedupe.buffer.size': '2097152',
    'log.cleaner.threads': '1',
    'message.max.bytes': String(RECORD_SIZE_MAX_BYTES),
    'replica.fetch.max.bytes': String(RECORD_SIZE_MAX_BYTES),
    'num.network.threads': '2',
    'num.io.threads': '2',
    'background.threads': '2',
    'num.recovery.threads.per.data.dir': '1',
  };
}

async function startContainer(properties) {
  const { GenericContainer, Wait } = await import('testcontainers');
  const [port] = await freePorts(1);
  const listeners = {
    KAFKA_NODE_ID: '1',
    KAFKA_PROCESS_ROLES: 'broker,controller',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@127.0.0.1:9093',
    KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093',
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    CLUSTER_ID,
  };
  const settings = Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      `KAFKA_${name.replaceAll('.', '_').toUpperCase()}`,
      value,
    ]),
  );
  const container = await new GenericContainer(`apache/kafka:${KAFKA_VERSION}`)
    .withEnvironment({ ...settings, ...listeners })
    .withExposedPorts({ container: 9092, host: port })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .start();
  const docker = async (...args) => {
    await run('docker', [...args, container.getId()]);
  };
  const brokers = `127.0.0.1:${port}`;
  const startBroker = async () => {
    await docker('start');
    await portAnswers(port);
  };
  return {
    brokers,
    startBroker,
    stopBroker: () => docker('stop'),
    kill: () => docker('kill'),
    async restart() {
      await docker('stop');
      await startBroker();
    },
    async stop() {
      await container.stop();
    },
  };
}

async function portAnswers(port) {
  const { connect } = await import('node:net');
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    if (Date.now() > deadline) throw new Error(`Kafka did not come back on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Ports that were free a moment ago, all held at once so that they differ. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function startJars(properties, { listeners = {}, scram = [], follower = false } = {}) {
  const cache = await prepareJars();
  const directory = mkdtempSync(join(tmpdir(), 'weir-kafka-'));
  const names = Object.keys(listeners);
  const [port, controllerPort, followerPort, ...ports] = await freePorts(3 + names.length);
  const addresses = names.map((name, index) => [name, `localhost:${ports[index]}`]);
  const further = addresses.map(([name, address]) => `,${name}://${address}`).join('');
  const protocols = names.map((name) => `,${name}:${listeners[name]}`).join('');
  const file = join(directory, 'server.properties');
  const all = {
    ...properties,
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${further}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}${further}`,
    'listener.security.protocol.map': `CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT${protocols}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(directory, 'data'),
  };
  writeProperties(file, all);
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file];
  for (const user of scram) format.push('--add-scram', user);
  await run('java', [...javaFlags(cache, '64m'), ...format]);

  let broker = await startJava(cache, file);
  const second = follower ? await startFollower(cache, directory, all, followerPort) : undefined;
  const end = async (signal) => {
    const ending = broker;
    broker = undefined;
    if (ending !== undefined) await endProcess(ending, signal);
  };
  const startBroker = async () => {
    broker ??= await startJava(cache, file);
  };
  const killAtExit = () => {
    broker?.kill('SIGKILL');
    second?.kill();
  };
  process.once('exit', killAtExit);
  return {
    brokers: `127.0.0.1:${port}`,
    listeners: Object.fromEntries(addresses),
    ...(second && { stopFollower: second.stop, startFollower: second.start }),
    startBroker,
    stopBroker: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await startBroker();
    },
    async stop() {
      process.off('exit', killAtExit);
      await second?.stop();
      await end('SIGTERM');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A second broker in the cluster of the first, which alone is the controller. */
async function startFollower(cache, directory, properties, port) {
  const file = join(directory, 'follower.properties');
  writeProperties(file, {
    ...properties,
    'process.roles': 'broker',
    'node.id': '2',
    listeners: `PLAINTEXT://127.0.0.1:${port}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'log.dirs': join(directory, 'follower-data'),
  });
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', file];
  await run('java', [...javaFlags(cache, '64m'), ...format]);
  let broker = await startJava(cache, file);
  return {
    kill: () => broker?.kill('SIGKILL'),
    async start() {
      broker ??= await startJava(cache, file);
    },
    async stop() {
      const ending = broker;
      broker = undefined;
      if (ending !== undefined) await endProcess(ending, 'SIGTERM');
    },
  };
}

export function writeProperties(file, properties) {
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''));
}

/** The folder with `lib/` and the class archive; filled at first use. */
export async function prepareJars() {
  const root = process.env.WEIR_TEST_CACHE ?? join(homedir(), '.cache', 'weir');
  const cache = join(root, `kafka-${KAFKA_VERSION}`);
  const lib = join(cache, 'lib');
  await mustRun(
    'java',
    ['-version'],
    'a Java runtime 17 or newer (Debian: openjdk-17-jre-headless)',
  );
  if (!existsSync(lib)) {
    await mustRun('mvn', ['-v'], 'Maven (Debian: maven)');
    mkdirSync(cache, { recursive: true });
    const partial = mkdtempSync(join(cache, 'partial-'));
    const goal = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`];
    await run('mvn', ['-f', join(HERE, 'pom.xml'), ...goal], { timeout: 300_000 });
    if (!readdirSync(partial).some((name) => name.startsWith('kafka_2.13'))) {
      throw new Error(`Maven copied no Kafka into ${partial}`);
    }
    if (existsSync(lib)) rmSync(partial, { recursive: true });
    else renameSync(partial, lib);
  }
  return cache;
}

async function mustRun(command, args, what) {
  try {
    await run(command, args);
  } catch (error) {
    throw new Error(
      `tests on Kafka need ${what}, a Docker daemon, or KAFKA_BROKERS=host:port; '${command}' does not run`,
      { cause: error },
    );
  }
}

export function javaFlags(cache, heap) {
  const config = join(HERE, 'log4j2.xml');
  return [
    `-Xmx${heap}`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    `-Dlog4j2.configurationFile=${config}`,
    '-cp',
    join(cache, 'lib', '*'),
  ];
}

/** Starts a broker and resolves when it says that it is ready. The first one ever leaves a class archive. */
export async function startJava(cache, propertiesFile) {
  const archive = join(cache, 'classes.jsa');
  const sharing = existsSync(archive)
    ? [`-XX:SharedArchiveFile=${archive}`]
    : [`-XX:ArchiveClassesAtExit=${archive}`];
  const args = [...sharing, ...javaFlags(cache, '256m'), 'kafka.Kafka', propertiesFile];
  const child = spawn('java', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  await new Promise((resolve, reject) => {
    const fail = (why) => {
      child.kill('SIGKILL');
      reject(new Error(`Kafka ${why}:\n${output.slice(-4000)}`));
    };
    const timer = setTimeout(() => fail('was not ready in time'), READY_WITHIN_MS);
    const exited = () => {
      clearTimeout(timer);
      fail('ended at start');
    };
    child.once('exit', exited);
    child.once('error', exited);
    child.stdout.on('data', () => {
      if (!output.includes('Kafka Server started')) return;
      clearTimeout(timer);
      child.off('exit', exited);
      resolve();
    });
  });
  return child;
}

export async function endProcess(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  await ended;
  clearTimeout(timer);
}
