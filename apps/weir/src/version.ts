// What /api/v1/status/buildinfo says of this build.
export const VERSION = '0.1.0';
export const REVISION = 'unknown';
