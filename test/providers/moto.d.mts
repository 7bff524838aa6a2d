// Types of moto.mjs, which is plain JavaScript so that scripts without a build step can import it.
export function startMoto(): Promise<{ readonly endpoint: string; stop(): Promise<void> }>;
