// A broker for a benchmark, in a process of its own: prints its address, ends when its input does.
import { startKafka } from '../../providers/kafka.mjs';

const kafka = await startKafka({ own: true });
console.log(kafka.brokers);
process.stdin.resume();
process.stdin.once('end', () => void kafka.stop().then(() => process.exit(0)));
