// The body that a startup hook leaves: any object.
import { z } from 'zod';

export const startupBody = z.record(z.string().max(200), z.json());
