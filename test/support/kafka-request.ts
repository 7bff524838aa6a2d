// Requests that the native Kafka client lacks, in Kafka's own protocol, to a broker without security:
// what an operator does with kafka-acls.sh, without starting Java for it.
import { once } from 'node:events';
import { connect } from 'node:net';

const CREATE_ACLS = 30;
export const OPERATION = { read: 3, write: 4, create: 5, describe: 8 } as const;

const int8 = (value: number) => Buffer.from([value]);
const int16 = (value: number) => Buffer.from([value >> 8, value & 255]);
const int32 = (value: number) => Buffer.concat([int16(value >> 16), int16(value & 0xffff)]);
const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)]);

/** The answer's first error code, behind the throttle time and the number of results. */
async function request(broker: string, key: number, version: number, body: Buffer[]) {
  const [host, port] = broker.split(':');
  const socket = connect(Number(port), host!);
  const payload = Buffer.concat([int16(key), int16(version), int32(1), text('test'), ...body]);
  socket.write(Buffer.concat([int32(payload.length), payload]));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  const code = answer.readInt16BE(4 + 4 + 4 + 4);
  if (code !== 0) throw new Error(`request ${key}: error ${code}`);
}

/** Allows a user one operation on one topic. */
export function allow(broker: string, user: string, operation: number, topic: string) {
  const [topicType, literal, allowed] = [int8(2), int8(3), int8(3)];
  const rule = [topicType, text(topic), literal, text(`User:${user}`), text('*')];
  return request(broker, CREATE_ACLS, 1, [int32(1), ...rule, int8(operation), allowed]);
}
