// Attributes of a body whose `credentials` are read by the schema of its `type`, told as one schema per type.
import { z } from 'zod';

/** `named`: type -> schema of its credentials; every other type has `others`. */
export function credentialVariants(
  attributes: z.ZodObject,
  { named, others }: { readonly named: Readonly<Record<string, z.ZodType>>; readonly others: z.ZodType },
) {
  const { type: given } = attributes.shape;
  const isTypeOptional = given instanceof z.ZodOptional;
  const text = isTypeOptional ? given.unwrap() : given;
  const names = Object.keys(named);
  const another = text instanceof z.ZodString ? text.regex(beside(names)) : typeBeside(names);
  const variant = (type: z.ZodType, credentials: z.ZodType) =>
    attributes.extend({
      type: isTypeOptional ? type.optional() : type,
      credentials: credentials.safeParse({}).success ? credentials.optional() : credentials,
    });
  return z.union([
    ...Object.entries(named).map(([name, schema]) => variant(z.literal(name), schema)),
    variant(another, others),
  ]);
}

/** Any type but these. */
export function typeBeside(names: readonly string[]) {
  return z.string().regex(beside(names));
}

function beside(names: readonly string[]): RegExp {
  return new RegExp(`^(?!(?:${names.join('|')})$)`);
}
