// Streams and reads between threads.
export { portOf, type ThreadPort } from './message-port.ts';
export {
  connectStreams,
  type StreamClient,
  type StreamHandler,
  serveStreams,
  transferable,
} from './port-streams.ts';
export { type ReadLink, ReadLinkEnds, ReadLinks } from './read-links.ts';
export { connectReadOverPort, createRoutingReadPort, serveReadOverPort } from './read-over-port.ts';
