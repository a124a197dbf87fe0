import { type Constraint, parseConstraint } from './constraints.ts';

export class RouteTemplateError extends Error {
  override readonly name = 'RouteTemplateError';
}

interface Parameter {
  readonly name: string;
  readonly optional: boolean;
  readonly catchAll: boolean;
  readonly defaultValue: string | null;
  readonly constraints: readonly Constraint[];
}

type Part = { readonly literal: string } | { readonly parameter: Parameter };

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly parameter: Parameter }
  /** Text and parameters in one segment, e.g. `{name}.{ext?}`; the patterns are tried in turn. */
  | { readonly kind: 'complex'; readonly patterns: readonly RegExp[]; readonly parameters: readonly Parameter[] };

export interface RouteTemplate {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** One digit a segment, smaller is more specific; compared from the left. Source: ASP.NET Core's RoutePrecedence. */
  readonly precedence: readonly number[];
}

/** Reads a route in the syntax of ASP.NET routing. Throws RouteTemplateError. */
export function parseRouteTemplate(text: string): RouteTemplate {
  const fail = (why: string): never => {
    throw new RouteTemplateError(`The route '${text}' is not valid: ${why}`);
  };
  const segments = splitSegments(text, fail).map((segment) => toSegment(splitParts(segment, fail), fail));
  const names = segments.flatMap(parametersOf).map((parameter) => parameter.name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) fail(`the parameter ${twice} occurs twice`);
  if (segments.slice(0, -1).some((segment) => segment.kind === 'parameter' && segment.parameter.catchAll)) {
    fail('a catch-all parameter must come last');
  }
  return { text, segments, precedence: segments.map(digit) };
}

/** The route values when the decoded segments of a path fit, else null. Absent optional parameters are left out. */
export function matchRoute(template: RouteTemplate, path: readonly string[]): Record<string, string> | null {
  const values: Record<string, string> = {};
  const catchAll = template.segments.at(-1);
  const open = catchAll?.kind === 'parameter' && catchAll.parameter.catchAll;
  if (path.length > template.segments.length && !open) return null;
  for (const [index, segment] of template.segments.entries()) {
    const rest = segment.kind === 'parameter' && segment.parameter.catchAll ? path.slice(index).join('/') : path[index];
    if (!matchSegment(segment, rest === '' ? undefined : rest, values)) return null;
  }
  return values;
}

export function parametersOf(segment: Segment): readonly Parameter[] {
  if (segment.kind === 'literal') return [];
  return segment.kind === 'parameter' ? [segment.parameter] : segment.parameters;
}

function matchSegment(segment: Segment, text: string | undefined, values: Record<string, string>): boolean {
  switch (segment.kind) {
    case 'literal':
      return text?.toLowerCase() === segment.text;
    case 'parameter':
      return take(segment.parameter, text, values);
    case 'complex': {
      if (text === undefined) return false;
      const groups = segment.patterns.map((pattern) => pattern.exec(text)).find((match) => match !== null);
      return (
        groups !== undefined &&
        segment.parameters.every((parameter, index) => take(parameter, groups[index + 1], values))
      );
    }
  }
}

function take(parameter: Parameter, text: string | undefined, values: Record<string, string>): boolean {
  const value = text ?? parameter.defaultValue;
  if (value === null) return parameter.optional || parameter.catchAll;
  if (!parameter.constraints.every((fits) => fits(value))) return false;
  values[parameter.name] = value;
  return true;
}

type Fail = (why: string) => never;

/** Splits at slashes outside of braces. */
function splitSegments(text: string, fail: Fail): string[] {
  const segments = [''];
  let depth = 0;
  for (const char of text.replace(/^~?\/|\/$/g, '')) {
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if (char === '/' && depth === 0) segments.push('');
    else segments.push(`${segments.pop() ?? ''}${char}`);
  }
  if (depth !== 0) fail('the braces do not match');
  if (segments.length === 1 && segments[0] === '') return [];
  if (segments.includes('')) fail('it has an empty segment');
  return segments;
}

