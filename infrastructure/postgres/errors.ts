import pg from 'pg';
import { CoreMachineError } from '../../core/errors.ts';

/** SQLSTATE classes that mean: not this statement, the server. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const unavailableClasses = new Set([
  '08', // connection exception
  '28', // login refused: a token that has run out, a role that is being synchronised
  '3D', // the database is not there (yet)
  '53', // too many connections, no memory, no disk
  '57', // shut down, starting up, cancelled by a time limit
  '58', // I/O error of the server
]);

const unavailableStates = new Set([
  '25006', // read-only: a replica during a fail-over, or Azure's answer to a full disk
  '25P03', // the transaction sat idle too long
  '40001', // serialisation failure and deadlock, when trying again did not help
  '40P01',
  '55P03', // a lock was not to be had in time
]);

/** True for a transaction that lost against another one and would succeed if it were run again: all of it is undone. */
export function isConflict(error: unknown): boolean {
  const cause = error instanceof CoreMachineError ? error.cause : error;
  return cause instanceof pg.DatabaseError && (cause.code === '40001' || cause.code === '40P01');
}

/** True for data that PostgreSQL refuses (classes 22 and 23) or cannot hold (54), e.g. U+0000 in a text: it always will. */
export function isDataError(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(22|23|54)/.test(error.code ?? '');
}

/**
 * What a caller gets to see of an error of the driver: DATABASE_UNAVAILABLE when the server could not be reached or
 * could not work, the error itself when the statement was wrong. What is not an answer of the server and not a mistake
 * in calling the driver is the connection's fault; many such errors of the driver carry no code.
 */
export function mapDatabaseError(error: unknown): unknown {
  if (error instanceof CoreMachineError) return error;
  if (error instanceof pg.DatabaseError) return meansUnavailable(error.code ?? '') ? unavailable(error) : error;
  if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError) return error;
  return unavailable(error);
}

/** True for what `mapDatabaseError` made of a connection that is not to be used again. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof CoreMachineError && error.code === 'DATABASE_UNAVAILABLE';
}

function meansUnavailable(sqlState: string): boolean {
  return unavailableClasses.has(sqlState.slice(0, 2)) || unavailableStates.has(sqlState);
}

function unavailable(cause: unknown): CoreMachineError {
  const reason = cause instanceof Error ? cause.message || codeOf(cause) : String(cause);
  return new CoreMachineError('DATABASE_UNAVAILABLE', `the database did not answer: ${reason}`, { cause });
}

/** Node gives the error of a host with several addresses no message, only a code. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name;
}

/** True for a statement that the server refused. */
export function isDatabaseError(error: unknown): boolean {
  return error instanceof pg.DatabaseError;
}

/** The server's SQLSTATE under an error, mapped or not. */
export function sqlStateOf(error: unknown): string | null {
  const cause = error instanceof CoreMachineError ? error.cause : error;
  return cause instanceof pg.DatabaseError ? (cause.code ?? null) : null;
}
