// Streams and reads between threads.
export type { ThreadPort } from './message-port.ts';
export {
  connectStreams,
  type StreamClient,
  type StreamHandler,
  serveStreams,
} from './port-streams.ts';
export { connectReadOverPort, createRoutingReadPort, serveReadOverPort } from './read-over-port.ts';
