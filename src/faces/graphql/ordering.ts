// How lists may be ordered. Only what a list can really do is on offer.
import { builder } from './builder.ts';

export const Direction = builder.enumType('OrderDirection', { values: ['ASC', 'DESC'] as const });
