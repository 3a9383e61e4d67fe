// The parts of a resource object that every request body has, as schemas.
import { z } from 'zod';

/** What answers contain and requests may send back without meaning anything by it. */
export const echoed = z
  .unknown()
  .optional()
  .meta({ description: 'Not looked at: an answer may be sent back as it is.' });

/** `{data: {id, type}}`; `type` may be left out, a wrong one is refused. */
export function relationTo(type: string) {
  return z.strictObject({
    data: z.strictObject({ id: z.string().max(200), type: z.literal(type).optional() }),
    links: echoed,
    meta: echoed,
  });
}

/** A body `{data: {type, attributes, relationships}}`. */
export function resourceBody<A extends z.ZodType, R extends z.ZodType>(
  type: string,
  attributes: A,
  relationships: R,
) {
  return z.strictObject({
    data: z.strictObject({
      id: z.string().max(200).optional(),
      type: z.literal(type),
      links: echoed,
      meta: echoed,
      attributes,
      relationships,
    }),
    meta: echoed,
    links: echoed,
  });
}