function splitParts(segment: string, fail: Fail): Part[] {
  const parts: Part[] = [];
  // Doubled braces are literal braces; inside a parameter they belong to a regular expression.
  for (const [piece, body] of segment.matchAll(/\{\{|\}\}|\{((?:[^{}]|\{\{|\}\})*)\}|[^{}]+/g)) {
    if (body !== undefined) parts.push({ parameter: parseParameter(unescapeBraces(body), fail) });
    else parts.push({ literal: unescapeBraces(piece) });
  }
  if (parts.some((part, index) => 'parameter' in part && 'parameter' in (parts[index + 1] ?? {}))) {
    fail('two parameters need text between them');
  }
  return parts;
}

function unescapeBraces(text: string): string {
  return text.replaceAll('{{', '{').replaceAll('}}', '}');
}

function parseParameter(body: string, fail: Fail): Parameter {
  const match = /^(?<stars>\*{0,2})(?<name>[^:=?*{}/]+)(?<rest>.*)$/s.exec(body)?.groups;
  if (!match?.name) return fail(`'{${body}}' is not a parameter`);
  const rest = match.rest ?? '';
  const optional = rest.endsWith('?');
  const pieces = splitConstraints(optional ? rest.slice(0, -1) : rest);
  const parameter: Parameter = {
    name: match.name,
    optional,
    catchAll: match.stars !== '',
    defaultValue: pieces.defaultValue,
    constraints: pieces.constraints.map((text) => parseConstraint(text) ?? fail(`the constraint '${text}' is unknown`)),
  };
  if (optional && parameter.defaultValue !== null) fail(`${match.name} is optional and has a default`);
  if (optional && parameter.catchAll) fail('a catch-all parameter cannot be optional');
  return parameter;
}

/** `:int:range(1,5)=3` gives the constraints `int`, `range(1,5)` and the default 3; parentheses protect `:` and `=`. */
function splitConstraints(text: string): { constraints: string[]; defaultValue: string | null } {
  const constraints: string[] = [];
  let depth = 0;
  for (const [index, char] of [...text].entries()) {
    if (char === '=' && depth === 0) return { constraints, defaultValue: text.slice(index + 1) };
    if (char === ':' && depth === 0) {
      constraints.push('');
      continue;
    }
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    constraints.push(`${constraints.pop() ?? ''}${char}`);
  }
  return { constraints, defaultValue: null };
}

function toSegment(parts: readonly Part[], fail: Fail): Segment {
  const [only] = parts;
  if (parts.length === 1 && only) {
    return 'literal' in only
      ? { kind: 'literal', text: only.literal.toLowerCase() }
      : { kind: 'parameter', parameter: only.parameter };
  }
  const parameters = parts.flatMap((part) => ('parameter' in part ? [part.parameter] : []));
  if (parameters.length === 0)
    return {
      kind: 'literal',
      text: parts
        .map((part) => ('literal' in part ? part.literal : ''))
        .join('')
        .toLowerCase(),
    };
  if (parameters.some((parameter) => parameter.catchAll)) fail('a catch-all parameter needs a segment of its own');
  const patterns = [toPattern(parts)];
  const [dot, last] = parts.slice(-2);
  if (last && 'parameter' in last && last.parameter.optional) {
    if (!dot || !('literal' in dot) || !dot.literal.endsWith('.'))
      fail('an optional parameter inside a segment must follow a dot');
    else patterns.push(toPattern([...parts.slice(0, -2), { literal: dot.literal.slice(0, -1) }]));
  }
  return { kind: 'complex', patterns, parameters };
}

function toPattern(parts: readonly Part[]): RegExp {
  const quote = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${parts.map((part) => ('literal' in part ? quote(part.literal) : '(.+)')).join('')}$`, 'i');
}

function digit(segment: Segment): number {
  if (segment.kind === 'literal') return 1;
  if (segment.kind === 'complex') return 2;
  const unconstrained = segment.parameter.catchAll ? 5 : 3;
  return segment.parameter.constraints.length > 0 ? unconstrained - 1 : unconstrained;
}
