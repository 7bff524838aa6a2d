// Types of bundle.mjs.
export function bundle(root: string, outfile: string): Promise<void>;
