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
 * Each such pair that shares a method and a path is named, so that it is seen before it is deployed.
 */
function findOrderConflicts<Route extends HttpRoute>(sorted: readonly Compiled<Route>[]): string[] {
  const conflicts: string[] = [];
  for (const [index, first] of sorted.entries()) {
    for (const second of sorted.slice(index + 1)) {
      const shared = first.route.methods.some((method) => second.route.methods.includes(method));
      if (!shared || !overlap(first.template.segments, second.template.segments)) continue;
      if (comparePrecedence(first, second) === 0) {
        conflicts.push(
          `${first.route.functionName} and ${second.route.functionName} answer the same path '${first.template.text}'`,
        );
      } else if (compareNames(first, second) > 0) {
        conflicts.push(
          `'${second.template.text}' of ${second.route.functionName} hides '${first.template.text}' of ${first.route.functionName} in Azure, which tries functions by name`,
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

/** Whether some path can match both; two parameters are taken to overlap whatever their constraints. */
function overlap(a: readonly Segment[], b: readonly Segment[]): boolean {
  const [first, ...restA] = a;
  const [second, ...restB] = b;
  if (!first && !second) return true;
  if (isCatchAll(first)) return b.every((segment) => segment.kind !== 'literal' || accepts(first, segment.text));
  if (isCatchAll(second)) return a.every((segment) => segment.kind !== 'literal' || accepts(second, segment.text));
  if (!first) return b.every(canBeAbsent);
  if (!second) return a.every(canBeAbsent);
  return segmentsOverlap(first, second) && overlap(restA, restB);
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.kind === 'literal' && b.kind === 'literal') return a.text === b.text;
  if (a.kind === 'literal') return accepts(b, a.text);
  return b.kind !== 'literal' || accepts(a, b.text);
}

function accepts(segment: Segment, text: string): boolean {
  const template: RouteTemplate = { text: '', segments: [segment], precedence: [] };
  return matchRoute(template, [text]) !== null;
}

function isCatchAll(segment: Segment | undefined): segment is Segment & { kind: 'parameter' } {
  return segment?.kind === 'parameter' && segment.parameter.catchAll;
}

function canBeAbsent(segment: Segment): boolean {
  if (segment.kind !== 'parameter') return false;
  return segment.parameter.optional || segment.parameter.catchAll || segment.parameter.defaultValue !== null;
}
