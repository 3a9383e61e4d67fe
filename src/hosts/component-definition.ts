// What a component bundle says about itself, as its own build wrote it: functions gone, everything else kept,
// because newer builds add fields that are to be stored unread.
import { z } from 'zod';

const text = z.string().max(100_000);
const display = z.looseObject({
  label: text,
  description: text,
  category: text.optional(),
  iconPath: text.optional(),
});

const input = z.looseObject({
  key: z.string().min(1).max(200),
  label: text.optional(),
  type: z.string().max(100),
  required: z.boolean().optional(),
  default: z.unknown().optional(),
  collection: z.string().max(100).optional(),
  comments: text.optional(),
  shown: z.boolean().optional(),
});

const action = z.looseObject({
  key: z.string().min(1).max(200),
  display,
  inputs: z.array(input).max(1000).default([]),
});

const connection = z.looseObject({
  key: z.string().min(1).max(200),
  label: text.optional(),
  comments: text.optional(),
  oauth2Type: z.enum(['authorization_code', 'client_credentials']).optional(),
  oauth2PkceMethod: z.enum(['plain', 'S256']).optional(),
  oauth2Config: z.looseObject({ allowedTokenParams: z.array(z.string()).optional() }).optional(),
  inputs: z.array(input).max(1000).default([]),
});

/** First-generation components name the connection types that they take instead of declaring their own. */
const authorization = z.looseObject({ required: z.boolean(), methods: z.array(z.string().max(100)).max(50) });

export const componentDefinition = z.looseObject({
  key: z.string().min(1).max(200),
  public: z.boolean().optional(),
  documentationUrl: text.optional(),
  display,
  actions: z.record(z.string(), action).default({}),
  triggers: z.record(z.string(), z.looseObject({})).default({}),
  dataSources: z.record(z.string(), z.looseObject({})).default({}),
  connections: z.array(connection).max(200).default([]),
  authorization: authorization.optional(),
});

export type ComponentDefinition = z.infer<typeof componentDefinition>;
