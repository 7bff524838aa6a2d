// Types of mutants.mjs.
export function mutantFiles(root: string): string[];
export function describeMutant(file: string): string;
export function checkMutant(root: string, file: string): void;
export function runMutants(
  root: string,
  options?: { only?: string; jobs?: number },
): Promise<boolean>;
