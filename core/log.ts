/** The closed list of log events: `Thing:Happening`. Dashboards and alerts are built on these names. */
export const eventNames = [
  'Job:Created',
  'Job:Resubmitted',
  'Job:Retried',
  'Job:Planned',
  'Job:PlanRetried',
  'Job:FinalizeRetried',
  'Job:Completed',
  'Job:Failed',
  'Job:Cancelled',
  'Job:Callback',
  'Job:CallbackFailed',
  'Stage:Completed',
  'Task:Started',
  'Task:Completed',
  'Task:Retried',
  'Task:Failed',
  'Task:LeaseLost',
  'Task:Refused',
  'Message:Sent',
  'Message:SendFailed',
  'Message:Dropped',
  'Worker:Lost',
  'Message:Refused',
  'Message:Resubmitted',
  'Upkeep:Run',
  'Upkeep:Failed',
  'Http:Request',
  'Http:Failed',
  'Gdal:Run',
  'Gdal:Warning',
  'Catalogue:Write',
  'System:Started',
  'System:Stopped',
  'System:Warning',
] as const;

export type EventName = (typeof eventNames)[number];

/** Values are shown as they are: never put a credential or a signed URL into one. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Log {
  info(event: EventName, fields?: LogFields): void;
  warn(event: EventName, fields?: LogFields): void;
  error(event: EventName, fields?: LogFields): void;
  /** A log that adds these fields to every line, e.g. jobId, taskId, attempt. */
  with(fields: LogFields): Log;
}

export const silentLog: Log = { info() {}, warn() {}, error() {}, with: () => silentLog };
