// Three real brokers, each a controller, too, so that any one of them may be killed: everything is kept three
// times, and two copies acknowledge. From the jars of kafka.mjs, on free ports, data is temporary.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  brokerProperties,
  CLUSTER_ID,
  endProcess,
  freePorts,
  javaFlags,
  prepareJars,
  startJava,
  writeProperties,
} from './kafka.mjs';

const BROKERS = 3;
const run = promisify(execFile);

/**
 * @param {{ properties?: Record<string, string>, racks?: readonly string[] }} [options] further lines of
 *   server.properties; a rack for each broker, whose consumers may then fetch there.
 * @returns {Promise<import('./kafka-cluster.mjs').KafkaCluster>}
 */
export async function startKafkaCluster({ properties = {}, racks = [] } = {}) {
  const cache = await prepareJars();
  const directory = mkdtempSync(join(tmpdir(), 'weir-kafka-cluster-'));
  const ports = await freePorts(2 * BROKERS);
  const ids = Array.from({ length: BROKERS }, (_, index) => index + 1);
  const voters = ids.map((id) => `${id}@127.0.0.1:${ports[BROKERS + id - 1]}`).join();
  const fileOf = (id) => join(directory, `${id}.properties`);
  const children = new Map();

  const start = async (id) => {
    if (!children.has(id)) children.set(id, await startJava(cache, fileOf(id)));
  };
  const end = async (id, signal) => {
    const child = children.get(id);
    children.delete(id);
    if (child !== undefined) await endProcess(child, signal);
  };
  const killAtExit = () => {
    for (const child of children.values()) child.kill('SIGKILL');
  };
  const stop = async () => {
    process.off('exit', killAtExit);
    // All at once: the last would wait for a controller that is gone.
    await Promise.all(ids.map((id) => end(id, 'SIGKILL')));
    rmSync(directory, { recursive: true, force: true });
  };

  process.once('exit', killAtExit);
  try {
    await Promise.all(
      ids.map(async (id) => {
        const own = { id, port: ports[id - 1], voters, rack: racks[id - 1] };
        const data = { 'log.dirs': join(directory, `data-${id}`), ...properties };
        writeProperties(fileOf(id), { ...nodeProperties(own), ...data });
        const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', fileOf(id)];
        await run('java', [...javaFlags(cache, '64m'), ...format]);
      }),
    );
    await Promise.all(ids.map(start));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers: ids.map((id) => `127.0.0.1:${ports[id - 1]}`).join(),
    ids,
    kill: (id) => end(id, 'SIGKILL'),
    stopBroker: (id) => end(id, 'SIGTERM'),
    startBroker: start,
    stop,
  };
}

function nodeProperties({ id, port, voters, rack }) {
  const controller = voters.split(',')[id - 1].split('@')[1];
  const replicated = {
    'default.replication.factor': '3',
    'min.insync.replicas': '2',
    'offsets.topic.replication.factor': '3',
    'transaction.state.log.replication.factor': '3',
    'transaction.state.log.min.isr': '2',
    'share.coordinator.state.topic.replication.factor': '3',
    'share.coordinator.state.topic.min.isr': '2',
  };
  return {
    ...brokerProperties(),
    ...replicated,
    'process.roles': 'broker,controller',
    'node.id': String(id),
    'controller.quorum.voters': voters,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    ...(rack !== undefined && {
      'broker.rack': rack,
      'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector',
    }),
  };
}
