// The read protocol over HTTP.
export { encodeFrame, FRAME_SIZE_MAX_BYTES, FrameReader } from './frame.ts';
export { createHttpReadPort, createReadAgent, type HttpReadPortParts } from './http-read-port.ts';
export { FRAMES_TYPE, parseReadRequest, READ_PATH, readRoutes } from './read-routes.ts';
