// Which methods a path has, for answering 405 instead of 404 as gorilla/mux does: the router looks up
// method and path together and can't tell. Asked only when nothing was found.

interface Route {
  readonly method: string;
  readonly segments: readonly string[];
}

export interface MethodTable {
  add(method: string, pattern: string): void;
  /** Methods whose patterns match the path (no query string). */
  methodsOf(path: string): readonly string[];
}

export function createMethodTable(): MethodTable {
  const routes: Route[] = [];
  return {
    add(method, pattern) {
      routes.push({ method, segments: pattern.split('/') });
    },
    methodsOf(path) {
      const segments = path.split('/');
      const methods = routes.filter((route) => fits(route.segments, segments));
      return [...new Set(methods.map((route) => route.method))].sort();
    },
  };
}

function fits(pattern: readonly string[], path: readonly string[]): boolean {
  for (const [at, wanted] of pattern.entries()) {
    if (wanted === '*') return true;
    const found = path[at];
    if (found === undefined) return false;
    if (wanted.startsWith(':') ? found === '' : found !== wanted) return false;
  }
  return pattern.length === path.length;
}
