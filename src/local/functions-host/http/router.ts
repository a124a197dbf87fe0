import { matchRoute, parseRouteTemplate, type RouteTemplate, type Segment } from './route-template.ts';

export interface HttpRoute {
  readonly functionName: string;
  /** Upper case. */
  readonly methods: readonly string[];
  /** Without the prefix. */
  readonly route: string;
}

export interface RouteMatch<Route> {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

export interface Router<Route> {
  match(method: string, path: string): RouteMatch<Route> | null;
  /** Pairs of functions that Azure would choose between in the other order; see findOrderConflicts. */
  readonly conflicts: readonly string[];
}

interface Compiled<Route> {
  readonly route: Route;
  readonly template: RouteTemplate;
}

/**
 * Routes are tried from the most specific to the least, as ASP.NET routing does, and by name where they are equal. A route
 * whose method differs does not match: as in Azure, the answer is then 404 and never 405. Throws RouteTemplateError.
 */
export function buildRouter<Route extends HttpRoute>(routes: readonly Route[], prefix: string): Router<Route> {
  const compiled = routes.map((route) => ({ route, template: parseRouteTemplate(`${prefix}/${route.route}`) }));
  compiled.sort((a, b) => comparePrecedence(a, b) || compareNames(a, b));
  return {
    conflicts: findOrderConflicts(compiled),
    match(method, path) {
      const segments = pathSegments(path);
      for (const { route, template } of compiled) {
        const params = route.methods.includes(method) ? matchRoute(template, segments) : null;
        if (params) return { route, params };
      }
      return null;
    },
  };
}

/** Decoded segments of a path; an encoded slash stays encoded, as Kestrel leaves it. */
export function pathSegments(path: string): string[] {
  const segments = path.replace(/^\//, '').split('/').map(decodeSegment);
  if (segments.at(-1) === '') segments.pop();
  return segments;
}

function decodeSegment(segment: string): string {
  return segment.replace(/(?:%[0-9a-f]{2})+/gi, (run) => run.split(/(%2f)/i).map(decodeRun).join(''));
}

function decodeRun(run: string): string {
  if (/^%2f$/i.test(run)) return run;
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

/**
 * Azure tries routes in the order of the functions' names, not of their precision
 * (github.com/Azure/azure-functions-host/issues/9876), so `a_detail` at `jobs/{id}` hides `b_types` at `jobs/types` there.
 * Each such pair is named, so that it is seen before it is deployed.
 */
function findOrderConflicts<Route extends HttpRoute>(sorted: readonly Compiled<Route>[]): string[] {
  const conflicts: string[] = [];
  for (const [index, narrow] of sorted.entries()) {
    for (const wide of sorted.slice(index + 1)) {
      const shared = narrow.route.methods.some((method) => wide.route.methods.includes(method));
      if (!shared || !covers(wide.template.segments, narrow.template.segments)) continue;
      const [hidden, hiding] = [narrow.route.functionName, wide.route.functionName];
      if (comparePrecedence(narrow, wide) === 0)
        conflicts.push(`${hidden} and ${hiding} answer the same path '${narrow.template.text}'`);
      else if (compareNames(narrow, wide) > 0) {
        conflicts.push(
          `'${wide.template.text}' of ${hiding} hides '${narrow.template.text}' of ${hidden} in Azure, which tries functions by name`,
        );
      }
    }
  }
  return conflicts;
}

function comparePrecedence(a: Compiled<HttpRoute>, b: Compiled<HttpRoute>): number {
  const [left, right] = [a.template.precedence, b.template.precedence];
  for (const [index, digit] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    if (digit !== other) return digit - other;
  }
  return left.length - right.length;
}

function compareNames(a: Compiled<HttpRoute>, b: Compiled<HttpRoute>): number {
  const [left, right] = [a.route.functionName.toLowerCase(), b.route.functionName.toLowerCase()];
  return left < right ? -1 : Number(left > right);
}

/** Whether `wide` takes the paths of `narrow` as well, at least those without its optional end. */
function covers(wide: readonly Segment[], narrow: readonly Segment[]): boolean {
  const [first, ...restOfWide] = wide;
  const [second, ...restOfNarrow] = narrow;
  if (!first) return narrow.every(canBeAbsent);
  if (first.kind === 'parameter' && first.parameter.catchAll) {
    return narrow.every((segment) => segment.kind !== 'literal' || accepts(first, segment.text));
  }
  if (!second) return wide.every(canBeAbsent);
  return coversSegment(first, second) && covers(restOfWide, restOfNarrow);
}

/** A parameter is taken to cover another one whatever their constraints. */
function coversSegment(wide: Segment, narrow: Segment): boolean {
  if (narrow.kind === 'literal')
    return wide.kind === 'literal' ? wide.text === narrow.text : accepts(wide, narrow.text);
  return wide.kind !== 'literal';
}

function accepts(segment: Segment, text: string): boolean {
  const template: RouteTemplate = { text: '', segments: [segment], precedence: [] };
  return matchRoute(template, [text]) !== null;
}

function canBeAbsent(segment: Segment): boolean {
  if (segment.kind !== 'parameter') return false;
  return segment.parameter.optional || segment.parameter.catchAll || segment.parameter.defaultValue !== null;
}
