/**
 * The messages between host and worker, as far as this host makes or reads them. In Azure they travel over gRPC; here
 * they are handed over as objects, in the same shape, so that `@azure/functions` converts them with its own code.
 */
export interface RpcTypedData {
  readonly string?: string | null;
  readonly json?: string | null;
  readonly bytes?: Uint8Array | null;
  readonly stream?: Uint8Array | null;
  readonly http?: RpcHttpData | null;
  readonly int?: number | null;
  readonly double?: number | null;
  readonly collectionString?: { readonly string: readonly string[] } | null;
  readonly collectionBytes?: { readonly bytes: readonly Uint8Array[] } | null;
}

export interface RpcNullable<T> {
  readonly value?: T | null;
}

export interface RpcHttpData {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly nullableHeaders?: Readonly<Record<string, RpcNullable<string>>>;
  readonly nullableParams?: Readonly<Record<string, RpcNullable<string>>>;
  readonly nullableQuery?: Readonly<Record<string, RpcNullable<string>>>;
  readonly body?: RpcTypedData | null;
  readonly statusCode?: string;
  readonly cookies?: readonly RpcHttpCookie[];
  readonly enableContentNegotiation?: boolean;
}

export interface RpcHttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: RpcNullable<string>;
  readonly path?: RpcNullable<string>;
  readonly expires?: RpcNullable<{ readonly seconds?: number | null; readonly nanos?: number | null }>;
  readonly secure?: RpcNullable<boolean>;
  readonly httpOnly?: RpcNullable<boolean>;
  /** `none` means not given, `explicitNone` means `SameSite=None`. */
  readonly sameSite?: 'none' | 'lax' | 'strict' | 'explicitNone';
  readonly maxAge?: RpcNullable<number>;
}

export interface RpcBinding {
  readonly type?: string | null;
  readonly direction?: 'in' | 'out' | 'inout' | null;
  readonly name?: string;
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, RpcBinding>>;
  readonly retryOptions?: unknown;
}

export interface InvocationRequest {
  readonly invocationId: string;
  readonly functionId: string;
  readonly inputData: readonly { readonly name: string; readonly data: RpcTypedData }[];
  readonly triggerMetadata?: Readonly<Record<string, RpcTypedData>> | null;
  readonly traceContext: { readonly traceParent: string; readonly traceState?: string };
}

export interface InvocationResponse {
  readonly invocationId?: string | null;
  readonly outputData?: readonly { readonly name: string; readonly data: RpcTypedData }[] | null;
  readonly returnValue?: RpcTypedData | null;
}

export type FunctionCallback = (...args: unknown[]) => unknown;

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: InvocationRequest;
  readonly metadata: FunctionMetadata;
  state?: 'preInvocationHooks' | 'postInvocationHooks' | 'invocation' | undefined;
  log(level: string, category: string, message: string): void;
}

export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: CoreInvocationContext): InvocationModel | Promise<InvocationModel>;
  getCapabilities?(capabilities: Record<string, string>): Promise<Record<string, string>>;
}
