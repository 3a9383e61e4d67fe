// One misbehaviour of one answer, as data: what goes wrong, for which requests, how often.
import { z } from 'zod';
import { tokenShapeSchema } from './token-shape.ts';

const matching = {
  on: z.enum(['any', 'code', 'refresh', 'client_credentials', 'revoke']).default('any'),
  /** Only requests of this grant. */
  grant: z.string().optional(),
  /** How often it strikes; null = for ever. */
  times: z.number().int().min(1).nullable().default(1),
  /** Lets this many matching requests pass first. */
  skip: z.number().int().min(0).default(0),
  /** Strikes only at each n-th matching request. */
  every: z.number().int().min(1).default(1),
};
const retryAfter = z.union([z.number(), z.string()]).nullable().default(7);
const megabytes = z.number().min(0.001).max(1024).default(64);
const moment = z.enum(['before', 'after']);

/** `before` = the request is not executed, `after` = it is, and only the answer suffers. */
export const faultSchema = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('rate_limited'), retryAfter, ...matching }),
  z.strictObject({ fault: z.literal('unavailable'), retryAfter, ...matching }),
  z.strictObject({ fault: z.literal('server_error'), when: moment.default('after'), ...matching }),
  z.strictObject({
    fault: z.literal('oauth_error'),
    error: z.string().default('invalid_grant'),
    description: z.string().default('scripted refusal'),
    status: z.number().int().min(200).max(599).default(400),
    ...matching,
  }),
  z.strictObject({
    fault: z.literal('error_with_200'),
    error: z.string().default('bad_things'),
    ...matching,
  }),
  z.strictObject({ fault: z.literal('html'), when: moment.default('before'), ...matching }),
  z.strictObject({
    fault: z.literal('redirect'),
    location: z.string(),
    status: z.number().int().min(300).max(399).default(307),
    ...matching,
  }),
  z.strictObject({ fault: z.literal('reset'), when: moment, ...matching }),
  /** Holds the request until `release` is called, its `ms` are over or (after) the client leaves. */
  z.strictObject({
    fault: z.literal('hang'),
    when: moment,
    ms: z.number().min(0).max(3_600_000).nullable().default(null),
    ...matching,
  }),
  z.strictObject({ fault: z.literal('truncate'), ...matching }),
  z.strictObject({ fault: z.literal('empty'), ...matching }),
  z.strictObject({ fault: z.literal('gzip_bomb'), megabytes, ...matching }),
  z.strictObject({ fault: z.literal('huge_body'), megabytes, ...matching }),
  /** Any answer at all, spelled out. */
  z.strictObject({
    fault: z.literal('answer'),
    when: moment.default('before'),
    status: z.number().int().min(200).max(599).default(200),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.string().default(''),
    ...matching,
  }),
  /** A success that looks odd: form-encoded, nested, another scope ... */
  z.strictObject({ fault: z.literal('shape'), shape: tokenShapeSchema, ...matching }),
  /** A success with the tokens of somebody else (quirky mode). */
  z.strictObject({
    fault: z.literal('other_account'),
    account: z.string().default('someone-else'),
    ...matching,
  }),
]);

export type ScriptedFault = z.infer<typeof faultSchema>;
export type ScriptedFaultInput = z.input<typeof faultSchema>;

/** True if the client's request takes effect although this fault spoils it. */
export function executes(fault: ScriptedFault): boolean {
  switch (fault.fault) {
    case 'rate_limited':
    case 'unavailable':
    case 'oauth_error':
    case 'error_with_200':
    case 'redirect':
      return false;
    case 'server_error':
    case 'html':
    case 'reset':
    case 'answer':
      return fault.when === 'after';
    default:
      return true;
  }
}
