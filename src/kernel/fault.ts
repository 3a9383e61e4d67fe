// The one error of this product: a code from one table, what a stranger may read, what an operator may.

type FaultKind = { readonly status: number; readonly title: string };

// Status codes follow RFC 9110; a caller's mistake is 4xx, our own trouble 5xx. Titles are for humans.
export const faultTable = {
  bad_request: { status: 400, title: 'Bad request' },
  invalid_field: { status: 400, title: 'Invalid field' },
  name_mismatch: { status: 400, title: 'Name does not match' },
  not_authenticated: { status: 401, title: 'Not authenticated' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  not_acceptable: { status: 406, title: 'Not acceptable' },
  conflict: { status: 409, title: 'Conflict' },
  in_use: { status: 409, title: 'In use' },
  frozen: { status: 409, title: 'Frozen' },
  needs_authorization: { status: 409, title: 'Authorization needed' },
  gone: { status: 410, title: 'Gone' },
  too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  provider_refused: { status: 422, title: 'Provider refused' },
  mail_refused: { status: 422, title: 'Mail refused' },
  egress_refused: { status: 422, title: 'Address not allowed' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  provider_unreachable: { status: 502, title: 'Provider unreachable' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
  cannot_start: { status: 503, title: 'Cannot start' },
} as const satisfies Record<string, FaultKind>;

export type FaultCode = keyof typeof faultTable;

export type FaultOptions = {
  /** The input field at fault, as the caller spelled it. */
  readonly field?: string;
  /** What the caller can do about it; shown to strangers. */
  readonly cure?: string;
  /** What an operator may read in the log; never a secret. */
  readonly detail?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
};

/** An error with a code of `faultTable`. `message` is public: it must be fit for a stranger. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  readonly field: string | null;
  readonly cure: string | null;
  readonly detail: string | null;
  readonly retryAfterSeconds: number | null;

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.field = options.field ?? null;
    this.cure = options.cure ?? null;
    this.detail = options.detail ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  get status(): number {
    return faultTable[this.code].status;
  }

  /** The sentence a stranger reads: what is wrong, then the cure. */
  get public(): string {
    return this.cure === null ? this.message : `${this.message} ${this.cure}`;
  }
}

export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code);
}

/** `notFound('Credential')`: the same words for "absent" and "not yours", so that ids cannot be probed. */
export function notFound(what: string, field?: string): Fault {
  return new Fault('not_found', `${what} not found.`, {
    cure: 'Check the id and that you have access to it.',
    ...(field === undefined ? {} : { field }),
  });
}

export function invalidField(field: string, problem: string, cure?: string): Fault {
  return new Fault('invalid_field', `${field}: ${problem}`, {
    field,
    ...(cure === undefined ? {} : { cure }),
  });
}
