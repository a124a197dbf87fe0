/** What all values of a column are. */
export type CsvType =
  | 'integer'
  | 'bigint'
  | 'numeric'
  | 'double precision'
  | 'boolean'
  | 'date'
  | 'timestamptz'
  | 'text';

const wholeNumber = /^-?(?:0|[1-9]\d*)$/;
const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const date = /^\d{4}-\d\d-\d\d$/;
const timestamp = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?$/;
const numbers: readonly CsvType[] = ['integer', 'bigint', 'numeric', 'double precision'];

/** The type that holds this value and all before it. Numbers with leading zeros are texts: they are codes. */
export function widened(known: CsvType | null, value: string): CsvType {
  if (known === 'text') return known;
  const found = typeOfValue(value);
  if (known === null || known === found) return found;
  const places = [numbers.indexOf(known), numbers.indexOf(found)];
  if (Math.min(...places) >= 0) return numbers[Math.max(...places)] ?? 'text';
  const isTime = (type: CsvType) => type === 'date' || type === 'timestamptz';
  return isTime(known) && isTime(found) ? 'timestamptz' : 'text';
}

function typeOfValue(value: string): CsvType {
  const first = value.charCodeAt(0);
  // Digits, and + - .
  if ((first >= 48 && first <= 57) || first === 45 || first === 43 || first === 46) return numberOrTime(value);
  return value === 'true' || value === 'false' || value === 'TRUE' || value === 'FALSE' ? 'boolean' : 'text';
}

function numberOrTime(value: string): CsvType {
  if (value.length < 10 && wholeNumber.test(value)) return 'integer';
  if (wholeNumber.test(value)) return wholeType(value);
  if (decimal.test(value)) return /^[+-]?0\d/.test(value) ? 'text' : finite(value);
  if (date.test(value)) return isDate(value) ? 'date' : 'text';
  return timestamp.test(value) && isInstant(value) ? 'timestamptz' : 'text';
}

function wholeType(value: string): CsvType {
  if (value.length > 19 + Number(value.startsWith('-'))) return 'numeric';
  const number = BigInt(value);
  if (number >= -2147483648n && number <= 2147483647n) return 'integer';
  return number >= -(2n ** 63n) && number < 2n ** 63n ? 'bigint' : 'numeric';
}

function finite(value: string): CsvType {
  return Number.isFinite(Number(value)) ? 'double precision' : 'text';
}

function isDate(value: string): boolean {
  const parsed = new Date(`${value}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(value) && !value.startsWith('0000');
}

function isInstant(value: string): boolean {
  const [hours = 99, minutes = 99] = [Number(value.slice(11, 13)), Number(value.slice(14, 16))];
  const seconds = value[16] === ':' ? Number(value.slice(17, 19)) : 0;
  return isDate(value.slice(0, 10)) && hours < 24 && minutes < 60 && seconds < 60;
}
