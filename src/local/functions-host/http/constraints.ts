/** True when the decoded segment fits. */
export type Constraint = (value: string) => boolean;

const number = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const guid =
  /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[{(][0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}[)}])$/i;

const plain: Readonly<Record<string, Constraint>> = {
  int: (value) => integerBetween(value, -(2n ** 31n), 2n ** 31n - 1n),
  long: (value) => integerBetween(value, -(2n ** 63n), 2n ** 63n - 1n),
  bool: (value) => /^(?:true|false)$/i.test(value),
  decimal: (value) => number.test(value) && !/e/i.test(value),
  double: (value) => number.test(value),
  float: (value) => number.test(value),
  guid: (value) => guid.test(value),
  alpha: (value) => /^[a-z]*$/i.test(value),
  datetime: (value) => /\d/.test(value) && !Number.isNaN(Date.parse(value)),
  required: (value) => value !== '',
  file: isFileName,
  nonfile: (value) => !isFileName(value),
};

const withArguments: Readonly<Record<string, (args: string) => Constraint | null>> = {
  minlength: (args) => oneNumber(args, (limit) => (value) => value.length >= limit),
  maxlength: (args) => oneNumber(args, (limit) => (value) => value.length <= limit),
  length: (args) => {
    if (!args.includes(',')) return oneNumber(args, (exact) => (value) => value.length === exact);
    return twoNumbers(args, (least, most) => (value) => value.length >= least && value.length <= most);
  },
  min: (args) => oneNumber(args, (limit) => (value) => integerBetween(value, BigInt(limit), 2n ** 63n - 1n)),
  max: (args) => oneNumber(args, (limit) => (value) => integerBetween(value, -(2n ** 63n), BigInt(limit))),
  range: (args) => twoNumbers(args, (least, most) => (value) => integerBetween(value, BigInt(least), BigInt(most))),
  regex: (args) => {
    const pattern = new RegExp(args, 'i');
    return (value) => pattern.test(value);
  },
};

/**
 * One inline constraint of a route parameter, e.g. `int` or `length(2,5)`. Null when ASP.NET routing has none of that name
 * or its arguments do not fit.
 */
export function parseConstraint(text: string): Constraint | null {
  const call = /^(?<name>[a-z]+)(?:\((?<args>.*)\))?$/is.exec(text)?.groups;
  const name = call?.name?.toLowerCase();
  if (!name) return null;
  if (call?.args === undefined) return plain[name] ?? null;
  return withArguments[name]?.(call.args) ?? null;
}

function isInteger(value: string): boolean {
  return /^[+-]?\d+$/.test(value);
}

function integerBetween(value: string, least: bigint, most: bigint): boolean {
  if (!isInteger(value)) return false;
  const parsed = BigInt(value.replace(/^\+/, ''));
  return parsed >= least && parsed <= most;
}

function isFileName(value: string): boolean {
  const last = value.slice(value.lastIndexOf('/') + 1);
  const dot = last.indexOf('.');
  return dot >= 0 && dot < last.length - 1;
}

function oneNumber(args: string, make: (limit: number) => Constraint): Constraint | null {
  return isInteger(args.trim()) ? make(Number(args)) : null;
}

function twoNumbers(args: string, make: (least: number, most: number) => Constraint): Constraint | null {
  const [least, most, ...more] = args.split(',').map((part) => part.trim());
  if (least === undefined || most === undefined || more.length > 0 || !isInteger(least) || !isInteger(most))
    return null;
  return make(Number(least), Number(most));
}
